/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots of a disk in the vault of image-bed.h, each saved by what changed since the one before:
 * they share runs and blocks. Failures end the test.
 */
#pragma once

#include "memory-source.h"
#include "snapshot.h"

#include <glib.h>

#define GENERATIONS_MAX 12

/* Of one test: what each disk holds, and its snapshot as a reader loads it. */
extern MemSource *models[GENERATIONS_MAX];
extern VkSnapshot *snapshots[GENERATIONS_MAX];

/* SIZE in bytes. */
void save_generations(guint count, guint64 size);
void drop_generations(void);
