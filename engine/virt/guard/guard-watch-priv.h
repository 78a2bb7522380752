/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWatchlist: the guests that a guard watches, and until when each may be held. It releases an
 * overdue guest in a thread of its own, and neither the other guests nor the caller wait for that.
 * Threads: one uses it; its own do the rest.
 */
#pragma once

#include "guest-hold.h"

#include <glib.h>

typedef struct VkWatchlist VkWatchlist;

/* What is done to a guest that is or was HELD. Runs in a thread of its own. */
typedef void (*VkWatchedFunc)(gpointer guest, VkHold held);

/* RELEASE is called when a guest's deadline has passed, FREE_GUEST when it is watched no more. */
VkWatchlist *vk_watchlist_new(VkWatchedFunc release, GDestroyNotify free_guest);

/* Takes GUEST, in place of an earlier one of that UUID. */
void vk_watchlist_add(VkWatchlist *list, const char *uuid, gpointer guest);

/* Borrowed; NULL: it is not watched. */
gpointer vk_watchlist_find(VkWatchlist *list, const char *uuid);

/* The guest is held so from now on, until DEADLINE (monotonic, microseconds); or not any more. */
void vk_watchlist_hold(VkWatchlist *list, const char *uuid, VkHold hold, gint64 deadline);
void vk_watchlist_released(VkWatchlist *list, const char *uuid);

/* Unless it is held still, the guest is watched no more. Does not wait for its release. */
void vk_watchlist_remove(VkWatchlist *list, const char *uuid);

/* Calls FIX for each guest that is left, all at once, after their releases, and frees the list. */
void vk_watchlist_end(VkWatchlist *list, VkWatchedFunc fix);
