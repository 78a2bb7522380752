/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHintsFile: one sorted hint file, searched in place. It is read and not mapped: if a file is
 * cut, or becomes unreadable, the process does not crash. Threads: free. The entries have no
 * checksum: a wrong one is not found or points to a block that is compared.
 */
#pragma once

#include "format.h"
#include "pack-context.h"

#include <glib.h>

typedef struct VkHintsFile {
	int fd;
	char *object; /* name within the vault; NULL for a temporary file */
	guint32 packs;
	guint64 entries;
	_Atomic gboolean unreadable; /* a read failed: nothing is looked up in it any more */
} VkHintsFile;

/* A temporary file in FOLDER that has no name any more. Returns a descriptor, or -1. */
int vk_hints_file_create(const char *folder, GError **error);

/*
 * Takes FD over, also when it fails. NAME is for the error. VK_ERROR_DAMAGE if it is not a hint
 * file of the vault.
 */
VkHintsFile *vk_hints_file_new(int fd, const char *name, const VkPackContext *context,
			       GError **error);
void vk_hints_file_free(VkHintsFile *file);

gboolean vk_hints_file_lookup(VkHintsFile *file, guint64 prefix, VkPackId *ret_pack,
			      guint32 *ret_slot);

/*
 * COUNT pack ids, or little-endian entries, from number FIRST on, which must be there. FALSE when
 * they cannot be read: the file is unreadable then.
 */
gboolean vk_hints_file_read_packs(VkHintsFile *file, guint32 first, guint32 count, VkPackId *ret);
gboolean vk_hints_file_read_entries(VkHintsFile *file, guint64 first, guint32 count,
				    VkHintEntry *ret);

/*
 * The checksum in HEADER's last member, for the pack ids (header->packs of them) behind the header
 * in FD. FALSE when they cannot be read.
 */
gboolean vk_hints_header_crc(const VkHintHeader *header, int fd, guint32 *ret, GError **error);
