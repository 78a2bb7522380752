/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-merge.h"

/* A run must have this many times the extents of the run above it. */
#define SIZE_RATIO 4
/* All runs above the oldest together may have this share of its extents: one part in ... */
#define DELTA_SHARE 4

/* Writes what MAP says, which is all of an image's runs or the newest. */
static VkRun *write_merged(VkMap *map, gboolean whole, VkSegmentFunc store, gpointer user,
			   gboolean *ret_unreadable, GError **error)
{
	g_autoptr(VkRunWriter) writer = vk_run_writer_new(store, user);

	if (!vk_run_writer_add_map(writer, map, whole, ret_unreadable, error))
		return NULL;
	return vk_run_writer_finish(writer, error);
}

/* The COUNT newest runs, newest first, borrowed. */
static GPtrArray *newest_runs(const GPtrArray *runs, guint count)
{
	GPtrArray *newest = g_ptr_array_new();

	for (guint i = 0; i < count; i++)
		g_ptr_array_add(newest, runs->pdata[i]);
	return newest;
}

/* How many of the newest runs are to become one: 0 or 1 for none. */
static guint count_to_merge(const GPtrArray *runs)
{
	guint64 extents = 0;
	guint64 sum = 0;
	guint count = 1;

	for (guint i = 0; i + 1 < runs->len; i++)
		sum += ((VkRun *)runs->pdata[i])->extents;
	if (runs->len > 1 && sum * DELTA_SHARE > ((VkRun *)runs->pdata[runs->len - 1])->extents)
		return runs->len;
	for (guint i = 0; i + 1 < runs->len; i++) {
		extents += ((VkRun *)runs->pdata[i])->extents;
		if (((VkRun *)runs->pdata[i + 1])->extents < SIZE_RATIO * extents)
			count = i + 2;
	}
	if (runs->len - MIN(count, runs->len) + 1 > VK_RUNS_MAX)
		count = runs->len;
	return count;
}

gboolean vk_runs_merge(GPtrArray *runs, guint32 blocks, VkBlockCache *cache, VkSegmentFunc store,
		       gpointer user, gboolean *ret_unreadable, GError **error)
{
	guint count = count_to_merge(runs);
	g_autoptr(GPtrArray) newest = NULL;
	g_autoptr(VkMap) map = NULL;
	VkRun *merged;

	*ret_unreadable = FALSE;
	if (count < 2)
		return TRUE;
	newest = newest_runs(runs, count);
	map = vk_map_new(cache, newest, blocks);
	merged = write_merged(map, count == runs->len, store, user, ret_unreadable, error);
	if (!merged)
		return FALSE;
	g_ptr_array_remove_range(runs, 0, count);
	g_ptr_array_insert(runs, 0, merged);
	return TRUE;
}
