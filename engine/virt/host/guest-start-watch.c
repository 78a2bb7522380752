/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-start-watch.h"

#include "libvirt-priv.h"

struct VkStartWatch {
	VkGuest *guest; /* borrowed */
	virConnectPtr connection;
	guint generation;
	int callback;  /* -1 until registered */
	gint *started; /* atomic, shared with the callback */
};

static void on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
			 void *data)
{
	if (event == VIR_DOMAIN_EVENT_STARTED)
		g_atomic_int_set((gint *)data, 1);
}

static gboolean subscribe(VkStartWatch *watch, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(watch->guest, error);

	if (!domain)
		return FALSE;
	watch->connection =
		vk_host_connection(vk_guest_host(watch->guest), &watch->generation, error);
	if (!watch->connection)
		return FALSE;
	watch->callback = virConnectDomainEventRegisterAny(
		watch->connection, domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), g_atomic_rc_box_acquire(watch->started),
		g_atomic_rc_box_release);
	if (watch->callback < 0) {
		vk_fail_libvirt(error, "cannot watch guest '%s'", vk_guest_name(watch->guest));
		g_atomic_rc_box_release(watch->started);
		return FALSE;
	}
	return TRUE;
}

VkStartWatch *vk_start_watch_new(VkGuest *guest, GError **error)
{
	g_autoptr(VkStartWatch) watch = g_new0(VkStartWatch, 1);

	watch->guest = guest;
	watch->callback = -1;
	watch->started = g_atomic_rc_box_new0(gint);
	return subscribe(watch, error) ? g_steal_pointer(&watch) : NULL;
}

gboolean vk_start_watch_ask(VkStartWatch *watch, VkStart *ret, GError **error)
{
	guint generation = 0;
	g_autoptr(virConnect) connection =
		vk_host_connection(vk_guest_host(watch->guest), &generation, error);

	if (!connection)
		return FALSE;
	if (generation != watch->generation)
		*ret = VK_START_MISSED;
	else
		*ret = g_atomic_int_get(watch->started) ? VK_START_SEEN : VK_START_NONE;
	return TRUE;
}

void vk_start_watch_free(VkStartWatch *watch)
{
	if (!watch)
		return;
	if (watch->callback >= 0)
		virConnectDomainEventDeregisterAny(watch->connection, watch->callback);
	if (watch->connection)
		virConnectClose(watch->connection);
	g_atomic_rc_box_release(watch->started);
	g_free(watch);
}
