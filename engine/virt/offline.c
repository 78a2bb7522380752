/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "offline.h"

#include "errors.h"
#include "nbd.h"
#include "source-file.h"

char *vk_offline_image_path(VkHost *host, const VkDomainImage *image, GError **error)
{
	g_autofree char *label = NULL;

	if (image->path)
		return g_strdup(image->path);
	if (image->pool && image->volume)
		return vk_host_volume_path(host, image->pool, image->volume, error);
	label = vk_domain_image_label(image);
	vk_fail(error, VK_ERROR_FAILED,
		"'%s' of type '%s' can be read only while the guest runs; start it", label,
		image->type);
	return NULL;
}

VkSource *vk_source_offline_new(VkHost *host, const VkDomainDisk *disk, const char *bitmap,
				GError **error)
{
	const char *reason = vk_domain_disk_offline_reason(disk);
	g_autofree char *path = NULL;
	VkSource *source = NULL;

	if (reason) {
		vk_fail(error, VK_ERROR_FAILED,
			"disk '%s' cannot be read: %s; back the guest up while it runs",
			disk->target, reason);
		return NULL;
	}
	path = vk_offline_image_path(host, disk->image, error);
	if (path && g_str_equal(vk_qemu_format(disk->image->format), "raw"))
		source = vk_source_file_new(path, error);
	else if (path)
		source = vk_source_served_new(
			&(VkQemuLayer){.path = path, .format = disk->image->format}, 1, bitmap,
			error);
	if (!source)
		g_prefix_error(error, "disk '%s': ", disk->target);
	return source;
}
