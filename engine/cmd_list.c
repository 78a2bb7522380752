/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "catalog.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "table.h"
#include "vault.h"

#include <string.h>

/* Where the listing goes, and what of it could not be read. */
typedef struct {
	VkTable *table; /* or ... */
	json_t *report; /* ... NULL */
	guint damaged;
} Listing;

static void list_in_table(VkTable *table, const VkCatalogGuest *guest, const VkSnapshot *snapshot)
{
	g_autofree char *pause = vk_pause_text(snapshot->pause_usec);
	g_autofree char *disks = g_strdup_printf("%u", snapshot->disks->len);
	g_autofree char *copies = NULL;
	g_autofree char *size_text = NULL;
	g_autofree char *fresh_text = NULL;
	g_autofree char *stored_text = NULL;
	guint64 size = 0, fresh = 0, stored = 0;

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		size += disk->image->size;
		fresh += disk->fresh;
		stored += disk->stored;
	}
	size_text = vk_size_text(size);
	fresh_text = vk_size_text(fresh);
	stored_text = vk_size_text(stored);
	if (snapshot->disks->len > 0)
		copies = vk_image_copies_text(
			((VkDiskRecord *)g_ptr_array_index(snapshot->disks, 0))->image);
	vk_table_add(table, guest->view_name, snapshot->time, snapshot->consistency, pause, disks,
		     size_text, fresh_text, stored_text, copies ? copies : "vault", NULL);
}

static gboolean list_guest(Listing *listing, VkVault *vault, const VkCatalogGuest *guest,
			   GError **error)
{
	for (guint i = 0; i < guest->keys->len; i++) {
		g_autoptr(GError) trouble = NULL;
		g_autoptr(VkSnapshot) snapshot = NULL;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		snapshot = vk_catalog_load(vault, g_ptr_array_index(guest->keys, i), &trouble);
		if (!snapshot) {
			vk_log_warning("%s", trouble->message);
			listing->damaged++;
		} else if (listing->report) {
			json_array_append_new(listing->report, vk_snapshot_to_report(snapshot));
		} else {
			list_in_table(listing->table, guest, snapshot);
		}
	}
	return TRUE;
}

static gboolean is_wanted(const VkCatalogGuest *guest, const char *name)
{
	g_autofree char *uuid = NULL;

	if (!name)
		return TRUE;
	uuid = g_ascii_strdown(name, -1);
	return strcmp(guest->name, name) == 0 || strcmp(guest->view_name, name) == 0 ||
	       strcmp(guest->uuid, uuid) == 0;
}

static gboolean list(Listing *listing, VkVault *vault, const char *name, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(vault, error);
	guint found = 0;

	if (!guests)
		return FALSE;
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (!is_wanted(guest, name))
			continue;
		found++;
		if (!list_guest(listing, vault, guest, error))
			return FALSE;
	}
	if (name && found == 0)
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "the vault '%s' has no snapshot of a guest '%s'; 'virtkeep list' "
			       "shows what it has",
			       vk_vault_url(vault), name);
	return TRUE;
}

gboolean vk_cmd_list(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(VkTable) table = vk_table_new("GUEST", "TIME", "CONSISTENCY", "PAUSE", "DISKS",
						"SIZE", "NEW", "STORED", "COPIES", NULL);
	g_autoptr(json_t) report = NULL;
	g_autoptr(VkVault) vault = NULL;
	Listing listing = {.table = table};
	char **arguments = NULL;
	const char *url;

	if (!vk_cmd_parse(program, "list [GUEST]",
			  "Lists the snapshots of the vault, of all guests or one. GUEST is a name "
			  "or uuid;\nguests that libvirt does not know any more are listed, too.",
			  NULL, 1, argc, argv, &arguments, error))
		return FALSE;
	url = vk_program_vault_url(program, error);
	vault = url ? vk_vault_open(url, VK_VAULT_READ, error) : NULL;
	if (!vault)
		return FALSE;
	if (program->json)
		report = listing.report = json_array();
	if (!list(&listing, vault, arguments[0], error))
		return FALSE;
	if (program->json)
		vk_json_print(report);
	else
		vk_table_print(table);
	if (listing.damaged > 0)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "%u snapshots of the vault '%s' are damaged and not listed; "
			       "'virtkeep verify' tells more",
			       listing.damaged, vk_vault_url(vault));
	return TRUE;
}
