/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An array fills the file of a disk, or the device, in O(1).
 */
#include "apply-priv.h"

#include "errors.h"
#include "qemu-image.h"

gboolean vk_apply_check_kept(VkArrays *arrays, const VkRestoreItem *item, GError **error)
{
	const VkRestoreClone *clone = item->clone;

	for (guint i = clone ? clone->kept_from : 0; clone && i < clone->kept_to; i++)
		if (!vk_arrays_layer_unchanged(arrays, clone->copy, i))
			return vk_fail(error, VK_ERROR_CHANGED,
				       "a backing file of disk '%s' changed after the restore was "
				       "planned: restore again",
				       item->name);
	return TRUE;
}

static gboolean fill(VkArrays *arrays, const VkRestoreItem *item, const char *path,
		     gboolean *ret_done, GError **error)
{
	const VkRestoreClone *clone = item->clone;
	const VkQemuLayer image = {.path = path, .format = clone->format};
	const VkQemuLayer backing = {.path = clone->backing, .format = clone->backing_format};

	if (!vk_arrays_clone(arrays, clone->copy, clone->layer, path, ret_done, error))
		return FALSE;
	return !*ret_done || !clone->backing || vk_image_file_set_backing(&image, &backing, error);
}

gboolean vk_apply_clone(VkArrays *arrays, const VkRestoreItem *item, VkSwap *swap,
			VkSink **ret_sink, GError **error)
{
	g_autoptr(VkSink) sink = NULL;
	const char *temporary;
	gboolean done = FALSE;

	*ret_sink = NULL;
	if (!vk_apply_check_kept(arrays, item, error))
		return FALSE;
	sink = item->place.kind == VK_PLACE_BLOCK
		       ? vk_sink_overwritten_new(&item->place, &temporary, error)
		       : vk_sink_clone_new(&item->place, &temporary, error);
	if (!sink)
		return FALSE;
	if (item->place.kind == VK_PLACE_BLOCK)
		vk_swap_note_overwriting(swap);
	if (!fill(arrays, item, temporary, &done, error))
		return FALSE;
	if (!done)
		return item->record ||
		       vk_fail(error, VK_ERROR_FAILED, "the array can no longer clone it");
	if (!sink->ops->finish(sink, error))
		return FALSE;
	*ret_sink = g_steal_pointer(&sink);
	return TRUE;
}
