/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store that spares a bucket requests: it stands before another store and keeps what was read
 * there of packs and hints, in memory and in files of this host, as the other store gave it: of a
 * sealed object what is sealed. All else passes, and all does until vk_window_store_keep().
 *
 * Packs are read in windows of VK_WINDOW_SIZE bytes; of those who want one at the same time one
 * asks for it. The windows behind the one that is read are fetched ahead when the one before it
 * was read as well. That an object is there is said only by what passes: head and list.
 */
#pragma once

#include "store.h"

#include <glib.h>

#define VK_WINDOW_SIZE (1u << 20)

/* Takes INNER over. */
VkStore *vk_window_store_new(VkStore *inner);

typedef enum {
	VK_KEEP_HINTS, /* for who changes the vault: whether a pack is there decides what it does */
	VK_KEEP_READS, /* packs as well: for who reads snapshots that are listed, and nothing else
			*/
} VkKeep;

/*
 * Keeps from now on, in files in DIRECTORY of about SIZE bytes. OWNER says whose they are. Without
 * a DIRECTORY what is read is in memory alone. Call before reading, once.
 */
void vk_window_store_keep(VkStore *store, VkKeep what, const char *directory, const char *owner,
			  guint64 size);
