/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection. Opening it happens in a thread of its own, because libvirt's handshake has no
 * timeout; keepalive bounds every call after that, served by one event loop for the process.
 */
#include "host.h"

#include "errors.h"
#include "libvirt-priv.h"
#include "polling.h"
#include "interrupt.h"
#include "text.h"

#include <errno.h>
#include <string.h>

#include <libvirt/virterror.h>

#define OPEN_TIMEOUT_SEC       30
#define KEEPALIVE_INTERVAL_SEC 5
#define KEEPALIVE_COUNT        6
#define RETRY_PAUSE_USEC       (100 * G_TIME_SPAN_MILLISECOND)
#define RETRY_DOUBLINGS        6
#define RETRY_PAUSE_MAX_USEC   (5 * G_TIME_SPAN_SECOND)

struct VkHost {
	char *given_uri; /* may be an alias, or empty */
	char *uri;
	char *name;
	guint retries;
	GMutex lock; /* guards what follows */
	virConnectPtr connection;
	guint generation;
};

static void ignore_libvirt_error(void *data, virErrorPtr libvirt_error)
{
}

static gpointer run_events(gpointer data)
{
	while (virEventRunDefaultImpl() == 0)
		;
	return NULL;
}

static gpointer start_events(gpointer data)
{
	virSetErrorFunc(NULL, ignore_libvirt_error);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return NULL;
	g_thread_unref(g_thread_new("libvirt-events", run_events, NULL));
	return GINT_TO_POINTER(TRUE);
}

/* An opening under way; both sides hold a reference, the one who comes late cleans up. */
typedef struct Opening {
	char *uri;
	GMutex lock;
	GCond done_cond;
	gboolean done;
	virConnectPtr connection;
	virErrorPtr failure;
} Opening;

static void opening_clear(gpointer data)
{
	Opening *opening = data;

	if (opening->connection)
		virConnectClose(opening->connection);
	virFreeError(opening->failure);
	g_mutex_clear(&opening->lock);
	g_cond_clear(&opening->done_cond);
	g_free(opening->uri);
}

static gpointer run_opening(gpointer data)
{
	Opening *opening = data;
	virConnectPtr connection = virConnectOpen(opening->uri);

	g_mutex_lock(&opening->lock);
	opening->connection = connection;
	if (!connection)
		opening->failure = virSaveLastError();
	opening->done = TRUE;
	g_cond_signal(&opening->done_cond);
	g_mutex_unlock(&opening->lock);
	g_atomic_rc_box_release_full(opening, opening_clear);
	return NULL;
}

static gboolean fail_open(const char *uri, const virError *failure, GError **error)
{
	const char *remedy = "";
	g_autofree char *reason = vk_printable_foreign(
		failure && failure->message ? failure->message : "no reason given");

	if (failure && failure->code == VIR_ERR_SYSTEM_ERROR)
		remedy = failure->int1 == EACCES || failure->int1 == EPERM
				 ? "; run as root or as a member of the group 'libvirt'"
				 : "; is libvirtd running?";
	return vk_fail(error, VK_ERROR_FAILED, "cannot connect to libvirt at '%s': %s%s", uri,
		       reason, remedy);
}

static virConnectPtr open_connection(const char *uri, GError **error)
{
	static GOnce events_once = G_ONCE_INIT;
	gint64 deadline = vk_deadline(OPEN_TIMEOUT_SEC);
	virConnectPtr connection = NULL;
	Opening *opening;

	if (!g_once(&events_once, start_events, NULL)) {
		vk_fail(error, VK_ERROR_FAILED, "cannot start libvirt's event loop");
		return NULL;
	}
	opening = g_atomic_rc_box_new0(Opening);
	opening->uri = g_strdup(uri);
	g_mutex_init(&opening->lock);
	g_cond_init(&opening->done_cond);
	g_thread_unref(g_thread_new("libvirt-open", run_opening, g_atomic_rc_box_acquire(opening)));

	g_mutex_lock(&opening->lock);
	while (!opening->done && g_cond_wait_until(&opening->done_cond, &opening->lock, deadline))
		;
	connection = g_steal_pointer(&opening->connection);
	if (!opening->done)
		vk_fail(error, VK_ERROR_FAILED,
			"libvirt at '%s' did not answer within %d seconds; restart libvirtd", uri,
			OPEN_TIMEOUT_SEC);
	else if (!connection)
		fail_open(uri, opening->failure, error);
	g_mutex_unlock(&opening->lock);
	g_atomic_rc_box_release_full(opening, opening_clear);
	/* Drivers inside the client, like "test:", know no keepalive and need none. */
	if (connection &&
	    virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL_SEC, KEEPALIVE_COUNT) < 0)
		virResetLastError();
	return connection;
}

