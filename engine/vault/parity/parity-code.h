/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Reed-Solomon code of parity: two parity shards P and Q, so that any two shards can be lost.
 * In GF(2^8) with the polynomial 0x11d, as of RAID 6: P is the sum of all data shards, Q that of
 * 2^i times shard i. Threads: free.
 */
#pragma once

#include "format.h"

#include <glib.h>

/*
 * Adds LENGTH bytes of the data shard SHARD to P and Q, which are at the same place of theirs.
 * Zeros add nothing.
 */
void vk_parity_code_add(guint8 *p, guint8 *q, guint shard, const void *bytes, gsize length);

/* Data shards that are lost, and as many parity shards that are not. */
typedef struct VkParityLoss {
	guint count;                    /* 1 or 2 */
	guint shards[VK_PARITY_SHARDS]; /* the numbers of the lost ones */
	gboolean from_q;                /* with COUNT 1: Q is used, not P */
	guint8 *sums[VK_PARITY_SHARDS]; /* of P and Q: the parity shard and all that is not lost */
	guint8 *result[VK_PARITY_SHARDS]; /* where the lost ones go, in the order of SHARDS */
} VkParityLoss;

/* Computes LENGTH bytes of what is lost. */
void vk_parity_code_solve(const VkParityLoss *loss, gsize length);
