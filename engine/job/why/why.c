/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "why.h"

#include "catalog.h"
#include "errors.h"
#include "log.h"

#include <string.h>

static void free_disk(gpointer disk)
{
	g_free(disk);
}

void vk_why_free(VkWhy *why)
{
	if (!why)
		return;
	vk_view_free(why->view);
	vk_view_free(why->view_before);
	g_ptr_array_unref(why->disks);
	g_ptr_array_unref(why->findings);
	g_free(why);
}

/* The snapshots that come before ID in the list, newest first, those that can be read. */
static GPtrArray *load_past(VkVault *vault, const char *uuid, const char *id, GError **error)
{
	g_autoptr(GPtrArray) past =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_free);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, uuid, error);
	gboolean is_before = FALSE;

	if (!keys)
		return NULL;
	for (guint i = keys->len; i > 0 && past->len < VK_WHY_SNAPSHOTS; i--) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i - 1);
		g_autoptr(GError) trouble = NULL;
		VkSnapshot *snapshot = is_before ? vk_catalog_load(vault, key, &trouble) : NULL;

		if (snapshot)
			g_ptr_array_add(past, snapshot);
		else if (trouble)
			vk_log_warning("not compared with it: %s", trouble->message);
		is_before = is_before || strcmp(key->id, id) == 0;
	}
	return g_steal_pointer(&past);
}

static void measure(VkWhy *why, VkVault *vault, VkWhyDisk *disk)
{
	const VkDiskRecord *before =
		why->before ? vk_snapshot_find_disk(why->before, disk->record->target) : NULL;
	const VkImageRecord *image = disk->record->image;
	g_autoptr(GError) trouble = NULL;

	disk->is_new = !before;
	if (!image->runs || (before && !before->image->runs))
		return;
	disk->is_measured = vk_image_delta_measure(vault, before ? before->image : NULL, image,
						   &disk->change, &trouble);
	if (!disk->is_measured)
		vk_log_warning("what changed on %s is not known: %s", disk->record->target,
			       trouble->message);
}

/* What is always read whole, as a disk without a bitmap, does not stand out. */
static gboolean is_usual_mode(const VkWhy *why, const VkDiskRecord *disk)
{
	const VkDiskRecord *before =
		why->before ? vk_snapshot_find_disk(why->before, disk->target) : NULL;

	return before && strcmp(before->mode, disk->mode) == 0;
}

static void find_mode(const VkWhy *why, const VkDiskRecord *disk)
{
	if (is_usual_mode(why, disk))
		return;
	if (strcmp(disk->mode, "full") == 0 || strcmp(disk->mode, "compare") == 0)
		g_ptr_array_add(why->findings,
				g_strdup_printf("%s was read whole (%s): %s", disk->target,
						disk->mode, disk->reason ? disk->reason : "-"));
}

static void explain_disks(VkWhy *why, VkVault *vault)
{
	for (guint i = 0; i < why->snapshot->disks->len; i++) {
		VkWhyDisk *disk = g_new0(VkWhyDisk, 1);

		disk->record = g_ptr_array_index(why->snapshot->disks, i);
		measure(why, vault, disk);
		find_mode(why, disk->record);
		g_ptr_array_add(why->disks, disk);
	}
}

/* Without a lease a garbage collection could take the maps away meanwhile. */
static gboolean hold(VkWhy *why, GError **error)
{
	return vk_view_hold(why->view, error) &&
	       (!why->view_before || vk_view_hold(why->view_before, error));
}

VkWhy *vk_why_load(VkVault *vault, const char *reference, GError **error)
{
	VkSnapshot *snapshot = vk_catalog_find(vault, reference, error);
	g_autoptr(GPtrArray) past = NULL;
	g_autoptr(VkWhy) why = NULL;

	if (!snapshot)
		return NULL;
	why = g_new0(VkWhy, 1);
	why->disks = g_ptr_array_new_with_free_func(free_disk);
	why->findings = g_ptr_array_new_with_free_func(g_free);
	why->view = vk_view_new(vault, snapshot);
	why->snapshot = snapshot;
	past = load_past(vault, snapshot->uuid, snapshot->id, error);
	if (!past)
		return NULL;
	why->usual = vk_usual_of(past);
	if (past->len > 0) {
		VkSnapshot *before = g_ptr_array_steal_index(past, 0);

		why->view_before = vk_view_new(vault, before);
		why->before = before;
	}
	if (!hold(why, error))
		return NULL;
	why->amounts = vk_amounts_of(snapshot);
	why->is_suspicious = vk_amounts_are_suspicious(&why->amounts, &why->usual);
	vk_usual_compare(&why->amounts, &why->usual, why->findings);
	explain_disks(why, vault);
	return g_steal_pointer(&why);
}
