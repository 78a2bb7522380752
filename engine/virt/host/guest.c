/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include "libvirt-priv.h"

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

/* ---- what libvirt says of a guest and its disks ---- */

static char *get_xml(VkGuest *guest, virDomainPtr domain, unsigned int flags, GError **error)
{
	char *xml = virDomainGetXMLDesc(domain, flags);
	char *copy;

	if (!xml) {
		vk_fail_libvirt(error, "cannot get the definition of guest '%s'",
				vk_guest_name(guest));
		return NULL;
	}
	copy = g_strdup(xml);
	free(xml);
	return copy;
}

typedef struct FactsQuestion {
	VkGuest *guest;
	VkGuestFacts *facts;
} FactsQuestion;

static gboolean ask_facts(VkHost *host, gpointer data, GError **error)
{
	VkGuest *guest = ((FactsQuestion *)data)->guest;
	g_autoptr(VkGuestFacts) facts = g_new0(VkGuestFacts, 1);
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	unsigned int flags = VIR_DOMAIN_XML_SECURE;
	int autostart = 0, persistent;

	if (!domain || !vk_guest_get_state(guest, &facts->state, error))
		return FALSE;
	persistent = virDomainIsPersistent(domain);
	if (persistent < 0 || (persistent && virDomainGetAutostart(domain, &autostart) < 0))
		return vk_fail_libvirt(error, "cannot get the facts of guest '%s'",
				       vk_guest_name(guest));
	facts->persistent = persistent > 0;
	facts->autostart = autostart > 0;
	if (facts->persistent && facts->state == VK_GUEST_OFF)
		facts->has_saved_memory = virDomainHasManagedSaveImage(domain, 0) > 0;
	if (facts->persistent)
		flags |= VIR_DOMAIN_XML_INACTIVE;
	facts->domain_xml = get_xml(guest, domain, flags, error);
	if (!facts->domain_xml)
		return FALSE;
	if (facts->state != VK_GUEST_OFF) {
		facts->live_xml = get_xml(guest, domain, VIR_DOMAIN_XML_SECURE, error);
		if (!facts->live_xml)
			return FALSE;
	}
	((FactsQuestion *)data)->facts = g_steal_pointer(&facts);
	return TRUE;
}

VkGuestFacts *vk_guest_get_facts(VkGuest *guest, GError **error)
{
	FactsQuestion question = {.guest = guest};

	return vk_host_ask(vk_guest_host(guest), ask_facts, &question, error) ? question.facts
									      : NULL;
}

void vk_guest_facts_free(VkGuestFacts *facts)
{
	if (!facts)
		return;
	g_free(facts->domain_xml);
	g_free(facts->live_xml);
	g_free(facts);
}

const char *vk_guest_facts_present_xml(const VkGuestFacts *facts)
{
	return facts->live_xml ? facts->live_xml : facts->domain_xml;
}

gboolean vk_guest_disk_size(VkGuest *guest, const char *target, guint64 *ret_size,
			    guint64 *ret_allocation, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	virDomainBlockInfo info;

	if (!domain)
		return FALSE;
	if (virDomainGetBlockInfo(domain, target, &info, 0) < 0)
		return vk_fail_libvirt(error, "cannot get the size of disk '%s' of guest '%s'",
				       target, vk_guest_name(guest));
	*ret_size = info.capacity;
	*ret_allocation = info.allocation;
	return TRUE;
}
