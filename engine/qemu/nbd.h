/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks over NBD: sources read through libnbd, the qemu-nbd servers behind shut-off images, and
 * writing into an image of any format that QEMU knows. Threads: see each.
 */
#pragma once

#include "qemu-image.h"
#include "source.h"

#include <glib.h>

/*
 * A source of EXPORT at a unix SOCKET. Each reader has its own connection. With BITMAP (nullable)
 * it knows its changes, from the context "qemu:dirty-bitmap:BITMAP"; where the server does not offer
 * that, it does not.
 */
VkSource *vk_source_nbd_new(const char *socket, const char *export, const char *bitmap,
			    GError **error);

/*
 * A source of an image and its backing files, LAYERS, through a qemu-nbd of its own that shares
 * them with writers. With BITMAP (nullable) of the image it knows its changes; where QEMU does not
 * offer that, it does not. QEMU takes the first bitmap of that name in the chain: the caller makes
 * sure that it is the right one.
 */
VkSource *vk_source_served_new(const VkQemuLayer *layers, guint count, const char *bitmap,
			       GError **error);

/* A qemu-nbd process that serves one image on a private socket until it is freed. */
typedef struct VkNbdServer VkNbdServer;

typedef enum {
	VK_NBD_READ_ONLY, /* shares with writers, so that the guest can start; the caller checks */
	VK_NBD_WRITE,
} VkNbdMode;

/* Serves an image file or device, and opens no backing file. */
VkNbdServer *vk_nbd_server_start(const VkQemuLayer *image, VkNbdMode mode, GError **error);

/* For writing to the first of LAYERS, which stands on the others. */
VkNbdServer *vk_nbd_server_start_overlay(const VkQemuLayer *layers, guint count, GError **error);

/* Read-only, of LAYERS as vk_qemu_chain_name() has them. BITMAP (nullable) is offered, too. */
VkNbdServer *vk_nbd_server_start_chain(const VkQemuLayer *layers, guint count, const char *bitmap,
				       GError **error);

const char *vk_nbd_server_socket(const VkNbdServer *server); /* borrowed; export "" */

/* Asks it to end and waits: FALSE when it did not flush and end cleanly. */
gboolean vk_nbd_server_stop(VkNbdServer *server, GError **error);
void vk_nbd_server_free(VkNbdServer *server); /* stops it if need be; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNbdServer, vk_nbd_server_free)

/* Writing through a server: one connection, one thread. */
typedef struct VkNbdWriter VkNbdWriter;
VkNbdWriter *vk_nbd_writer_new(const char *socket, GError **error);
guint64 vk_nbd_writer_size(const VkNbdWriter *writer);
gboolean vk_nbd_writer_write(VkNbdWriter *writer, guint64 offset, const void *buf, gsize length,
			     GError **error);
gboolean vk_nbd_writer_flush(VkNbdWriter *writer, GError **error);
void vk_nbd_writer_free(VkNbdWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNbdWriter, vk_nbd_writer_free)

/*
 * Makes the file of IMAGE one: like "qemu-img create", with OPTIONS (nullable) for its -o. What it holds
 * is lost.
 */
gboolean vk_image_file_create(const VkQemuLayer *image, const char *options, guint64 size,
			      GError **error);
