/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of replication share: two vaults, and generations of a disk in the first. Failures
 * end the test.
 */
#pragma once

#include "catalog.h"
#include "image-bed.h"
#include "replicate.h"

#include <glib.h>

#define GENERATIONS 4u
#define BLOCKS      96u
#define SIZE        ((BLOCKS - 1) * VK_BLOCK_SIZE + 12345u)
#define CHANGED     3u /* blocks of each generation */

/* Which vaults: of each the keys, and whether it has parity. */
typedef struct VkReplicaKind {
	const char *from_key, *to_key; /* NULL: not encrypted */
	gboolean parity;
} VkReplicaKind;

#define N_KINDS 5
extern const VkReplicaKind kinds[N_KINDS];

/* Of one test. */
extern VkVault *from, *to;
extern MemSource *models[64]; /* of the generations */
extern guint n_models;
extern guint64 bytes_read; /* of all snapshots by the last replication */
extern char *trouble;      /* what was wrong with the last snapshot that failed */

void prepare(int kind);
void finish(void);

/* Its TIME. New string. */
char *time_of(guint generation);

/* The key of the generation in a vault, forgotten or not; NULL: it is not there. New. */
VkSnapshotKey *find_key(VkVault *in, guint generation);
gboolean is_listed(VkVault *in, guint generation);

/* Its snapshot. New. */
VkSnapshot *load(VkVault *in, guint generation);

/* Backs up the newest model into IN, by what has changed since the one before, or in whole. */
void take_into(VkVault *in, const VkSnapshot *parent);

/* COUNT more generations in the first vault, each with CHANGED other blocks. */
void take(guint count);

gboolean try_replicate(VkReplicateOptions options, VkReplicateResult *result, GError **error);
VkReplicateResult replicate(VkReplicateOptions options);

/* Replicates all; how many were sent. */
guint replicated(void);

/* The generation is in the other vault what it is in the first. */
void check_generation(guint generation);

/* All that the vault lists can be read, and nothing contradicts itself. */
void check_vault(VkVault *in);

void forget(VkVault *in, guint generation);

/* Until nothing is left to be freed. */
void collect(VkVault *in);
