/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vault with garbage of all kinds, and what has to go well in it whatever failed before. Threads:
 * one at a time.
 */
#pragma once

#include "collect.h"
#include "ledger.h"

#include <glib.h>

/* The entries of a ledger that garbage_make() began. */
typedef enum {
	GARBAGE_OLD,    /* others use little of its pack */
	GARBAGE_OTHER,  /* of another guest; it uses some of that pack */
	GARBAGE_SINGLE, /* its pack is its own, and its guest has no other */
	GARBAGE_NEW,    /* built upon the old one */
	GARBAGE_ENTRIES
} GarbageEntry;

/* Makes a vault with these, all listed. Its newest hints are stale. */
void garbage_make(Ledger *ledger, const char *directory);

/* Collects, in an opening of its own. */
gboolean garbage_collect(const char *directory, VkCollectResult *result, GError **error);

/*
 * The vault is what LEDGER says. A backup that uses what was garbage and a collection succeed then,
 * and leave nothing that is forgotten and nobody's work.
 */
void garbage_check_future(const Ledger *ledger, const char *directory);
