/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNbdServer: a qemu-nbd process that serves one image on a private socket until it is freed.
 * Threads: one at a time.
 */
#pragma once

#include "qemu-image.h"

#include <glib.h>

typedef struct VkNbdServer VkNbdServer;

typedef enum {
	VK_NBD_READ_ONLY, /* shares with writers, so that the guest can start; the caller checks */
	VK_NBD_WRITE,
} VkNbdMode;

/* Serves an image file or device, and opens no backing file. */
VkNbdServer *vk_nbd_server_start(const VkQemuLayer *image, VkNbdMode mode, GError **error);

/* For writing to the first of LAYERS, which stands on the others. */
VkNbdServer *vk_nbd_server_start_overlay(const VkQemuLayer *layers, guint count, GError **error);

/* Read-only, of LAYERS as vk_qemu_chain_name() has them. It also offers BITMAP (nullable). */
VkNbdServer *vk_nbd_server_start_chain(const VkQemuLayer *layers, guint count, const char *bitmap,
				       GError **error);

const char *vk_nbd_server_socket(const VkNbdServer *server); /* borrowed; export "" */

/* Asks it to end and waits: FALSE when it did not flush and end cleanly. */
gboolean vk_nbd_server_stop(VkNbdServer *server, GError **error);
void vk_nbd_server_free(VkNbdServer *server); /* stops it if need be; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNbdServer, vk_nbd_server_free)
