/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing hint files, as a stream: memory does not grow with them. What comes out is a file without
 * a name, gone with the process. Threads: one at a time.
 */
#pragma once

#include "hints-file.h"

#include <glib.h>

typedef struct VkHintsWriter VkHintsWriter;

/* A nameless file in FOLDER. CONTEXT is borrowed. */
VkHintsWriter *vk_hints_writer_new(const char *folder, const VkPackContext *context,
				   GError **error);
void vk_hints_writer_free(VkHintsWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHintsWriter, vk_hints_writer_free)

/* Adds pack ids. All of them come before the first entry. */
gboolean vk_hints_writer_add_packs(VkHintsWriter *writer, const VkPackId *packs, guint32 count,
				   GError **error);

/* Adds an entry in host byte order. Prefixes ascend. */
gboolean vk_hints_writer_add(VkHintsWriter *writer, const VkHintEntry *entry, GError **error);

VkHintsFile *vk_hints_writer_finish(VkHintsWriter *writer, GError **error);

/*
 * Merges FILES (VkHintsFile, newest first): of two entries with one prefix the newest stays.
 * Entries of an unreadable file are missing.
 */
VkHintsFile *vk_hints_files_merge(GPtrArray *files, const char *folder,
				  const VkPackContext *context, GError **error);
