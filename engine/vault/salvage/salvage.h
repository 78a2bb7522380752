/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Salvaging what is left of snapshots whose objects are lost. The table of a pack says of each
 * block at which place of which image of a backup it was first stored. So the images of a backup
 * come out as files with gaps: what the vault had already, zeros and holes are not in its packs.
 * They do not become snapshots, because nobody knows the rest. The vault does not change. Threads:
 * one caller at a time.
 */
#pragma once

#include "vault.h"

#include <glib.h>

typedef struct VkSalvaged {
	char *name;         /* of the file: when the backup began, its id, the image's number */
	guint64 blocks;     /* that are in it; in a dry run those that would be */
	guint64 unreadable; /* that are damaged */
} VkSalvaged;

/*
 * Salvages each backup that has stored a block which no readable snapshot needs. It may have been
 * killed before its snapshot was listed, or the snapshot may be removed. Makes DIRECTORY for the
 * files; NULL: a dry run, which does not read the blocks. VK_ERROR_EXISTS when it is there,
 * VK_ERROR_DENIED for a key that opens no blocks. Stops on vk_interrupted(); what was written
 * stays. Returns VkSalvaged*, ordered by name, owned by the array.
 */
GPtrArray *vk_salvage(VkVault *vault, const char *directory, GError **error);
