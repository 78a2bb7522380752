/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkImport: a configuration of virtkeep from one of Snap Creator's, and what became of each key.
 * The answers are in the table of import-keys.c; virtkeep-snapcreator(7) has them in short.
 * Passwords are neither in the configuration nor in the report. Threads: one at a time.
 */
#pragma once

#include "json.h"

#include <glib.h>

typedef enum {
	VK_IMPORT_TAKEN,
	VK_IMPORT_NOT_NEEDED,
	VK_IMPORT_UNSUPPORTED,
	VK_IMPORT_UNKNOWN,
} VkImportVerdict;

typedef struct VkImportKey {
	char *key;
	char *file;
	guint line;
	char *value; /* NULL when it is secret, or may be */
	VkImportVerdict verdict;
	char *as;  /* "[host kvm1] KVM_VM_MAPPING"; NULL unless taken */
	char *why; /* or what to do; NULL for what needs no words */
} VkImportKey;

typedef struct VkImport VkImport;

/* TRUE for what can be a host's name. */
gboolean vk_import_is_hostname(const char *name);

/* HOSTNAME is the host that the configuration was for. */
VkImport *vk_import_new(const char *hostname);
void vk_import_free(VkImport *import);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkImport, vk_import_free)

/*
 * Adds a file, LENGTH bytes of TEXT; NAME is for the report. The configuration comes first, then
 * its global files: a key counts where it comes first. VK_ERROR_USAGE names the line that is
 * broken.
 */
gboolean vk_import_add(VkImport *import, const char *name, const char *text, gsize length,
		       GError **error);

/* To be called once, after all files: the configuration's text. New string. */
char *vk_import_finish(VkImport *import);

/* VkImportKey, in the order of the files. Borrowed. */
const GPtrArray *vk_import_keys(const VkImport *import);

/* How many keys are unsupported or unknown. */
guint vk_import_count_open(const VkImport *import);

/* "taken", "not needed", "unsupported", "unknown". */
const char *vk_import_verdict_name(VkImportVerdict verdict);

/* For programs. New reference. */
json_t *vk_import_to_json(const VkImport *import, const char *configuration);
