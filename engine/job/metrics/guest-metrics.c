/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metrics-priv.h"

#include "snapshot-summary.h"
#include "timestamp.h"

#include <string.h>

/* A guest, and what its newest snapshot that can be used says; NULL: there is none. */
typedef struct {
	const VkOverviewGuest *guest;
	const VkOverview *overview;
	VkSnapshotSummary *last;
} Row;

/* FALSE: there is no such value. */
typedef gboolean (*Value)(const Row *row, double *ret);

static gboolean on_host(const Row *row, double *ret)
{
	*ret = row->guest->on_host;
	return row->overview->host_known;
}

static gboolean left_out(const Row *row, double *ret)
{
	*ret = row->guest->skip != NULL;
	return TRUE;
}

static gboolean snapshots(const Row *row, double *ret)
{
	*ret = row->guest->protection->snapshots;
	return TRUE;
}

static gboolean unusable(const Row *row, double *ret)
{
	*ret = row->guest->protection->damaged;
	return TRUE;
}

static gboolean taken(const Row *row, double *ret)
{
	gint64 seconds = 0;
	gboolean known =
		row->last && vk_time_parse(row->guest->protection->last->time, &seconds, NULL);

	*ret = (double)seconds;
	return known;
}

static gboolean pause_time(const Row *row, double *ret)
{
	*ret = row->last ? (double)row->last->pause_usec / G_USEC_PER_SEC : 0;
	return row->last != NULL;
}

static gboolean duration(const Row *row, double *ret)
{
	*ret = row->last ? (double)row->last->duration_usec / G_USEC_PER_SEC : 0;
	return row->last != NULL;
}

static gboolean size(const Row *row, double *ret)
{
	*ret = row->last ? (double)row->last->size : 0;
	return row->last != NULL;
}

static gboolean fresh(const Row *row, double *ret)
{
	*ret = row->last ? (double)row->last->fresh : 0;
	return row->last != NULL;
}

static gboolean stored(const Row *row, double *ret)
{
	*ret = row->last ? (double)row->last->stored : 0;
	return row->last != NULL;
}

static const struct {
	const char *name, *help;
	Value value;
} metrics[] = {
	{"virtkeep_guest_on_host", "1: the host has the guest; 0: only the vault has.", on_host},
	{"virtkeep_guest_left_out", "1: the configuration leaves it out of backups of all guests.",
	 left_out},
	{"virtkeep_guest_snapshots", "Snapshots in the vault.", snapshots},
	{"virtkeep_guest_unusable_snapshots",
	 "Snapshots that are newer than the last good one and cannot be used.", unusable},
	{"virtkeep_guest_last_snapshot_timestamp_seconds",
	 "The moment of the newest snapshot that can be used.", taken},
	{"virtkeep_guest_last_snapshot_pause_seconds", "How long it held the guest.", pause_time},
	{"virtkeep_guest_last_snapshot_duration_seconds", "How long it took.", duration},
	{"virtkeep_guest_last_snapshot_size_bytes", "Size of its disks.", size},
	{"virtkeep_guest_last_snapshot_new_bytes", "Data that the vault did not have before.",
	 fresh},
	{"virtkeep_guest_last_snapshot_stored_bytes", "What that data took, compressed.", stored},
};

static void add_consistency(VkExposition *exposition, VkVault *vault, const GArray *rows)
{
	const char *const all[] = {"application", "filesystem", "crash", "offline"};

	vk_exposition_begin(exposition, "virtkeep_guest_last_snapshot_consistency",
			    "1: its consistency is this one; 0: another.");
	for (guint i = 0; i < rows->len; i++) {
		const Row *row = &g_array_index(rows, Row, i);

		for (gsize k = 0; row->last && k < G_N_ELEMENTS(all); k++)
			vk_exposition_add(exposition,
					  g_strcmp0(row->last->consistency, all[k]) == 0, "vault",
					  vk_vault_url(vault), "guest", row->guest->name, "uuid",
					  row->guest->uuid, "consistency", all[k], NULL);
	}
}

void vk_metrics_add_guests(VkExposition *exposition, VkVault *vault, const VkOverview *overview)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
	double value;

	for (guint i = 0; i < overview->guests->len; i++) {
		Row row = {.guest = g_ptr_array_index(overview->guests, i), .overview = overview};

		if (row.guest->protection->last)
			row.last = vk_snapshot_summary_new(row.guest->protection->last);
		g_array_append_val(rows, row);
	}
	for (gsize k = 0; k < G_N_ELEMENTS(metrics); k++) {
		vk_exposition_begin(exposition, metrics[k].name, metrics[k].help);
		for (guint i = 0; i < rows->len; i++) {
			const Row *row = &g_array_index(rows, Row, i);

			if (metrics[k].value(row, &value))
				vk_exposition_add(exposition, value, "vault", vk_vault_url(vault),
						  "guest", row->guest->name, "uuid",
						  row->guest->uuid, NULL);
		}
	}
	add_consistency(exposition, vault, rows);
	for (guint i = 0; i < rows->len; i++)
		vk_snapshot_summary_free(g_array_index(rows, Row, i).last);
}
