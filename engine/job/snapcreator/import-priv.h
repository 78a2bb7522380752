/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of VkImport share. */
#pragma once

#include "import.h"

typedef struct VkImportRow VkImportRow;

struct VkImport {
	char *hostname;
	GPtrArray *keys;      /* VkImportKey, all */
	GHashTable *counting; /* name -> VkImportKey that counts, borrowed */
	GHashTable *values;   /* name -> its whole value */
	GKeyFile *output;
	GString *to_do; /* comment lines */
	guint files;
};

/* Judges a key that has a value, by setting its verdict, as and why. */
typedef void VkImportTake(VkImport *import, const VkImportRow *row, VkImportKey *key,
			  const char *value);

/* What becomes of a key of Snap Creator. */
struct VkImportRow {
	const char *name; /* "CMDnn": CMD01 to CMD99 */
	VkImportVerdict verdict;
	const char *group; /* taken: into this; "host": that of the host */
	const char *as;    /* under this name; NULL: its own */
	const char *off;   /* with this value, it is how things are here, too */
	const char *why;
	gboolean is_secret; /* its value may be, and is not reported */
	VkImportTake *take; /* NULL: verdict and why say all */
};

/* NULL for a key that is not known. */
const VkImportRow *vk_import_find_row(const char *key);

/* KEY with two digits, as "CMD01" for "CMD1": Snap Creator takes both. New string. */
char *vk_import_full_name(const char *key);

/* The value that counts; NULL when no file has it, or it is empty. */
const char *vk_import_value(const VkImport *import, const char *name);

/* Whether VALUE (nullable) is "N". */
gboolean vk_import_is_no(const char *value);

/* Copies what is not NULL. */
void vk_import_judge(VkImportKey *key, VkImportVerdict verdict, const char *as, const char *why);

/*
 * Writes [GROUP] NAME = VALUE, and adds that to key->as; FALSE when it cannot be, for which KEY is
 * unsupported then.
 */
gboolean vk_import_put(VkImport *import, VkImportKey *key, const char *group, const char *name,
		       const char *value);

/* How the rows take their values. */
VkImportTake vk_import_take_plain;
VkImportTake vk_import_take_larger; /* of two keys that became one */
VkImportTake vk_import_take_hook;
VkImportTake vk_import_take_retentions;
VkImportTake vk_import_take_list;
VkImportTake vk_import_take_users;
VkImportTake vk_import_take_transport;
VkImportTake vk_import_take_port;
VkImportTake vk_import_take_interfaces;
VkImportTake vk_import_take_timeout;
VkImportTake vk_import_take_global;
