/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the collector share: the generations of a disk, of which some are forgotten.
 * Failures end the test.
 */
#pragma once

#include "catalog.h"
#include "collect.h"
#include "generations.h"

#include <glib.h>
#include <jansson.h>

#define GENERATIONS 8
#define SIZE        (20u * 1024 * 1024 + 12345)

/* The snapshot of generation number I. It exists until it is removed: NULL then. New. */
VkSnapshotKey *find_key(guint i);
void forget(guint i);
gboolean exists(guint i);

/* All that exist, forgotten or not, read as their models, as another process reads them. */
void check_existing(void);

/*
 * Two generations, of which the first is forgotten. The second needs a third of its pack, BLOCKS:
 * that is all that a collection finds beside the snapshot.
 */
void save_half_dead_pack(guint blocks);

/* The same as generations I and I + 1. */
void save_half_dead_pack_as(guint i, guint blocks);

/* Generation number I, of so many blocks that no other has. */
void save_alone(guint i, guint blocks);

/* What all packs take. */
guint64 pack_bytes(void);

/* The objects in a folder of the vault. */
guint count_in(const char *folder);

VkCollectResult collect_well(const VkCollectOptions *options);

/* Once nobody works, nothing of anybody's work is left. */
void check_tidy(void);

/* Puts "leases/ID.PART", as another host does. */
void put_foreign_lease(const char *id, const char *part, json_t *object);
