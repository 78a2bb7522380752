/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layout.h"

#include <stddef.h>

const char *const vk_vault_folders[] = {
	VK_FOLDER_PACKS,  VK_FOLDER_SNAPS, VK_FOLDER_COPIES,  VK_FOLDER_HINTS,
	VK_FOLDER_CHECKS, VK_FOLDER_TMP,   VK_FOLDER_KEYS,    VK_FOLDER_LEASES,
	VK_FOLDER_GC,     VK_FOLDER_FENCE, VK_FOLDER_RESERVE, NULL,
};
