/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing the items of a plan: each is cloned by its array, or copied, into a sink that the swap
 * takes over.
 */
#include "apply-priv.h"

#include "sink-copy.h"
#include "progress-count.h"
#include "log.h"

static gboolean copy_image(VkImage *image, VkSink *sink, VkMissing *missing, VkProgress *progress,
			   GError **error)
{
	VkCount *count = vk_count_image(image, progress);
	gboolean done = vk_sink_copy_image(image, sink, missing, progress, error);

	if (done)
		vk_count_end(count);
	else
		vk_count_cut(count, 0);
	return done;
}

static gboolean write_item(const VkRestorePlan *plan, const VkRestoreItem *item, VkArrays *arrays,
			   VkSwap *swap, VkProgress *progress, GError **error)
{
	g_autoptr(VkImage) image = NULL;
	g_autoptr(VkSink) sink = NULL;

	vk_log_debug("%s '%s' goes to '%s': %s", item->is_disk ? "disk" : "file", item->name,
		     item->path ? item->path : "standard output",
		     item->clone        ? "cloned by its array"
		     : item->why_copied ? item->why_copied
					: "copied");
	if (!vk_swap_make_directory(swap, item, error))
		return FALSE;
	if (item->clone && !vk_apply_clone(arrays, item, swap, &sink, error))
		return FALSE;
	if (sink)
		return vk_apply_add(swap, item, g_steal_pointer(&sink), error);
	if (item->record) {
		image = vk_view_open_image(plan->view, item->record, error);
		if (!image)
			return FALSE;
	}
	sink = vk_sink_new(&item->place, error);
	if (!sink)
		return FALSE;
	if (item->place.kind == VK_PLACE_BLOCK)
		vk_swap_note_overwriting(swap);
	if (image ? !copy_image(image, sink, item->missing, progress, error)
		  : !vk_sink_copy_text(item->text, sink, error))
		return FALSE;
	return vk_apply_add(swap, item, g_steal_pointer(&sink), error);
}

gboolean vk_apply_items(const VkRestorePlan *plan, VkArrays *arrays, VkSwap *swap, gboolean blocks,
			GError **error)
{
	g_autoptr(VkProgress) progress = NULL;
	int count = 0;

	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->record && !item->clone && (item->place.kind == VK_PLACE_BLOCK) == blocks)
			count++;
	}
	progress = vk_progress_new(plan->reference, 0);
	vk_progress_await(progress, count);
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if ((item->place.kind == VK_PLACE_BLOCK) != blocks)
			continue;
		if (!write_item(plan, item, arrays, swap, progress, error)) {
			g_prefix_error(error, "%s '%s': ", item->is_disk ? "disk" : "file",
				       item->name);
			return FALSE;
		}
	}
	return TRUE;
}
