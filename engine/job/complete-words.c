/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "complete-words.h"

#include "catalog.h"
#include "host.h"
#include "timestamp.h"
#include "when.h"

#include <string.h>

static void offer_guests(const VkCompletion *completion, const VkProgram *program)
{
	g_autoptr(VkHost) host = vk_host_open(vk_program_libvirt_uri(program), NULL);
	g_autoptr(GPtrArray) guests = host ? vk_host_list(host, NULL) : NULL;

	for (guint i = 0; guests && i < guests->len; i++)
		vk_completion_offer(completion, vk_guest_name(g_ptr_array_index(guests, i)), NULL);
}

static void offer_snapshot(const VkCompletion *completion, const VkCatalogGuest *guest,
			   const VkSnapshotKey *key)
{
	g_autofree char *reference = g_strdup_printf("%s@%s", guest->view_name, key->time);
	g_autofree char *local = vk_when_local(key->time);

	vk_completion_offer(completion, reference, local);
}

/* The times of a guest once its '@' is typed, the newest last. */
static void offer_times(const VkCompletion *completion, const VkCatalogGuest *guest)
{
	g_autofree char *latest = g_strconcat(guest->view_name, "@" VK_TIME_LATEST, NULL);

	vk_completion_offer(completion, latest, "the newest");
	for (guint i = 0; i < guest->keys->len; i++)
		offer_snapshot(completion, guest, g_ptr_array_index(guest->keys, i));
}

/* A guest alone, which is its latest snapshot, or with its '@', so that a shell goes on there. */
static void offer_saved(const VkCompletion *completion, const VkProgram *program, gboolean times)
{
	const char *url = vk_program_vault_url(program, NULL);
	g_autoptr(VkVault) vault = url ? vk_vault_open(url, VK_VAULT_READ, NULL) : NULL;
	g_autoptr(GPtrArray) guests = vault ? vk_catalog_guests(vault, NULL) : NULL;

	for (guint i = 0; guests && i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);
		g_autofree char *at = g_strconcat(guest->view_name, "@", NULL);

		vk_completion_offer(completion, guest->view_name, NULL);
		if (!times)
			continue;
		if (vk_completion_has_typed(completion, at))
			offer_times(completion, guest);
		else
			vk_completion_offer(completion, at, NULL);
	}
}

static void offer_forgotten(const VkCompletion *completion, const VkProgram *program)
{
	const char *url = vk_program_vault_url(program, NULL);
	g_autoptr(VkVault) vault = url ? vk_vault_open(url, VK_VAULT_READ, NULL) : NULL;
	g_autoptr(GPtrArray) guests = vault ? vk_catalog_guests_all(vault, NULL) : NULL;

	for (guint i = 0; guests && i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		for (guint j = 0; j < guest->keys->len; j++) {
			const VkSnapshotKey *key = g_ptr_array_index(guest->keys, j);

			if (key->forgotten)
				offer_snapshot(completion, guest, key);
		}
	}
}

/* Beside directories, the vaults that the configuration names. */
static void offer_vaults(const VkCompletion *completion, const VkProgram *program)
{
	g_auto(GStrv) names = vk_settings_get_names(program->settings, "vault");

	for (char **name = names; *name; name++)
		vk_completion_offer(
			completion, *name,
			vk_settings_get_named(program->settings, "vault", *name, "url"));
}

gboolean vk_complete_words(const VkCompletion *completion, const char *kind, gpointer program)
{
	if (strcmp(kind, "URL") == 0)
		offer_vaults(completion, program);
	if (strcmp(kind, "GUEST") == 0)
		offer_guests(completion, program);
	else if (strcmp(kind, "SAVED") == 0)
		offer_saved(completion, program, FALSE);
	else if (strcmp(kind, "SNAPSHOT") == 0)
		offer_saved(completion, program, TRUE);
	else if (strcmp(kind, "FORGOTTEN") == 0)
		offer_forgotten(completion, program);
	else
		return FALSE;
	return TRUE;
}
