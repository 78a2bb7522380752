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

/* A file. */
typedef struct VkSalvaged {
	char *name;         /* when the backup began, its id, the image's number */
	guint64 blocks;     /* that are in it; in a dry run those that would be */
	guint64 unreadable; /* that are damaged, or not for the key in use */
} VkSalvaged;

typedef struct VkSalvageResult {
	GPtrArray *files; /* VkSalvaged, ordered by name */
	guint packs;      /* that could be read */
	guint unreadable; /* packs that are lost: nobody knows whether they had more */
	guint snapshots;  /* that can be read, forgotten ones as well */
	guint damaged;    /* snapshots whose object cannot be read */
} VkSalvageResult;

/*
 * Salvages each backup that has stored a block which no readable snapshot needs. It may have been
 * killed before its snapshot was listed, or the snapshot may be removed. Makes DIRECTORY for the
 * files; NULL: a dry run, which does not read the blocks. VAULT may be open for reading.
 * VK_ERROR_EXISTS when DIRECTORY is there, VK_ERROR_DENIED for a key that opens no blocks. Fails if
 * the storage does, and on vk_interrupted(); what was written stays.
 */
VkSalvageResult *vk_salvage(VkVault *vault, const char *directory, GError **error);
void vk_salvage_result_free(VkSalvageResult *result); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSalvageResult, vk_salvage_result_free)
