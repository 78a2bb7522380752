/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overview.h"

#include "catalog.h"
#include "host.h"
#include "log.h"
#include "selection.h"

#include <string.h>

typedef struct {
	VkVault *vault;
	const VkSettings *settings;
	char *const *names;
	VkOverview *overview;
} Loading;

static void guest_free(VkOverviewGuest *guest)
{
	g_free(guest->name);
	g_free(guest->uuid);
	vk_protection_free(guest->protection);
	g_free(guest);
}

void vk_overview_free(VkOverview *overview)
{
	g_ptr_array_unref(overview->guests);
	g_free(overview->host);
	g_free(overview->host_error);
	g_free(overview);
}

static gboolean is_wanted(const Loading *loading, const char *name, const char *uuid)
{
	const GPtrArray *guests = loading->overview->guests;
	gboolean wanted = !loading->names[0];

	for (char *const *asked = loading->names; *asked; asked++)
		wanted = wanted || vk_guest_fits(name, uuid, *asked);
	for (guint i = 0; i < guests->len; i++) {
		const VkOverviewGuest *guest = g_ptr_array_index(guests, i);

		wanted = wanted && strcmp(guest->uuid, uuid) != 0;
	}
	return wanted;
}

static gboolean add_guest(Loading *loading, const char *name, const char *uuid, gboolean on_host,
			  GError **error)
{
	VkOverviewGuest *guest;

	if (!is_wanted(loading, name, uuid))
		return TRUE;
	guest = g_new0(VkOverviewGuest, 1);
	guest->name = g_strdup(name);
	guest->uuid = g_strdup(uuid);
	guest->on_host = on_host;
	guest->skip = vk_skip_reason(loading->settings, name, uuid);
	guest->protection = vk_protection_load(loading->vault, uuid, error);
	g_ptr_array_add(loading->overview->guests, guest);
	return guest->protection != NULL;
}

/* Without libvirt the vault can be looked at still. */
static gboolean add_host(Loading *loading, const char *uri, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkHost) host = vk_host_open(uri, &trouble);
	g_autoptr(GPtrArray) guests = host ? vk_host_list(host, &trouble) : NULL;

	loading->overview->host = g_strdup(host ? vk_host_name(host) : g_get_host_name());
	loading->overview->host_known = guests != NULL;
	if (!guests) {
		if (vk_host_is_none(uri))
			return TRUE;
		vk_log_warning("only guests of the vault are shown: %s", trouble->message);
		loading->overview->host_error = g_strdup(trouble->message);
		return TRUE;
	}
	for (guint i = 0; i < guests->len; i++) {
		const VkGuest *guest = g_ptr_array_index(guests, i);

		if (!add_guest(loading, vk_guest_name(guest), vk_guest_uuid(guest), TRUE, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean add_vault(Loading *loading, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(loading->vault, error);

	for (guint i = 0; guests && i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (!add_guest(loading, guest->view_name, guest->uuid, FALSE, error))
			return FALSE;
	}
	return guests != NULL;
}

static gint compare_guests(gconstpointer left, gconstpointer right)
{
	return strcmp((*(const VkOverviewGuest *const *)left)->name,
		      (*(const VkOverviewGuest *const *)right)->name);
}

VkOverview *vk_overview_load(VkVault *vault, const VkSettings *settings, const char *libvirt_uri,
			     char *const *names, GError **error)
{
	g_autoptr(VkOverview) overview = g_new0(VkOverview, 1);
	Loading loading = {
		.vault = vault, .settings = settings, .names = names, .overview = overview};

	overview->guests = g_ptr_array_new_with_free_func((GDestroyNotify)guest_free);
	if (!add_host(&loading, libvirt_uri, error) || !add_vault(&loading, error))
		return NULL;
	g_ptr_array_sort(overview->guests, compare_guests);
	return g_steal_pointer(&overview);
}
