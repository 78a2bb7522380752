/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkRunWriter: turns ascending extents into the pages of a run, a segment at a time. Its memory is
 * bounded by one segment. Threads: one at a time.
 */
#pragma once

#include "map.h"

#include <glib.h>

typedef struct VkRunWriter VkRunWriter;

/*
 * Stores a segment: SLOTS (GBytes*) are its directory and its pages, to be put into consecutive
 * slots of one pack. LAST is TRUE for the run's last one.
 */
typedef gboolean (*VkSegmentFunc)(gpointer user, const GPtrArray *slots, gboolean last,
				  VkPackId *ret_pack, guint32 *ret_slot, GError **error);

VkRunWriter *vk_run_writer_new(VkSegmentFunc store, gpointer user);
void vk_run_writer_free(VkRunWriter *writer); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkRunWriter, vk_run_writer_free)

/* Adds an extent that lies after all others. Neighbours that continue each other become one. */
gboolean vk_run_writer_add(VkRunWriter *writer, const VkExtent *extent, GError **error);

/* Stores the rest. Returns the run; it has no segments if nothing was added. */
VkRun *vk_run_writer_finish(VkRunWriter *writer, GError **error);

/*
 * Adds the extents of MAP. WHOLE: no older runs lie below the map, so holes need not
 * be named. Sets *RET_UNREADABLE if it fails because MAP cannot be read.
 */
gboolean vk_run_writer_add_map(VkRunWriter *writer, VkMap *map, gboolean whole,
			       gboolean *ret_unreadable, GError **error);
