/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hints need of the vault that they lie in. */
#pragma once

#include "store.h"
#include "pack-context.h"
#include "pack-cache.h"

#include <glib.h>

/* All members are borrowed for as long as the hints are open. */
typedef struct VkHintsPlace {
	VkStore *store;
	VkPackCache *packs;
	const VkPackContext *context;
	const char *directory; /* of the vault: hint files are read in place; NULL: the vault is not
				  in a directory */
} VkHintsPlace;

/*
 * Where files without a name are made: in the vault, which has the room, but for an encrypted one,
 * because they are not encrypted. New string.
 */
char *vk_hints_place_folder(const VkHintsPlace *place);
