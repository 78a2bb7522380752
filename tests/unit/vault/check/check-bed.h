/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of checks share: packs that are made slot by slot, snapshots of them, and checks
 * by a process of its own. Failures end the test.
 */
#pragma once

#include "damages.h"
#include "image-bed.h"

#include "format.h"

#include <check.h>
#include <glib.h>

/* More than the tables that are kept, so that the first is read again. */
#define BED_PACKS 80

#define BED_ALL (G_MAXUINT - 1)

extern gsize block_length; /* of the blocks that packs are made of */
extern VkPackId packs[BED_PACKS];
extern char *victim;          /* the object of the first pack; NULL: it is like the others */
extern gint reads_of_victim;  /* how often the last check has read from it */
extern gboolean interrupts;   /* a reading too much interrupts instead of failing, ... */
extern gboolean vanishes;     /* ... or finds that a collector has removed the object, ... */
extern gboolean store_leaves; /* ... or fails, and nothing can be listed from then on */
extern gint listings_failing; /* so many listings of the chosen victim fail */
extern gboolean is_collected; /* a collector removes the victim once it is chosen */

/*
 * A pack of its own for SLOTS blocks. The id of the slot WRONG, or of BED_ALL, is not that of its
 * content.
 */
VkPackId write_pack(guint slots, guint wrong);

/* Makes COUNT of the packs with SLOTS each; the first, which has a WRONG slot, is the victim. */
void write_packs(guint count, guint slots, guint wrong);

/* A snapshot of an image that is all SLOTS of each of the COUNT packs from FIRST on. */
VkSnapshot *commit_some_packs(const VkPackId *first, guint count, guint slots);
VkSnapshot *commit_packs(guint count, guint slots);

/*
 * Checks as a process of its own, which may read the victim ALLOWED times. NULL: it was
 * interrupted.
 */
VkCheckResult *check_with(const VkCheckOptions *options, gint allowed);
VkCheckResult *check_vault(gboolean data, gint allowed);

/* What the vault says of the pack: when it was read back, and how many slots are damaged. */
gint64 read_time(const VkPackId *pack);
guint32 count_damaged(const VkPackId *pack);

/* The damage INDEX is that COUNT blocks of the disk from FIRST on cannot be read. */
void expect_range(const VkCheckResult *result, guint index, guint64 first, guint64 count);
