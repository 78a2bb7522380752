/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "cmd-list.h"

#include "catalog-chain.h"
#include "catalog.h"
#include "errors.h"
#include "interrupt.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "progress.h"
#include "suggest.h"
#include "table.h"
#include "text.h"
#include "timestamp.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

static const char *const grades[] = {"application", "filesystem", "crash", "offline", NULL};

/* The output of the listing, its totals, and the number of unreadable snapshots. */
typedef struct {
	const VkListFilter *filter;
	VkTable *table;   /* NULL: JSON is printed */
	GPtrArray *uuids; /* of the guests that were listed; owned strings */
	guint guests, snapshots, damaged;
	guint64 fresh, stored; /* bytes */
} Listing;

static void list_in_table(Listing *listing, const char *reference, const char *when,
			  const VkSnapshotSummary *snapshot)
{
	g_autofree char *time = vk_when_local(when);
	g_autofree char *pause = vk_pause_text(snapshot->pause_usec);
	g_autofree char *took = vk_duration_text(snapshot->duration_usec);
	g_autofree char *disks = g_strdup_printf("%" G_GUINT64_FORMAT, snapshot->disks);
	g_autofree char *size = vk_size_text(snapshot->size);
	g_autofree char *fresh = vk_size_text(snapshot->fresh);
	g_autofree char *stored = vk_size_text(snapshot->stored);

	listing->fresh += snapshot->fresh;
	listing->stored += snapshot->stored;
	vk_table_add(listing->table, reference, time, snapshot->grade, pause, took, disks, size,
		     fresh, stored, snapshot->copies, NULL);
}

static gboolean list_in_json(Listing *listing, VkVault *vault, const VkSnapshotKey *key,
			     GError **error)
{
	g_autoptr(json_t) report = vk_catalog_report(vault, key, error);

	if (report)
		vk_json_print_item(report, listing->snapshots == 0);
	return report != NULL;
}

/* SNAPSHOT is NULL when it could not be read. */
static gboolean list_snapshot(Listing *listing, VkVault *vault, const VkCatalogGuest *guest,
			      const VkSnapshotKey *key, const VkSnapshotSummary *snapshot,
			      GError **error)
{
	g_autoptr(VkSnapshotSummary) again = NULL;
	g_autofree char *reference = NULL;

	if (!snapshot)
		snapshot = again = vk_catalog_summarize(vault, key, error);
	if (!snapshot)
		return FALSE;
	if (!vk_list_is_wanted(listing->filter, snapshot))
		return TRUE;
	if (listing->table) {
		reference = vk_list_reference(guest->view_name, key);
		list_in_table(listing, reference, key->time, snapshot);
	} else if (!list_in_json(listing, vault, key, error)) {
		return FALSE;
	}
	listing->snapshots++;
	return TRUE;
}

/* KEYS without those that are not wanted. Borrowed keys. */
static GPtrArray *find_candidates(const VkListFilter *filter, const GPtrArray *keys)
{
	GPtrArray *candidates = g_ptr_array_new();

	for (guint i = 0; i < keys->len; i++)
		if (vk_list_is_candidate(filter, g_ptr_array_index(keys, i)))
			g_ptr_array_add(candidates, g_ptr_array_index(keys, i));
	return candidates;
}

static gboolean list_keys(Listing *listing, VkVault *vault, const VkCatalogGuest *guest,
			  const GPtrArray *keys, GError **error)
{
	g_autoptr(GPtrArray) summaries = vk_catalog_summarize_all(vault, keys);
	guint before = listing->snapshots;

	for (guint i = 0; i < keys->len; i++) {
		g_autoptr(GError) trouble = NULL;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (list_snapshot(listing, vault, guest, g_ptr_array_index(keys, i),
				  g_ptr_array_index(summaries, i), &trouble) ||
		    /* A garbage collection was quicker. */
		    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			continue;
		vk_log_warning("%s", trouble->message);
		listing->damaged++;
	}
	listing->guests += listing->snapshots > before;
	return TRUE;
}

static gboolean list_guest(Listing *listing, VkVault *vault, const VkCatalogGuest *guest,
			   GError **error)
{
	g_autoptr(GPtrArray) keys = listing->filter->forgotten
					    ? vk_catalog_list_all(vault, guest->uuid, error)
					    : vk_catalog_list(vault, guest->uuid, error);
	g_autoptr(GPtrArray) candidates = keys ? find_candidates(listing->filter, keys) : NULL;

	if (!keys || !list_keys(listing, vault, guest, candidates, error))
		return FALSE;
	if (keys->len > 0)
		vk_catalog_warn_ahead(vault, g_ptr_array_index(keys, keys->len - 1),
				      guest->view_name);
	return TRUE;
}

static gboolean fail_unknown(VkVault *vault, const GPtrArray *guests, const char *name,
			     GError **error)
{
	VkSuggest *suggest = vk_suggest_new(name);
	g_autofree char *meant = NULL;

	for (guint i = 0; i < guests->len; i++)
		vk_suggest_offer(suggest,
				 ((const VkCatalogGuest *)g_ptr_array_index(guests, i))->view_name);
	meant = vk_suggest_end(suggest);
	return vk_fail(error, VK_ERROR_NOT_FOUND,
		       "the vault '%s' has no snapshot of a guest '%s'%s", vk_vault_url(vault),
		       name, *meant ? meant : "; 'virtkeep list' shows what it has");
}

/* The first list of a large vault reads each snapshot. */
static void show_progress(VkProgress *progress, guint done, guint all)
{
	g_autofree char *label = NULL;

	if (!vk_progress_is_drawn(progress))
		return;
	label = g_strdup_printf("list: %u of %u guests", done, all);
	vk_progress_set_label(progress, label);
}

static gboolean list(Listing *listing, VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) guests =
		vk_catalog_guest_names(vault, listing->filter->forgotten, error);
	g_autoptr(VkProgress) progress = listing->table ? vk_progress_new("list", 0) : NULL;
	const char *name = listing->filter->guest;

	if (!guests)
		return FALSE;
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (!vk_list_is_named(guest, name))
			continue;
		g_ptr_array_add(listing->uuids, g_strdup(guest->uuid));
		show_progress(progress, i, guests->len);
		if (!list_guest(listing, vault, guest, error))
			return FALSE;
	}
	return !name || listing->uuids->len > 0 || fail_unknown(vault, guests, name, error);
}

