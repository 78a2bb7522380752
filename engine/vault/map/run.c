/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"

VkRun *vk_run_new(void)
{
	VkRun *run = g_new0(VkRun, 1);

	run->segments = g_array_new(FALSE, FALSE, sizeof(VkSegment));
	run->data_blocks = G_MAXUINT64;
	return run;
}

VkRun *vk_run_copy(const VkRun *run)
{
	VkRun *copy = g_new0(VkRun, 1);

	copy->extents = run->extents;
	copy->data_blocks = G_MAXUINT64;
	copy->segments = g_array_copy(run->segments);
	return copy;
}

void vk_run_free(VkRun *run)
{
	if (!run)
		return;
	g_array_unref(run->segments);
	g_free(run);
}

static void run_free(gpointer run)
{
	vk_run_free(run);
}

GPtrArray *vk_runs_new(void)
{
	return g_ptr_array_new_with_free_func(run_free);
}
