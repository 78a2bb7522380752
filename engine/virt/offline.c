/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "offline.h"

#include "errors.h"
#include "nbd.h"
#include "offline-priv.h"
#include "qemu-image.h"
#include "source-file.h"

/* An image behind a qemu-nbd of its own. */
typedef struct ServedSource {
	VkSource base;
	VkNbdServer *server;
	VkSource *inner;
} ServedSource;

static VkSourceReader *served_open_reader(VkSource *base, GError **error)
{
	ServedSource *source = (ServedSource *)base;

	return source->inner->ops->open_reader(source->inner, error);
}

static void served_free(VkSource *base)
{
	ServedSource *source = (ServedSource *)base;

	vk_source_free(source->inner);
	vk_nbd_server_free(source->server);
	g_free(source);
}

static const VkSourceOps served_ops = {
	.open_reader = served_open_reader,
	.free = served_free,
};

static VkSource *serve(const char *path, const char *format, const char *bitmap, GError **error)
{
	g_autoptr(VkNbdServer) server = NULL;
	ServedSource *source;
	VkSource *inner;

	if (bitmap)
		server = vk_nbd_server_start_changes(path, format, bitmap, NULL);
	if (!server) {
		/* Without the bitmap everything is read; what else is wrong shows again. */
		bitmap = NULL;
		server = vk_nbd_server_start(path, format, VK_NBD_READ_ONLY, error);
	}
	inner = server ? vk_source_nbd_new(vk_nbd_server_socket(server), "", bitmap, error) : NULL;
	if (!inner)
		return NULL;
	source = g_new0(ServedSource, 1);
	source->base.ops = &served_ops;
	source->base.size = inner->size;
	source->base.knows_changes = inner->knows_changes;
	source->server = g_steal_pointer(&server);
	source->inner = inner;
	return &source->base;
}

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
		source = serve(path, disk->image->format, bitmap, error);
	if (!source)
		g_prefix_error(error, "disk '%s': ", disk->target);
	return source;
}
