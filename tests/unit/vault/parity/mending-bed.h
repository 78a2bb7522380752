/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of mending share: a store with one pack that has parity, and what becomes of it.
 */
#pragma once

#include "pack-cache.h"
#include "parity-end.h"
#include "store.h"

#include <check.h>
#include <glib.h>

#define N_BLOCKS 6
#define SHARD    4096u

/* Of one test. */
typedef struct MendingBed {
	VkPackContext context;
	GRand *seeded;
	char *directory;
	VkStore *store;
	guint8 blocks[N_BLOCKS][VK_BLOCK_SIZE];
	VkPackId pack;
	char *path, *object;
	guint8 *sound, *bytes; /* the pack's object as it was written, and as it is now */
	gsize length;
	VkParityLayout layout;
	guint warnings;
	char *warning; /* the last one */
} MendingBed;

extern MendingBed bed;

/* With other blocks than before. */
VkPackId write_pack(void);

guint n_shards(void);

/* Shards with a number from that of the last on: the first copy of the end, then the second. */
void damage(guint shard);
void damage_end(guint copy);

/* BYTES as they were. */
void restore(void);

/* Replaces the pack's object by the first N of BYTES, or the file that a reader may have open. */
void write_bytes(gsize n);
void overwrite_bytes(void);

/*
 * By readers that have not seen the pack before; OPS is of their store, or NULL. How many blocks
 * are there; these must be right.
 */
guint count_readable_with(const VkStoreOps *ops);
guint count_readable(void);

/* The second block, which lies in many shards. */
gboolean read_second(VkPackCache *cache);

/* Returns the exit status. */
int run_mending_tests(const char *name, void (*add_tests)(TCase *tcase));
