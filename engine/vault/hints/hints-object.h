/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hint files as objects of a vault, below hints/: their names, fetching one and putting one. For
 * this folder only. Threads: free.
 */
#pragma once

#include "store.h"
#include "hints-file.h"
#include "hints-place.h"

#include <glib.h>

/* The names of the vault's hint files, newest first. Returns char*, owned by the array. */
GPtrArray *vk_hints_objects_list(VkStore *store, GError **error);

/*
 * Opens the hint file NAME. Where it cannot be read in place it is brought into a nameless file in
 * FOLDER. VK_ERROR_DAMAGE when it is damaged, VK_ERROR_NOT_FOUND when it is gone.
 */
VkHintsFile *vk_hints_object_open(const VkHintsPlace *place, const char *name, const char *folder,
				  GError **error);

/*
 * Puts FILE under a new name and sets its object. It is the newest one, or as old as the object
 * REPLACED (nullable), whose hints it has.
 */
gboolean vk_hints_object_put(VkStore *store, VkHintsFile *file, const char *replaced,
			     GError **error);
