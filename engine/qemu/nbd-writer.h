/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNbdWriter: writing through a server, by one connection. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkNbdWriter VkNbdWriter;

/* SOCKET is that of a server that takes writes. */
VkNbdWriter *vk_nbd_writer_new(const char *socket, GError **error);
guint64 vk_nbd_writer_size(const VkNbdWriter *writer); /* bytes */
gboolean vk_nbd_writer_write(VkNbdWriter *writer, guint64 offset, const void *buf, gsize length,
			     GError **error);
gboolean vk_nbd_writer_flush(VkNbdWriter *writer, GError **error);
void vk_nbd_writer_free(VkNbdWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNbdWriter, vk_nbd_writer_free)
