/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep why": why a snapshot is as it is. */
#include "cmd.h"

#include "errors.h"
#include "json.h"
#include "open-vault.h"
#include "table.h"
#include "text.h"
#include "when.h"
#include "why.h"

#include <stdio.h>

static void print_head(const VkWhy *why)
{
	const VkSnapshot *snapshot = why->snapshot;
	g_autofree char *reference = vk_snapshot_reference(snapshot);
	g_autofree char *time = vk_when_local(snapshot->time);
	g_autofree char *grade = vk_snapshot_grade(snapshot);
	g_autofree char *before = why->before ? vk_snapshot_reference(why->before) : NULL;

	vk_print_line(stdout, "%s, of %s: %s", reference, time, grade);
	if (before)
		vk_print_line(stdout, "compared with %s, the snapshot before", before);
	else
		vk_print_line(stdout,
			      "the first snapshot of the guest that is listed: all of it is "
			      "new");
}

static void print_disks(const VkWhy *why)
{
	g_autoptr(VkTable) table = vk_table_new("DISK", "MODE", "SIZE", "READ", "CHANGED",
						"TRIMMED", "NEW", "STORED", "REASON", NULL);

	for (guint i = 0; i < why->disks->len; i++) {
		const VkWhyDisk *disk = g_ptr_array_index(why->disks, i);
		const VkDiskRecord *record = disk->record;
		g_autofree char *size = vk_size_text(record->image->size);
		g_autofree char *read = vk_size_text(record->read);
		g_autofree char *written =
			disk->is_measured ? vk_size_text(disk->change.written) : g_strdup("-");
		g_autofree char *cleared =
			disk->is_measured ? vk_size_text(disk->change.cleared) : g_strdup("-");
		g_autofree char *fresh = vk_size_text(record->fresh);
		g_autofree char *stored = vk_size_text(record->stored);

		vk_table_add(table, record->target, record->mode, size, read, written, cleared,
			     fresh, stored, record->reason ? record->reason : "-", NULL);
	}
	if (why->disks->len > 0)
		vk_table_print(table);
}

/* Where most has changed. Of a disk that is new to the vault everything has. */
static void print_regions(const VkWhyDisk *disk)
{
	const VkImageDelta *change = &disk->change;

	if (disk->is_new || change->n_regions == 0)
		return;
	vk_print_line(stdout, "%s: where most has changed:", disk->record->target);
	for (guint i = 0; i < change->n_regions; i++) {
		const VkChangedRegion *region = &change->regions[i];
		g_autofree char *changed = vk_size_text(region->changed);
		g_autofree char *length = vk_size_text(region->length);
		g_autofree char *offset = vk_size_text(region->offset);

		vk_print_line(stdout, "  %s of the %s from %s on (byte %" G_GUINT64_FORMAT ")",
			      changed, length, offset, region->offset);
	}
}

static void print_usual(const VkWhy *why)
{
	g_autoptr(VkTable) table = vk_table_new("", "READ", "NEW", "STORED", "TOOK", "PAUSE", NULL);
	g_autofree char *label = g_strdup_printf("median of the %u before", why->usual.snapshots);
	const struct {
		const char *label;
		const VkAmounts *amounts;
	} rows[] = {{"this snapshot", &why->amounts}, {label, &why->usual.median}};

	if (why->usual.snapshots == 0)
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const VkAmounts *amounts = rows[i].amounts;
		g_autofree char *read = vk_size_text(amounts->read);
		g_autofree char *fresh = vk_size_text(amounts->fresh);
		g_autofree char *stored = vk_size_text(amounts->stored);
		g_autofree char *took = vk_duration_text(amounts->duration_usec);
		g_autofree char *pause = vk_pause_text(amounts->pause_usec);

		vk_table_add(table, rows[i].label, read, fresh, stored, took, pause, NULL);
	}
	vk_table_print(table);
}

static void print_text(const VkWhy *why)
{
	print_head(why);
	print_disks(why);
	for (guint i = 0; i < why->disks->len; i++)
		print_regions(g_ptr_array_index(why->disks, i));
	print_usual(why);
	for (guint i = 0; i < why->findings->len; i++)
		vk_print_line(stdout, "* %s", (const char *)g_ptr_array_index(why->findings, i));
	if (why->findings->len == 0)
		vk_print_line(stdout, "nothing stands out");
}

static json_t *amounts_to_json(const VkAmounts *amounts)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "read", vk_json_new_uint(amounts->read),
			 "new", vk_json_new_uint(amounts->fresh), "stored",
			 vk_json_new_uint(amounts->stored), "duration_ms",
			 vk_json_new_uint((amounts->duration_usec + 999) / 1000), "pause_ms",
			 vk_json_new_uint((amounts->pause_usec + 999) / 1000));
}

static json_t *disk_to_json(const VkWhyDisk *disk)
{
	const VkDiskRecord *record = disk->record;
	const VkImageDelta *change = &disk->change;
	json_t *regions = json_array();

	for (guint i = 0; i < change->n_regions; i++)
		json_array_append_new(
			regions, json_pack("{s:o, s:o, s:o}", "offset",
					   vk_json_new_uint(change->regions[i].offset), "length",
					   vk_json_new_uint(change->regions[i].length), "changed",
					   vk_json_new_uint(change->regions[i].changed)));
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "target",
		vk_json_new_string(record->target), "mode", vk_json_new_string(record->mode),
		"reason", vk_json_new_string(record->reason), "size",
		vk_json_new_uint(record->image->size), "read", vk_json_new_uint(record->read),
		"changed", disk->is_measured ? vk_json_new_uint(change->written) : json_null(),
		"trimmed", disk->is_measured ? vk_json_new_uint(change->cleared) : json_null(),
		"new", vk_json_new_uint(record->fresh), "stored", vk_json_new_uint(record->stored),
		"regions", regions);
}

static void print_json(const VkWhy *why)
{
	g_autofree char *reference = vk_snapshot_reference(why->snapshot);
	g_autofree char *before = why->before ? vk_snapshot_reference(why->before) : NULL;
	json_t *disks = json_array(), *findings = json_array();
	g_autoptr(json_t) object = NULL;

	for (guint i = 0; i < why->disks->len; i++)
		json_array_append_new(disks, disk_to_json(g_ptr_array_index(why->disks, i)));
	for (guint i = 0; i < why->findings->len; i++)
		json_array_append_new(findings,
				      vk_json_new_string(g_ptr_array_index(why->findings, i)));
	object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:b}", "snapshot",
			   vk_json_new_string(reference), "before", vk_json_new_string(before),
			   "disks", disks, "amounts", amounts_to_json(&why->amounts), "usual",
			   why->usual.snapshots ? amounts_to_json(&why->usual.median) : json_null(),
			   "usual_of", (int)why->usual.snapshots, "findings", findings,
			   "suspicious", why->is_suspicious);
	vk_json_print(object);
}

gboolean vk_cmd_why(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(VkWhy) why = NULL;
	char **names = NULL;

	if (!vk_cmd_parse(program, "why SNAPSHOT",
			  "Explains why a snapshot is large, slow or full: what changed on its "
			  "disks since the\nsnapshot before, and what is usual for the guest. "
			  "SNAPSHOT is GUEST@TIME, or GUEST for\nits latest.",
			  NULL, 1, argc, argv, &names, error))
		return FALSE;
	if (!names[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "no snapshot named; 'virtkeep list' shows what there is");
	vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	why = vault ? vk_why_load(vault, names[0], error) : NULL;
	if (!why)
		return FALSE;
	if (program->json)
		print_json(why);
	else
		print_text(why);
	return TRUE;
}
