/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command does with each of the snapshots that were named. Threads: one at a time. */
#pragma once

#include "named-snapshots.h"

#include <glib.h>
#include <jansson.h>

typedef gboolean (*VkEachFunc)(gpointer user, const VkNamedSnapshot *named, GError **error);

/*
 * Calls FUNC for each of ALL, VkNamedSnapshot*: one that fails keeps no other. Of several, the
 * errors are logged. DONE is what would have been done, as in "2 of 3 snapshots could not be
 * forgotten". VK_ERROR_PARTIAL when only some failed.
 */
gboolean vk_each_named(const GPtrArray *all, VkEachFunc func, gpointer user, const char *done,
		       GError **error);

/* What JSON says of each: its names and, with TROUBLE (nullable), why it failed. New reference. */
json_t *vk_each_to_json(const VkNamedSnapshot *named, const GError *trouble);
