/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of healing share: a snapshot whose blocks are in one pack. Two of them, one after
 * the other, are damaged; and the vault knows that. Failures end the test.
 */
#pragma once

#include "image-bed.h"

#include "format.h"

#include <glib.h>

#define N_BLOCKS 12u
#define FIRST    3u /* of the two damaged blocks */

/* Of one test. */
extern MemSource *source; /* what the snapshot was taken of */
extern VkSnapshot *old;
extern VkPackId damaged_pack;
extern char *copy; /* the directory of the vault as it was before */

void prepare(void);
void prepare_sound(void); /* nothing is damaged yet */
void finish(void);

/* Backs the source up. New. */
VkSnapshot *save_snapshot(void);

/* The vault as another process sees it. */
void reopen(void);

/* How many generations of the damaged pack there are. */
guint count_generations(void);

/*
 * Records COUNT slots from SLOT on as damage that a check has found in OBJECT, or in the pack as it
 * was written. NULL: in none, for the pack is gone.
 */
void find_damage_in(const char *object, guint32 slot, guint32 count);
void find_damage(guint32 slot, guint32 count);

/* Whether this block of the old snapshot can be read. What is read is right. */
gboolean reads(guint block);
