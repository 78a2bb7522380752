/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Before a collector deletes what no snapshot refers to: no snapshot that is not there may come
 * back. Threads: free.
 */
#pragma once

#include "store.h"

#include <glib.h>

/*
 * Makes durable which objects of snapshots and of copies are there, and which are not, whoever put
 * or deleted them. Costs a listing and a flush of each guest's folder.
 */
gboolean vk_flush_snapshot_names(VkStore *store, GError **error);