gboolean vk_host_is_none(const char *uri)
{
	return strcmp(uri, "none") == 0;
}

VkHost *vk_host_open(const char *uri, GError **error)
{
	g_autoptr(VkHost) host = NULL;
	char *name, *full_uri;

	if (vk_host_is_none(uri)) {
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"this machine has no libvirt, as the URI '%s' says: name another one with "
			"--connect",
			uri);
		return NULL;
	}
	host = g_atomic_rc_box_new0(VkHost);
	g_mutex_init(&host->lock);
	host->given_uri = g_strdup(uri);
	host->connection = open_connection(uri, error);
	if (!host->connection)
		return NULL;
	full_uri = virConnectGetURI(host->connection);
	host->uri = g_strdup(full_uri ? full_uri : uri);
	free(full_uri);
	name = virConnectGetHostname(host->connection);
	if (!name) {
		vk_fail_libvirt(error, "cannot get the host name from libvirt at '%s'", uri);
		return NULL;
	}
	host->name = g_strdup(name);
	free(name);
	return g_steal_pointer(&host);
}

static void host_clear(gpointer data)
{
	VkHost *host = data;

	if (host->connection)
		virConnectClose(host->connection);
	g_mutex_clear(&host->lock);
	g_free(host->name);
	g_free(host->uri);
	g_free(host->given_uri);
}

VkHost *vk_host_ref(VkHost *host)
{
	return g_atomic_rc_box_acquire(host);
}

void vk_host_free(VkHost *host)
{
	if (host)
		g_atomic_rc_box_release_full(host, host_clear);
}

const char *vk_host_name(const VkHost *host)
{
	return host->name;
}

const char *vk_host_uri(const VkHost *host)
{
	return host->uri;
}

gboolean vk_host_is_alive(VkHost *host)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	return host->connection && virConnectIsAlive(host->connection) == 1;
}

virConnectPtr vk_host_connection(VkHost *host, guint *ret_generation, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	if (host->connection && virConnectIsAlive(host->connection) != 1)
		g_clear_pointer(&host->connection, virConnectClose);
	if (!host->connection) {
		host->connection = open_connection(host->given_uri, error);
		if (!host->connection)
			return NULL;
		host->generation++;
	}
	virConnectRef(host->connection);
	if (ret_generation)
		*ret_generation = host->generation;
	return host->connection;
}

/* After try number TRIED, from 0. FALSE when there is to be no other. */
static gboolean wait_to_retry(guint tried, guint retries)
{
	if (tried >= retries || vk_interrupted())
		return FALSE;
	g_usleep(tried < RETRY_DOUBLINGS ? RETRY_PAUSE_USEC << tried : RETRY_PAUSE_MAX_USEC);
	return TRUE;
}

VkHost *vk_host_open_retrying(const char *uri, guint retries, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	VkHost *host;

	for (guint tried = 0; !(host = vk_host_open(uri, &trouble)); tried++) {
		if (vk_host_is_none(uri) || !wait_to_retry(tried, retries)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return NULL;
		}
		g_clear_error(&trouble);
	}
	host->retries = retries;
	return host;
}

gboolean vk_host_ask(VkHost *host, VkQuestion question, gpointer data, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	for (guint tried = 0; !question(host, data, &trouble); tried++) {
		gboolean may_pass = g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY) ||
				    !vk_host_is_alive(host);

		if (!may_pass || !wait_to_retry(tried, host->retries)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
		g_clear_error(&trouble);
	}
	return TRUE;
}
