/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include "guest-libvirt.h"
#include "libvirt-priv.h"
#include "libvirt-error.h"

struct VkGuest {
	VkHost *host;
	char *name;
	char uuid[VIR_UUID_STRING_BUFLEN];
	GMutex lock;
	virDomainPtr domain; /* on the connection of GENERATION */
	guint generation;
};

VkGuest *vk_guest_new(VkHost *host, virDomainPtr domain, GError **error)
{
	g_autoptr(VkGuest) guest = g_new0(VkGuest, 1);

	g_mutex_init(&guest->lock);
	guest->host = vk_host_ref(host);
	guest->name = g_strdup(virDomainGetName(domain));
	if (virDomainGetUUIDString(domain, guest->uuid) < 0) {
		vk_fail_libvirt(error, "cannot get the UUID of guest '%s'", guest->name);
		return NULL;
	}
	return g_steal_pointer(&guest);
}

void vk_guest_free(VkGuest *guest)
{
	if (!guest)
		return;
	if (guest->domain)
		virDomainFree(guest->domain);
	vk_host_free(guest->host);
	g_mutex_clear(&guest->lock);
	g_free(guest->name);
	g_free(guest);
}

const char *vk_guest_name(const VkGuest *guest)
{
	return guest->name;
}

const char *vk_guest_uuid(const VkGuest *guest)
{
	return guest->uuid;
}

VkHost *vk_guest_host(const VkGuest *guest)
{
	return guest->host;
}

virDomainPtr vk_guest_domain(VkGuest *guest, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guest->lock);
	g_autoptr(virConnect) connection = NULL;
	guint generation = 0;

	connection = vk_host_connection(guest->host, &generation, error);
	if (!connection)
		return NULL;
	if (guest->domain && guest->generation != generation)
		g_clear_pointer(&guest->domain, virDomainFree);
	if (!guest->domain) {
		guest->domain = virDomainLookupByUUIDString(connection, guest->uuid);
		guest->generation = generation;
		if (!guest->domain) {
			vk_fail_libvirt(error, "cannot look up guest '%s'", guest->name);
			return NULL;
		}
	}
	virDomainRef(guest->domain);
	return guest->domain;
}

gboolean vk_guest_look_up(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	return domain != NULL;
}

gboolean vk_guest_set_autostart(VkGuest *guest, gboolean autostart, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	if (virDomainSetAutostart(domain, autostart) < 0)
		return vk_fail_libvirt(error, "cannot set the autostart of guest '%s'",
				       guest->name);
	return TRUE;
}
