/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbd-writer.h"

#include "nbd-client-priv.h"

#include <libnbd.h>

/* A server need not take more in one request. */
#define WRITE_MAX ((gsize)1024 * 1024)

struct VkNbdWriter {
	VkNbdClient *client;
	guint64 size;
};

VkNbdWriter *vk_nbd_writer_new(const char *socket, GError **error)
{
	g_autoptr(VkNbdClient) client = vk_nbd_client_new(socket, "", NULL, error);
	VkNbdWriter *writer;
	gint64 size;

	if (!client)
		return NULL;
	size = nbd_get_size(client->nbd);
	if (size < 0 || nbd_is_read_only(client->nbd) != 0) {
		vk_nbd_client_fail(client, "write into", error);
		return NULL;
	}
	writer = g_new0(VkNbdWriter, 1);
	writer->client = g_steal_pointer(&client);
	writer->size = (guint64)size;
	return writer;
}

guint64 vk_nbd_writer_size(const VkNbdWriter *writer)
{
	return writer->size;
}

gboolean vk_nbd_writer_write(VkNbdWriter *writer, guint64 offset, const void *buf, gsize length,
			     GError **error)
{
	const guint8 *bytes = buf;

	for (gsize done = 0; done < length;) {
		gsize step = MIN(length - done, WRITE_MAX);
		gint64 cookie = nbd_aio_pwrite(writer->client->nbd, bytes + done, step,
					       offset + done, NBD_NULL_COMPLETION, 0);

		if (!vk_nbd_client_wait(writer->client, cookie, "write into", error))
			return FALSE;
		done += step;
	}
	return TRUE;
}

gboolean vk_nbd_writer_flush(VkNbdWriter *writer, GError **error)
{
	gint64 cookie = nbd_aio_flush(writer->client->nbd, NBD_NULL_COMPLETION, 0);

	return vk_nbd_client_wait(writer->client, cookie, "flush", error);
}

void vk_nbd_writer_free(VkNbdWriter *writer)
{
	if (!writer)
		return;
	vk_nbd_client_free(writer->client);
	g_free(writer);
}
