/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guests of a host. */
#include "host.h"

#include "errors.h"
#include "libvirt-priv.h"
#include "suggest.h"

#include <string.h>

#include <libvirt/virterror.h>

static int compare_guests(gconstpointer left, gconstpointer right)
{
	return strcmp(vk_guest_name(*(VkGuest *const *)left),
		      vk_guest_name(*(VkGuest *const *)right));
}

static gboolean list_guests(VkHost *host, gpointer data, GError **error)
{
	GPtrArray **ret = data;
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func((GDestroyNotify)vk_guest_free);
	g_autoptr(virConnect) connection = vk_host_connection(host, NULL, error);
	virDomainPtr *domains = NULL;
	gboolean ok = TRUE;
	int count;

	if (!connection)
		return FALSE;
	count = virConnectListAllDomains(connection, &domains, 0);
	if (count < 0)
		return vk_fail_libvirt(error, "cannot list the guests of '%s'", vk_host_uri(host));
	for (int i = 0; i < count; i++) {
		VkGuest *guest = ok ? vk_guest_new(host, domains[i], error) : NULL;

		if (guest)
			g_ptr_array_add(guests, guest);
		else
			ok = FALSE;
		virDomainFree(domains[i]);
	}
	free(domains);
	if (!ok)
		return FALSE;
	g_ptr_array_sort(guests, compare_guests);
	*ret = g_steal_pointer(&guests);
	return TRUE;
}

GPtrArray *vk_host_list(VkHost *host, GError **error)
{
	GPtrArray *guests = NULL;

	return vk_host_ask(host, list_guests, &guests, error) ? guests : NULL;
}

typedef struct FindQuestion {
	const char *name_or_uuid;
	VkGuest *guest;
} FindQuestion;

static gboolean fail_unknown(VkHost *host, virConnectPtr connection, const char *name,
			     GError **error)
{
	VkSuggest *suggest = vk_suggest_new(name);
	g_autofree char *meant = NULL;
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(connection, &domains, 0);

	for (int i = 0; i < count; i++) {
		vk_suggest_offer(suggest, virDomainGetName(domains[i]));
		virDomainFree(domains[i]);
	}
	free(domains);
	meant = vk_suggest_end(suggest);
	return vk_fail(error, VK_ERROR_NOT_FOUND, "there is no guest '%s' at '%s'%s", name,
		       vk_host_uri(host), meant);
}

static gboolean find_guest(VkHost *host, gpointer data, GError **error)
{
	FindQuestion *find = data;
	g_autoptr(virConnect) connection = vk_host_connection(host, NULL, error);
	g_autoptr(virDomain) domain = NULL;

	if (!connection)
		return FALSE;
	domain = virDomainLookupByName(connection, find->name_or_uuid);
	if (!domain && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN &&
	    g_uuid_string_is_valid(find->name_or_uuid))
		domain = virDomainLookupByUUIDString(connection, find->name_or_uuid);
	if (!domain && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
		return fail_unknown(host, connection, find->name_or_uuid, error);
	if (!domain)
		return vk_fail_libvirt(error, "cannot look up guest '%s'", find->name_or_uuid);
	find->guest = vk_guest_new(host, domain, error);
	return find->guest != NULL;
}

VkGuest *vk_host_find(VkHost *host, const char *name_or_uuid, GError **error)
{
	FindQuestion find = {.name_or_uuid = name_or_uuid};

	return vk_host_ask(host, find_guest, &find, error) ? find.guest : NULL;
}

VkGuest *vk_host_define(VkHost *host, const char *xml, GError **error)
{
	g_autoptr(virConnect) connection = vk_host_connection(host, NULL, error);
	g_autoptr(virDomain) domain = NULL;

	if (!connection)
		return NULL;
	domain = virDomainDefineXML(connection, xml);
	if (!domain) {
		vk_fail_libvirt(error, "cannot define the guest at '%s'", vk_host_uri(host));
		return NULL;
	}
	return vk_guest_new(host, domain, error);
}
