/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-priv.h"

#include "runwriter.h"

/* A run must have this many times the extents of the run above it. */
#define SIZE_RATIO 4
/* All runs above the oldest together may have this share of its extents: one part in ... */
#define DELTA_SHARE 4

/* Replaces the COUNT newest runs by one. */
static gboolean merge_newest(VkSession *session, GPtrArray *runs, guint count, guint32 blocks,
			     gboolean *ret_unreadable, GError **error)
{
	g_autoptr(GPtrArray) newest = g_ptr_array_new();
	g_autoptr(VkMap) map = vk_map_new(session->vault->blocks, newest, blocks);
	g_autoptr(VkRunWriter) writer = vk_run_writer_new(vk_session_store_segment, session);
	VkRun *merged;

	for (guint i = 0; i < count; i++)
		g_ptr_array_add(newest, runs->pdata[i]);
	if (!vk_run_writer_add_map(writer, map, blocks, count == runs->len, ret_unreadable, error))
		return FALSE;
	merged = vk_run_writer_finish(writer, error);
	if (!merged)
		return FALSE;
	g_ptr_array_remove_range(runs, 0, count);
	g_ptr_array_insert(runs, 0, merged);
	return TRUE;
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

gboolean vk_runs_merge(VkSession *session, GPtrArray *runs, guint32 blocks,
		       gboolean *ret_unreadable, GError **error)
{
	guint count = count_to_merge(runs);

	*ret_unreadable = FALSE;
	return count < 2 || merge_newest(session, runs, count, blocks, ret_unreadable, error);
}
