/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store that passes each call on to another one, and keeps what was called: "put leases/x.0",
 * "list snaps", "look packs/00/x.0", "get", "delete", "adopt", "sync". One at a time.
 */
#pragma once

#include "store.h"

#include <glib.h>

typedef struct WatchedStore {
	VkStore base;
	VkStore *inner;
	GPtrArray *calls; /* strings, in order */
	/* Nullable; before each call but "get": FALSE makes it fail, but for "adopt". It may use
	   INNER. */
	gboolean (*on_call)(VkStore *inner, const char *call);
} WatchedStore;

/* INNER is borrowed. To be freed by watched_store_free(), not by the table. */
WatchedStore *watched_store_new(VkStore *inner);
void watched_store_free(WatchedStore *store);

/* The number of the first call from number FROM on that matches the glob; -1: none. */
int watched_store_find(const WatchedStore *store, const char *glob, guint from);

/* How many calls match the glob. */
guint watched_store_count(const WatchedStore *store, const char *glob);
