/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the listed snapshots take in a vault, by guest. A stored block counts with its size in the
 * pack. It is unique when one guest uses it, and shared when several do; it is exact, because it
 * comes from the maps and the packs' tables. Memory: 1024 bytes for each pack, and what marking one
 * guest takes. Threads: one at a time.
 */
#pragma once

#include "catalog.h"

#include <glib.h>

/* Of one guest, or of all: all in bytes. */
typedef struct VkSpace {
	guint snapshots;
	guint64 logical; /* data of all snapshots, as if each was stored alone and as it is */
	guint64 unique;  /* stored for one guest: what forgetting that guest frees */
	guint64 shared;  /* stored once for several guests */
	guint64 week;    /* what the snapshots of the last 7 days stored */
	guint64 month;   /* and those of the last 30 */
} VkSpace;

typedef struct VkSpaceOfGuest {
	const VkCatalogGuest *guest; /* borrowed */
	VkSpace space;
} VkSpaceOfGuest;

/*
 * Measures all GUESTS of the vault (vk_catalog_guests()) into *RET_ALL, and those that are in
 * CHOSEN one by one. NOW is in seconds since 1970. Returns VkSpaceOfGuest*, owned by the array, in
 * the order of CHOSEN. VK_ERROR_DAMAGE names a snapshot whose maps cannot be read. Stops on
 * vk_interrupted().
 */
GPtrArray *vk_space_measure(VkVault *vault, const GPtrArray *guests, const GPtrArray *chosen,
			    gint64 now, VkSpace *ret_all, GError **error);

/*
 * In how many seconds FREE bytes are used up, at the faster of the rates of the last 7 and 30 days.
 * -1: never.
 */
gint64 vk_space_seconds_left(const VkSpace *all, guint64 free);
