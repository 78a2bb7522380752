/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackScan: what reading one generation of a pack from its beginning to its end finds out without
 * a key: whether header, table and trailer have their checksums, and which slots have a sound
 * frame. Nothing is opened or decoded, so a block that somebody has forged is not noticed. What is
 * damaged is read by the pack's parity, if it has one. Memory: 1 MiB while it is read.
 */
#pragma once

#include "store.h"
#include "pack-context.h"
#include "pack-id.h"
#include "rate-limit.h"
#include "slot-set.h"
#include "progress.h"

#include <glib.h>

typedef struct VkPackScan {
	gboolean is_usable; /* header, table and trailer are sound, so frames are found by them */
	VkSlots sound;      /* with a sound frame where the table has it */
	VkSlots bad;        /* that it should have, without one */
	guint32 n_nameless; /* how many more it should have: a sealed table does not tell which */
	guint32 n_sound;    /* slots in SOUND, ... */
	guint64 bytes;      /* ... and the bytes of their frames */
	char *what;         /* what is wrong with it; NULL: nothing */
} VkPackScan;

void vk_pack_scan_clear(VkPackScan *scan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkPackScan, vk_pack_scan_clear)

/* How a store is read: LIMIT and PROGRESS are nullable. */
typedef struct VkPackScanner {
	VkStore *store;
	const VkPackContext *context;
	VkRateLimit *limit;
	VkProgress *progress;
} VkPackScanner;

/*
 * Reads OBJECT, a generation of the pack ID. Damage is in *RET. Fails if the storage does, or the
 * object is not there (VK_ERROR_NOT_FOUND), or needs a newer virtkeep, and on vk_interrupted().
 * Threads: free.
 */
gboolean vk_pack_scan(const VkPackScanner *scanner, const VkPackId *id, const char *object,
		      VkPackScan *ret, GError **error);

/* SLOTS for people: "slot 5", "slots 3, 7-9 and 12 more". New string. */
char *vk_pack_scan_slots_text(const VkSlots *slots);