/* What the list does not show. A guest that is missing as a whole was not listed. */
static void warn_of_missing(const Listing *listing, VkVault *vault)
{
	g_autoptr(GPtrArray) texts = NULL;

	g_ptr_array_add(listing->uuids, NULL);
	texts = vk_chain_missing(
		vault, listing->filter->guest ? (const char *const *)listing->uuids->pdata : NULL);
	for (guint i = 0; i < texts->len; i++)
		vk_log_warning("%s", (const char *)g_ptr_array_index(texts, i));
}

static void print_text(const Listing *listing)
{
	g_autofree char *snapshots = vk_count_text(listing->snapshots, "snapshot");
	g_autofree char *guests = vk_count_text(listing->guests, "guest");
	g_autofree char *fresh = vk_size_text(listing->fresh);
	g_autofree char *stored = vk_size_text(listing->stored);

	vk_table_print(listing->table);
	vk_print_line(stdout, "%s of %s: %s new, %s stored", snapshots, guests, fresh, stored);
}

static gboolean take_filter(const char *since, const char *until, VkListFilter *filter,
			    GError **error)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	VkWhen when;

	if (since) {
		if (!vk_when_parse_moment(since, now, &when, error))
			return FALSE;
		filter->since = when.first;
	}
	if (until) {
		if (!vk_when_parse_moment(until, now, &when, error))
			return FALSE;
		filter->until = when.last;
	}
	if (filter->grade && !g_strv_contains(grades, filter->grade))
		return vk_fail(
			error, VK_ERROR_USAGE,
			"--grade must be application, filesystem, crash or offline, not '%s'",
			filter->grade);
	return TRUE;
}

static gboolean run(VkProgram *program, const VkListFilter *filter, GError **error)
{
	g_autoptr(VkTable) table = vk_table_new("SNAPSHOT", "TIME", "CONSISTENCY", "PAUSE", "TOOK",
						"DISKS", "SIZE", "NEW", "STORED", "COPIES", NULL);
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	g_autoptr(GPtrArray) uuids = g_ptr_array_new_with_free_func(g_free);
	Listing listing = {
		.filter = filter,
		.table = program->json ? NULL : table,
		.uuids = uuids,
	};

	if (!vault || !list(&listing, vault, error))
		return FALSE;
	warn_of_missing(&listing, vault);
	if (program->json)
		vk_json_print_end(listing.snapshots == 0);
	else
		print_text(&listing);
	if (listing.damaged > 0) {
		g_autofree char *damaged = vk_count_text(listing.damaged, "snapshot");

		return vk_fail(error, VK_ERROR_DAMAGE,
			       "%s of the vault '%s' %s damaged and not listed; 'virtkeep verify' "
			       "shows more",
			       damaged, vk_vault_url(vault), listing.damaged == 1 ? "is" : "are");
	}
	return TRUE;
}

gboolean vk_cmd_list(VkProgram *program, int argc, char **argv, GError **error)
{
	g_auto(VkListFilter) filter = {.since = G_MININT64, .until = G_MAXINT64};
	g_autofree char *since = NULL, *until = NULL;
	gboolean all_vaults = FALSE;
	const GOptionEntry entries[] = {
		{"since", 0, 0, G_OPTION_ARG_STRING, &since,
		 "Only from then on, like 2026-11-28, yesterday or 2026-11-28T07:30", "WHEN"},
		{"until", 0, 0, G_OPTION_ARG_STRING, &until, "Only up to the end of that", "WHEN"},
		{"host", 0, 0, G_OPTION_ARG_STRING, &filter.host, "Only those taken on this host",
		 "NAME"},
		{"grade", 0, 0, G_OPTION_ARG_STRING, &filter.grade,
		 "Only snapshots of this grade: application, filesystem, crash or offline",
		 "GRADE"},
		{"forgotten", 0, 0, G_OPTION_ARG_NONE, &filter.forgotten,
		 "The forgotten snapshots, which 'virtkeep unforget' can bring back", NULL},
		{"all-vaults", 0, 0, G_OPTION_ARG_NONE, &all_vaults,
		 "The snapshots of all vaults that the configuration names, and where each lies",
		 NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "list [GUEST]",
			  "Lists the snapshots of the vault, of all guests or one. GUEST is a name "
			  "or uuid;\nguests that libvirt no longer knows are also listed.",
			  entries, 1, argc, argv, &arguments, error))
		return FALSE;
	filter.guest = arguments[0];
	return take_filter(since, until, &filter, error) &&
	       (all_vaults ? vk_cmd_list_vaults(program, &filter, error)
			   : run(program, &filter, error));
}
