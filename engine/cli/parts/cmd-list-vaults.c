/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-list.h"

#include "errors.h"
#include "interrupt.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "table.h"
#include "text.h"
#include "vault-section.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

/* A snapshot, and where it lies. */
typedef struct Row {
	char *reference; /* for a shell */
	char *uuid, *time;
	char *grade;
	guint64 disks, size;
	json_t *report;    /* as JSON; NULL: a table is printed */
	GPtrArray *vaults; /* their names, new strings */
} Row;

typedef struct Listing {
	const VkListFilter *filter;
	gboolean json;
	GPtrArray *rows;   /* Row, owned */
	GHashTable *by_id; /* the same by their snapshots' ids, borrowed */
	GHashTable *names; /* of guests by uuid, as the first vault calls them */
	guint troubles;    /* vaults and snapshots that could not be read */
} Listing;

static void row_free(gpointer data)
{
	Row *row = data;

	g_free(row->reference);
	g_free(row->uuid);
	g_free(row->time);
	g_free(row->grade);
	json_decref(row->report);
	g_ptr_array_unref(row->vaults);
	g_free(row);
}

static void fail_one(Listing *listing, const GError *trouble)
{
	vk_log_warning("%s", trouble->message);
	listing->troubles++;
}

static Row *row_new(Listing *listing, const VkSnapshotKey *key, const VkSnapshotSummary *summary)
{
	const char *guest = g_hash_table_lookup(listing->names, key->uuid);
	Row *row = g_new0(Row, 1);

	row->reference = vk_list_reference(guest, key);
	row->uuid = g_strdup(key->uuid);
	row->time = g_strdup(key->time);
	row->grade = g_strdup(summary->grade);
	row->disks = summary->disks;
	row->size = summary->size;
	row->vaults = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(listing->rows, row);
	return row;
}

/* What one vault has of it is enough to be known. */
static void add(Listing *listing, VkVault *vault, const char *name, const VkSnapshotKey *key)
{
	Row *row = g_hash_table_lookup(listing->by_id, key->id);
	g_autoptr(VkSnapshotSummary) summary = NULL;
	g_autoptr(GError) trouble = NULL;

	if (!row) {
		summary = vk_catalog_summarize(vault, key, &trouble);
		if (summary && !vk_list_is_wanted(listing->filter, summary))
			return;
		row = summary ? row_new(listing, key, summary) : NULL;
		if (row && listing->json)
			row->report = vk_catalog_report(vault, key, &trouble);
		if (row)
			g_hash_table_insert(listing->by_id, g_strdup(key->id), row);
	}
	if (row)
		g_ptr_array_add(row->vaults, g_strdup(name));
	/* A garbage collection was quicker. */
	if (trouble && !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		fail_one(listing, trouble);
}

static gboolean add_guest(Listing *listing, VkVault *vault, const char *name,
			  const VkCatalogGuest *guest, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, guest->uuid, error);

	if (!keys)
		return FALSE;
	if (!g_hash_table_contains(listing->names, guest->uuid))
		g_hash_table_insert(listing->names, g_strdup(guest->uuid),
				    g_strdup(guest->view_name));
	for (guint i = 0; i < keys->len && !vk_interrupted(); i++)
		if (vk_list_is_candidate(listing->filter, g_ptr_array_index(keys, i)))
			add(listing, vault, name, g_ptr_array_index(keys, i));
	return TRUE;
}

static gboolean add_vault(Listing *listing, VkProgram *program, const char *name, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, name, VK_VAULT_READ, error);
	g_autoptr(GPtrArray) guests =
		vault ? vk_catalog_guest_names(vault, listing->filter->forgotten, error) : NULL;

	if (!guests)
		return FALSE;
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (vk_list_is_named(guest, listing->filter->guest) &&
		    !add_guest(listing, vault, name, guest, error))
			return FALSE;
	}
	return TRUE;
}

/* Guests by name, and the snapshots of each by time. */
static gint compare_rows(gconstpointer a, gconstpointer b, gpointer user)
{
	const Row *left = *(const Row *const *)a, *right = *(const Row *const *)b;
	const Listing *listing = user;
	int order = strcmp(g_hash_table_lookup(listing->names, left->uuid),
			   g_hash_table_lookup(listing->names, right->uuid));

	if (order == 0)
		order = strcmp(left->uuid, right->uuid);
	return order ? order : strcmp(left->time, right->time);
}

static char *join_vaults(const Row *row)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < row->vaults->len; i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "",
				       (const char *)g_ptr_array_index(row->vaults, i));
	return g_string_free(text, FALSE);
}

static void print_text(const Listing *listing, guint n_vaults)
{
	g_autoptr(VkTable) table =
		vk_table_new("SNAPSHOT", "TIME", "CONSISTENCY", "DISKS", "SIZE", "VAULTS", NULL);
	g_autofree char *snapshots = vk_count_text(listing->rows->len, "snapshot");
	g_autofree char *vaults = vk_count_text(n_vaults, "vault");

	for (guint i = 0; i < listing->rows->len; i++) {
		const Row *row = g_ptr_array_index(listing->rows, i);
		g_autofree char *time = vk_when_local(row->time);
		g_autofree char *disks = g_strdup_printf("%" G_GUINT64_FORMAT, row->disks);
		g_autofree char *size = vk_size_text(row->size);
		g_autofree char *where = join_vaults(row);

		vk_table_add(table, row->reference, time, row->grade, disks, size, where, NULL);
	}
	vk_table_print(table);
	vk_print_line(stdout, "%s in %s", snapshots, vaults);
}

static void print_json(const Listing *listing)
{
	guint printed = 0;

	for (guint i = 0; i < listing->rows->len; i++) {
		const Row *row = g_ptr_array_index(listing->rows, i);
		json_t *vaults = json_array();

		for (guint j = 0; j < row->vaults->len; j++)
			json_array_append_new(vaults, vk_json_new_string(row->vaults->pdata[j]));
		if (row->report)
			json_object_set(row->report, "vaults", vaults);
		if (row->report)
			vk_json_print_item(row->report, printed++ == 0);
		json_decref(vaults);
	}
	vk_json_print_end(printed == 0);
}

static gboolean list_vaults(Listing *listing, VkProgram *program, char *const *names,
			    GError **error)
{
	guint count = 0, opened = 0;

	for (; names[count] && !vk_interrupted(); count++) {
		g_autoptr(GError) trouble = NULL;

		if (add_vault(listing, program, names[count], &trouble))
			opened++;
		else
			fail_one(listing, trouble);
	}
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (listing->filter->guest && opened == count && g_hash_table_size(listing->names) == 0)
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "no vault has a snapshot of a guest '%s'; 'virtkeep list "
			       "--all-vaults' shows what they have",
			       listing->filter->guest);
	g_ptr_array_sort_with_data(listing->rows, compare_rows, listing);
	if (listing->json)
		print_json(listing);
	else
		print_text(listing, opened);
	return listing->troubles == 0 ||
	       vk_fail(error, opened ? VK_ERROR_PARTIAL : VK_ERROR_FAILED,
		       "%u of %u vaults could be read, and not all of what they have may be "
		       "listed",
		       opened, count);
}

gboolean vk_cmd_list_vaults(VkProgram *program, const VkListFilter *filter, GError **error)
{
	g_auto(GStrv) names = vk_vault_all(program, error);
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(row_free);
	g_autoptr(GHashTable) by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) guests =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	Listing listing = {.filter = filter,
			   .json = program->json,
			   .rows = rows,
			   .by_id = by_id,
			   .names = guests};

	return names && list_vaults(&listing, program, names, error);
}
