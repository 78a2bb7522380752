/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbd-server.h"

#include "child.h"
#include "errors.h"
#include "io.h"
#include "nbd-client-priv.h"
#include "private-dir.h"
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define START_TIMEOUT_SEC 30
#define END_GRACE_USEC    (2 * G_TIME_SPAN_SECOND)
#define START_POLL_USEC   (10 * G_TIME_SPAN_MILLISECOND)
/* A server that writes may have much to flush. */
#define STOP_TIMEOUT_SEC 300

struct VkNbdServer {
	char *path;
	VkPrivateDir *dir;
	VkChild *child;
};

static gboolean socket_answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	VK_AUTOFD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static gboolean fail_ended(VkNbdServer *server, GError **error)
{
	if (vk_child_check(server->child, error))
		vk_fail(error, VK_ERROR_FAILED, "qemu-nbd ended at once");
	return FALSE;
}

static gboolean wait_socket(VkNbdServer *server, GError **error)
{
	const char *socket = vk_private_dir_socket(server->dir);
	gint64 deadline = g_get_monotonic_time() + START_TIMEOUT_SEC * G_TIME_SPAN_SECOND;

	while (!socket_answers(socket)) {
		if (vk_child_wait(server->child, g_get_monotonic_time() + START_POLL_USEC))
			return fail_ended(server, error);
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (g_get_monotonic_time() >= deadline)
			return vk_fail(error, VK_ERROR_FAILED,
				       "qemu-nbd did not start within %d seconds",
				       START_TIMEOUT_SEC);
	}
	return TRUE;
}

/* qemu-nbd listens before it opens the image: only a handshake shows that it could. */
static gboolean wait_started(VkNbdServer *server, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(VkNbdClient) client = NULL;

	if (!wait_socket(server, error))
		return FALSE;
	client = vk_nbd_client_new(vk_private_dir_socket(server->dir), "", NULL, &cause);
	if (client)
		return TRUE;
	if (vk_child_wait(server->child, g_get_monotonic_time() + END_GRACE_USEC))
		return fail_ended(server, error);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

/* The words of qemu-nbd, ended by NULL. */
static GPtrArray *command_line(const VkNbdServer *server, const VkQemuLayer *layers, guint count,
			       gboolean read_only, const char *name, const char *bitmap)
{
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

	vk_qemu_add_words(argv, "qemu-nbd", "--persistent", "--shared=0", "--socket",
			  vk_private_dir_socket(server->dir),
			  read_only ? "--read-only" : "--discard=unmap", NULL);
	vk_qemu_add_secrets(argv, layers, count);
	vk_qemu_add_words(argv, name, bitmap ? "--bitmap" : NULL, bitmap, NULL);
	g_ptr_array_add(argv, NULL);
	return argv;
}

static VkNbdServer *start(const VkQemuLayer *layers, guint count, gboolean read_only,
			  const char *bitmap, GError **error)
{
	g_autoptr(VkNbdServer) server = g_new0(VkNbdServer, 1);
	g_autofree char *name = vk_qemu_chain_name(layers, count, read_only, error);
	g_autoptr(GPtrArray) argv = NULL;

	if (!name)
		return NULL;
	server->path = g_strdup(layers[0].path);
	server->dir = vk_private_dir_new(error);
	if (!server->dir)
		return NULL;
	argv = command_line(server, layers, count, read_only, name, bitmap);
	server->child = vk_child_start((const char *const *)argv->pdata, NULL, SIGKILL, error);
	if (!server->child || !wait_started(server, error)) {
		vk_qemu_name_path(error, name, server->path);
		g_prefix_error(error, "cannot open '%s': ", server->path);
		return NULL;
	}
	return g_steal_pointer(&server);
}

VkNbdServer *vk_nbd_server_start(const VkQemuLayer *image, VkNbdMode mode, GError **error)
{
	return start(image, 1, mode == VK_NBD_READ_ONLY, NULL, error);
}

VkNbdServer *vk_nbd_server_start_overlay(const VkQemuLayer *layers, guint count, GError **error)
{
	return start(layers, count, FALSE, NULL, error);
}

VkNbdServer *vk_nbd_server_start_chain(const VkQemuLayer *layers, guint count, const char *bitmap,
				       GError **error)
{
	return start(layers, count, TRUE, bitmap, error);
}

const char *vk_nbd_server_socket(const VkNbdServer *server)
{
	return vk_private_dir_socket(server->dir);
}

gboolean vk_nbd_server_stop(VkNbdServer *server, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + STOP_TIMEOUT_SEC * G_TIME_SPAN_SECOND;

	vk_child_terminate(server->child);
	if (!vk_child_wait(server->child, deadline))
		return vk_fail(error, VK_ERROR_FAILED,
			       "qemu-nbd on '%s' did not end within %d seconds", server->path,
			       STOP_TIMEOUT_SEC);
	if (!vk_child_check(server->child, error)) {
		g_prefix_error(error, "qemu-nbd on '%s' failed: ", server->path);
		return FALSE;
	}
	return TRUE;
}

void vk_nbd_server_free(VkNbdServer *server)
{
	if (!server)
		return;
	/* If it was not stopped, the image was given up or only read: it may be killed. */
	vk_child_free(server->child);
	vk_private_dir_free(server->dir);
	g_free(server->path);
	g_free(server);
}
