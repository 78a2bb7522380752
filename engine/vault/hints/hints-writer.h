/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing hint files, as a stream: memory does not grow with them. What comes out is a file without
 * a name, gone with the process. Threads: one at a time.
 */
#pragma once

#include "hints-file.h"

#include <glib.h>

typedef struct VkHintWriter VkHintWriter;

/* A nameless file in FOLDER. CONTEXT is borrowed. */
VkHintWriter *vk_hint_writer_new(const char *folder, const VkPackContext *context, GError **error);
void vk_hint_writer_free(VkHintWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHintWriter, vk_hint_writer_free)

/* Adds pack ids. All of them come before the first entry. */
gboolean vk_hint_writer_add_packs(VkHintWriter *writer, const VkPackId *packs, guint32 count,
				  GError **error);

/* Adds an entry in host byte order. Prefixes ascend. */
gboolean vk_hint_writer_add(VkHintWriter *writer, const VkHintEntry *entry, GError **error);

VkHintFile *vk_hint_writer_finish(VkHintWriter *writer, GError **error);

/*
 * Merges FILES (VkHintFile, newest first): of two entries with one prefix the newest stays. Those
 * of a file that turns out to be unreadable are missing.
 */
VkHintFile *vk_hint_files_merge(GPtrArray *files, const char *folder, const VkPackContext *context,
				GError **error);
