/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the tables of all packs, which hints are made from. Threads: free. */
#pragma once

#include "hints.h"
#include "pack-table.h"

#include <glib.h>

typedef void (*VkHintsAddTable)(gpointer user, const VkPackTable *table);

/*
 * Calls ADD (nullable) with USER for the table of each pack at PLACE, and counts them in *RET.
 * Leaves out lost packs. Fails if the storage does, or on vk_interrupted().
 */
gboolean vk_hints_read_tables(const VkHintsPlace *place, VkHintsAddTable add, gpointer user,
			      VkHintsRebuilt *ret, GError **error);
