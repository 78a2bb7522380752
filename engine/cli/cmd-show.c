/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "catalog-pin.h"
#include "catalog.h"
#include "errors.h"
#include "json.h"
#include "open-vault.h"
#include "table.h"
#include "text.h"
#include "timestamp.h"
#include "when.h"

#include <stdio.h>

static void print_fact(const char *label, const char *value)
{
	vk_print_line(stdout, "%-13s%s", label, value ? value : "-");
}

/* PIN is nullable. */
static void print_pin(const VkPin *pin)
{
	g_autofree char *time = NULL, *local = NULL, *text = NULL;

	if (!pin)
		return;
	if (pin->until != VK_PIN_FOR_GOOD) {
		time = vk_time_format(pin->until);
		local = vk_when_local(time);
	}
	text = g_strdup_printf("%s%s%s%s", local ? "until " : "for good", local ? local : "",
			       pin->reason ? ": " : "", pin->reason ? pin->reason : "");
	print_fact("Pinned:", text);
}

/* Null when it is not pinned; "until" is null when the pin does not end. New reference. */
static json_t *pin_to_json(const VkPin *pin)
{
	g_autofree char *until =
		pin && pin->until != VK_PIN_FOR_GOOD ? vk_time_format(pin->until) : NULL;

	return pin ? json_pack("{s:o, s:o}", "until", vk_json_new_string(until), "reason",
			       vk_json_new_string(pin->reason))
		   : json_null();
}

static gboolean load_pin(VkVault *vault, const VkSnapshot *snapshot, VkPin **ret, GError **error)
{
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};

	return vk_catalog_load_pin(vault, &key, ret, error);
}

static void print_facts(const VkSnapshot *snapshot)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);
	g_autofree char *pause = vk_pause_text(snapshot->pause_usec);
	g_autofree char *scratch = vk_size_text(snapshot->scratch);
	g_autofree char *took = vk_duration_text(snapshot->duration_usec);
	g_autofree char *time = vk_when_local_in_full(snapshot->time);
	g_autofree char *grade = vk_snapshot_grade(snapshot);

	print_fact("Snapshot:", reference);
	print_fact("Id:", snapshot->id);
	print_fact("Guest:", snapshot->name);
	print_fact("Uuid:", snapshot->uuid);
	print_fact("Host:", snapshot->host);
	print_fact("Time:", time);
	if (snapshot->group)
		print_fact("Group:", snapshot->group);
	if (snapshot->label)
		print_fact("Label:", snapshot->label);
	print_fact("State:", snapshot->state);
	print_fact("Definition:", snapshot->persistent ? "persistent" : "transient");
	print_fact("Autostart:", snapshot->autostart ? "yes" : "no");
	print_fact("Consistency:", grade);
	print_fact("Pause:", pause);
	print_fact("Took:", took);
	print_fact("Scratch:", scratch);
	print_fact("Parent:", snapshot->parent);
	print_fact("Made by:", snapshot->tool);
}

static void print_disk(const VkDiskRecord *disk)
{
	g_autofree char *size = vk_size_text(disk->image->size);
	g_autofree char *allocated = vk_size_text(disk->image->allocated);
	g_autofree char *read = vk_size_text(disk->read);
	g_autofree char *fresh = vk_size_text(disk->fresh);
	g_autofree char *stored = vk_size_text(disk->stored);
	g_autofree char *copies = vk_image_copies_text(disk->image);

	putchar('\n');
	vk_print_line(stdout, "Disk %s", disk->target);
	vk_print_line(stdout, "  %-11s%s (%s, %s, bus %s)",
		      "Original:", disk->source ? disk->source : "-",
		      disk->format ? disk->format : "format unknown",
		      disk->source_type ? disk->source_type : "type unknown",
		      disk->bus ? disk->bus : "unknown");
	vk_print_line(stdout, "  %-11s%s, %s of it data", "Size:", size, allocated);
	vk_print_line(stdout, "  %-11s%s: %s", "Mode:", disk->mode,
		      disk->reason ? disk->reason : "");
	vk_print_line(stdout, "  %-11s%s read, %s new, %s stored", "Cost:", read, fresh, stored);
	vk_print_line(stdout, "  %-11s%s", "Copies:", copies);
}

static void print_files(const VkSnapshot *snapshot)
{
	if (snapshot->files->len > 0)
		puts("\nFiles");
	for (guint i = 0; i < snapshot->files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(snapshot->files, i);
		g_autofree char *size = vk_size_text(file->image->size);

		vk_print_line(stdout, "  %s (%s): %s, mode %04o, from %s", file->name, file->role,
			      size, file->mode, file->path ? file->path : "-");
	}
}

static void print_skipped(const VkSnapshot *snapshot)
{
	if (snapshot->skipped->len > 0)
		puts("\nNot saved");
	for (guint i = 0; i < snapshot->skipped->len; i++) {
		const VkSkipRecord *skip = g_ptr_array_index(snapshot->skipped, i);

		vk_print_line(stdout, "  %s: %s", skip->target, skip->reason);
	}
}

gboolean vk_cmd_show(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkPin) pin = NULL;
	g_autoptr(json_t) report = NULL;
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "show SNAPSHOT",
			  "Shows all about one snapshot: GUEST@TIME, or GUEST for its latest. TIME "
			  "may be\nlatest, a date or time like 2026-11-28T07:30, yesterday, -1, or "
			  "an id.",
			  NULL, 1, argc, argv, &arguments, error))
		return FALSE;
	if (!arguments[0])
		return vk_fail(error, VK_ERROR_USAGE, "no snapshot named: try 'virtkeep --help'");
	vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	snapshot = vault ? vk_catalog_find(vault, arguments[0], error) : NULL;
	if (!snapshot || !load_pin(vault, snapshot, &pin, error))
		return FALSE;
	if (program->json) {
		report = vk_snapshot_to_report(snapshot);
		json_object_set_new(report, "pinned", pin_to_json(pin));
		vk_json_print(report);
		return TRUE;
	}
	print_facts(snapshot);
	print_pin(pin);
	for (guint i = 0; i < snapshot->disks->len; i++)
		print_disk(g_ptr_array_index(snapshot->disks, i));
	print_files(snapshot);
	print_skipped(snapshot);
	return TRUE;
}
