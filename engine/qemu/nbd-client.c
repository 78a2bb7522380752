/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbd-client-priv.h"

#include "errors.h"
#include "log.h"
#include "interrupt.h"

#include <libnbd.h>

#define CONNECT_TIMEOUT_SEC 30
#define IDLE_TIMEOUT_SEC    60
#define POLL_MSEC           500

gboolean vk_nbd_client_fail(VkNbdClient *client, const char *what, GError **error)
{
	int number = nbd_get_errno();

	/* libnbd's messages name its calls, which mean nothing to people. */
	vk_log_debug("cannot %s %s: %s", what, client->label, nbd_get_error());
	if (nbd_aio_is_dead(client->nbd) == 1 || nbd_aio_is_closed(client->nbd) == 1)
		return vk_fail(error, VK_ERROR_CHANGED,
			       "cannot %s %s: its server went away, as when the guest is stopped; "
			       "try again",
			       what, client->label);
	if (number != 0)
		return vk_fail_errno(error, number, "cannot %s %s", what, client->label);
	return vk_fail(error, VK_ERROR_FAILED,
		       "cannot %s %s: its server gave an answer that is not understood", what,
		       client->label);
}

/* One poll. *IDLE_MSEC counts how long nothing happened, up to LIMIT_SEC. */
static gboolean poll_once(VkNbdClient *client, guint *idle_msec, guint limit_sec, const char *what,
			  GError **error)
{
	int result;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	result = nbd_poll(client->nbd, POLL_MSEC);
	if (result < 0)
		return vk_nbd_client_fail(client, what, error);
	*idle_msec = result > 0 ? 0 : *idle_msec + POLL_MSEC;
	if (*idle_msec >= limit_sec * 1000)
		return vk_fail(error, VK_ERROR_FAILED,
			       "cannot %s %s: its server did not answer for %u s", what,
			       client->label, limit_sec);
	return TRUE;
}

static gboolean connect_client(VkNbdClient *client, const char *socket, GError **error)
{
	guint idle = 0;

	if (nbd_aio_connect_unix(client->nbd, socket) < 0)
		return vk_nbd_client_fail(client, "open", error);
	while (nbd_aio_is_ready(client->nbd) != 1) {
		if (nbd_aio_is_dead(client->nbd) == 1 || nbd_aio_is_closed(client->nbd) == 1)
			return vk_nbd_client_fail(client, "open", error);
		if (!poll_once(client, &idle, CONNECT_TIMEOUT_SEC, "open", error))
			return FALSE;
	}
	return TRUE;
}

VkNbdClient *vk_nbd_client_new(const char *socket, const char *export, const char *context,
			       GError **error)
{
	g_autoptr(VkNbdClient) client = g_new0(VkNbdClient, 1);

	client->label = *export ? g_strdup_printf("disk '%s'", export) : g_strdup("the image");
	client->nbd = nbd_create();
	if (!client->nbd || nbd_set_export_name(client->nbd, export) < 0 ||
	    (context && nbd_add_meta_context(client->nbd, context) < 0)) {
		vk_fail_errno(error, nbd_get_errno(), "cannot open %s", client->label);
		return NULL;
	}
	if (!connect_client(client, socket, error))
		return NULL;
	return g_steal_pointer(&client);
}

gboolean vk_nbd_client_wait(VkNbdClient *client, gint64 cookie, const char *what, GError **error)
{
	guint idle = 0;

	while (cookie >= 0) {
		int completed = nbd_aio_command_completed(client->nbd, (uint64_t)cookie);

		if (completed > 0)
			return TRUE;
		if (completed < 0)
			break;
		if (!poll_once(client, &idle, IDLE_TIMEOUT_SEC, what, error))
			return FALSE;
	}
	return vk_nbd_client_fail(client, what, error);
}

void vk_nbd_client_free(VkNbdClient *client)
{
	if (!client)
		return;
	if (client->nbd)
		nbd_close(client->nbd);
	g_free(client->label);
	g_free(client);
}
