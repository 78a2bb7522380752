/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-served.h"

#include "nbd-server.h"
#include "source-nbd.h"

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

VkSource *vk_source_served_new(const VkQemuLayer *layers, guint count, const char *bitmap,
			       GError **error)
{
	g_autoptr(VkNbdServer) server = NULL;
	ServedSource *source;
	VkSource *inner;

	if (bitmap)
		server = vk_nbd_server_start_chain(layers, count, bitmap, NULL);
	if (!server) {
		/* Without the bitmap everything is read; what else is wrong shows again. */
		bitmap = NULL;
		server = vk_nbd_server_start_chain(layers, count, NULL, error);
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
