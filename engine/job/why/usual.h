/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkUsual: what is usual for the snapshots of a guest, by medians, and what stands out from it.
 * Plain data. Threads: free.
 */
#pragma once

#include "snapshot.h"

#include <glib.h>

/* Of one snapshot, all disks together. */
typedef struct VkAmounts {
	guint64 read, fresh, stored; /* bytes */
	guint64 duration_usec, pause_usec;
} VkAmounts;

typedef struct VkUsual {
	guint snapshots; /* that it is from; 0: there are none */
	VkAmounts median;
} VkUsual;

VkAmounts vk_amounts_of(const VkSnapshot *snapshot);

/* The medians of SNAPSHOTS (VkSnapshot*). */
VkUsual vk_usual_of(const GPtrArray *snapshots);

/*
 * Whether AMOUNTS are as if somebody encrypted the guest's files: far more new data than usual,
 * which hardly compresses while that of the guest did before. It is a hint and no proof: a copied
 * film looks the same.
 */
gboolean vk_amounts_are_suspicious(const VkAmounts *amounts, const VkUsual *usual);

/* Adds to FINDINGS (char*) in words what stands out. */
void vk_usual_compare(const VkAmounts *amounts, const VkUsual *usual, GPtrArray *findings);
