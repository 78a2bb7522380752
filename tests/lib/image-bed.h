/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of images share: a vault, and images of it against a model in memory. Failures end
 * the test.
 */
#pragma once

#include "memory-source.h"
#include "session.h"
#include "snapshot.h"
#include "temp-vault.h"
#include "vault.h"

#include <check.h>
#include <glib.h>

#define UUID "11111111-2222-3333-4444-555555555555"

extern GRand *seeded;

/* Of one test. */
extern char *directory;
extern VkVault *vault;

VkImageRecord *save(VkSession *session, MemSource *source, const VkImageRecord *parent,
		    VkSaveStats *stats);

/* Commits a snapshot of RECORD, which is taken over, and returns it as another reader loads it. */
VkSnapshot *commit(VkSession *session, VkImageRecord *record);

/* Fills SOURCE with noise and commits a snapshot of it into the empty vault: one pack, *RET_PACK.
 */
VkSnapshot *commit_one_pack(MemSource *source, VkPackId *ret_pack);

/* Of its disk. Borrowed. */
const VkImageRecord *image_of(const VkSnapshot *snapshot);

/* RECORD, read from the vault FROM in all ways, is what SOURCE holds. */
void check_image(VkVault *from, const VkImageRecord *record, const MemSource *source);

/* Nothing in it is a hole, and no block like another. */
void fill_with_noise(MemSource *source);

/* Runs the tests that ADD adds; the exit status. */
int run_image_tests(const char *name, void (*add)(TCase *tcase));
