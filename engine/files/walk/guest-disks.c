/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-disks.h"

#include "appliance.h"
#include "errors.h"

gboolean vk_guest_disks_open(VkView *view, GPtrArray *images, GPtrArray *names, GError **error)
{
	const GPtrArray *disks = vk_view_snapshot(view)->disks;

	for (guint i = 0; i < MIN(disks->len, VK_APPLIANCE_DISKS_MAX); i++) {
		const VkDiskRecord *disk = g_ptr_array_index(disks, i);
		VkImage *image = vk_view_open_image(view, disk->image, error);

		if (!image) {
			g_prefix_error(error, "cannot open the disk '%s': ", disk->target);
			return FALSE;
		}
		g_ptr_array_add(images, image);
		g_ptr_array_add(names, disk->target);
	}
	return images->len > 0 || vk_fail(error, VK_ERROR_NOT_FOUND, "the snapshot has no disks");
}

char *vk_guest_disks_left_out(const VkSnapshot *snapshot)
{
	g_autoptr(GString) text = NULL;

	if (snapshot->disks->len <= VK_APPLIANCE_DISKS_MAX)
		return NULL;
	text = g_string_new(NULL);
	g_string_printf(text, "'%s@%s' has %u disks, and the first %u are read, without ",
			snapshot->name, snapshot->time, snapshot->disks->len,
			VK_APPLIANCE_DISKS_MAX);
	for (guint i = VK_APPLIANCE_DISKS_MAX; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		g_string_append_printf(text, "%s'%s'", i > VK_APPLIANCE_DISKS_MAX ? ", " : "",
				       disk->target);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}
