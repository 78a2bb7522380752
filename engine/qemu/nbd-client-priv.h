/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection to an NBD server, with bounded and interruptible waits: what sources and writers
 * share. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkNbdClient {
	struct nbd_handle *nbd; /* of libnbd */
	char *label;            /* the export in words, for errors */
} VkNbdClient;

/* Connects; CONTEXT is a metadata context to ask for, or NULL. */
VkNbdClient *vk_nbd_client_new(const char *socket, const char *export, const char *context,
			       GError **error);

/* Waits for the command of COOKIE; -1, as the starting calls return it, is a failure. */
gboolean vk_nbd_client_wait(VkNbdClient *client, gint64 cookie, const char *what, GError **error);

/* Sets an error of libnbd's: VK_ERROR_CHANGED when the server has gone. */
gboolean vk_nbd_client_fail(VkNbdClient *client, const char *what, GError **error);

/* Closes; commands under way are abandoned. Takes NULL. */
void vk_nbd_client_free(VkNbdClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNbdClient, vk_nbd_client_free)
