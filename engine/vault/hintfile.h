/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHintFile: one sorted hint file, mapped and searched in place. Immutable. Threads: free. The
 * entries have no checksum: a wrong one is not found or points to a block that is compared.
 */
#pragma once

#include "format.h"

#include <glib.h>

typedef struct VkHintFile {
	GMappedFile *map;
	char *object; /* name within the vault; NULL for a temporary file */
	guint32 packs;
	guint64 entries;
	const VkPackId *pack_ids;
	const VkHintEntry *list; /* little-endian */
} VkHintFile;

/* Takes MAP over. NAME is for the error. VK_ERROR_DAMAGE for what is no hint file of the vault. */
VkHintFile *vk_hint_file_new(GMappedFile *map, const char *name, const guint8 *vault_id,
			     GError **error);
void vk_hint_file_free(VkHintFile *file);

gboolean vk_hint_file_lookup(const VkHintFile *file, guint64 prefix, VkPackId *ret_pack,
			     guint32 *ret_slot);

/* The checksum in HEADER's last member, for these pack ids (header->packs of them). */
guint32 vk_hint_header_crc(const VkHintHeader *header, const VkPackId *pack_ids);
