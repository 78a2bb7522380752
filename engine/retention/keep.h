/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decision which snapshots of a guest, or which copies of them on an array, are kept. It is
 * made of nothing but what it is given: no vault, no clock. Threads: free.
 *
 * From the newest to the oldest each counting rule keeps the first snapshot of every period, until
 * it has kept as many as it says. A period without a snapshot does not count. While it has kept
 * fewer, it keeps the oldest snapshot of all as well.
 *
 * A date that cannot be true takes no place: else forged or mistaken dates would drive out what is
 * genuine. It is kept, too, for nothing says how old it is.
 */
#pragma once

#include "keep-rules.h"

#include <glib.h>

typedef struct VkKeepItem {
	gint64 taken;        /* seconds since 1970 */
	const char *label;   /* nullable, borrowed */
	gint64 pinned_until; /* seconds since 1970; 0: it is not; G_MAXINT64: for good */
	gint64 discrepancy;  /* its date against the store's own, in seconds */
	gboolean is_last_good;
	gboolean is_partial; /* kept like one that is whole, but takes no place */
} VkKeepItem;

typedef struct VkKeepFacts {
	gint64 now;       /* seconds since 1970 */
	GTimeZone *zone;  /* borrowed */
	gboolean is_gone; /* the host no longer has the guest */
} VkKeepFacts;

/*
 * Decides about COUNT items of one guest, the newest last. Returns a GStrv for each of them, owned
 * by the array: the reasons why it is kept, in words. One without a reason is not kept.
 */
GPtrArray *vk_keep_decide(const VkKeepRules *rules, const VkKeepItem *items, guint count,
			  const VkKeepFacts *facts);

/* Whether the date of ITEM cannot be true. */
gboolean vk_keep_is_doubtful(const VkKeepItem *item, const VkKeepFacts *facts);

/* Whether item number I of that result is kept. */
gboolean vk_keep_is_kept(const GPtrArray *decision, guint i);
