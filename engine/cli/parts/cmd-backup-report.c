/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output of "virtkeep backup" and its --dry-run. */
#include "cmd-backup.h"

#include "errors.h"
#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

void vk_cmd_backup_print_snapshot(const VkSnapshot *snapshot)
{
	g_autoptr(VkTable) table =
		vk_table_new("  DISK", "MODE", "SIZE", "READ", "NEW", "STORED", "REASON", NULL);
	g_autofree char *reference = vk_snapshot_reference(snapshot);
	g_autofree char *pause = vk_pause_text(snapshot->pause_usec);
	g_autofree char *took = vk_duration_text(snapshot->duration_usec);
	g_autofree char *grade = vk_snapshot_grade(snapshot);
	g_autofree char *skew = vk_pause_text(snapshot->skew_usec);
	g_autofree char *group =
		snapshot->group ? g_strdup_printf(", in group %s, skew %s", snapshot->group, skew)
				: g_strdup("");

	vk_print_line(stdout, "%s: %s, %s%s%s, took %s", reference, grade,
		      snapshot->pause_usec > 0 ? "paused for " : "not paused",
		      snapshot->pause_usec > 0 ? pause : "", group, took);
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		g_autofree char *target = g_strdup_printf("  %s", disk->target);
		g_autofree char *size = vk_size_text(disk->image->size);
		g_autofree char *read = vk_size_text(disk->read);
		g_autofree char *fresh = vk_size_text(disk->fresh);
		g_autofree char *stored = vk_size_text(disk->stored);

		vk_table_add(table, target, disk->mode, size, read, fresh, stored, disk->reason,
			     NULL);
	}
	if (snapshot->disks->len > 0)
		vk_table_print(table);
	for (guint i = 0; i < snapshot->skipped->len; i++) {
		const VkSkipRecord *skip = g_ptr_array_index(snapshot->skipped, i);

		vk_print_line(stdout, "  %s not saved: %s", skip->target, skip->reason);
	}
	fflush(stdout);
}

json_t *vk_failure_to_json(const char *guest, const GError *trouble)
{
	return json_pack("{s:o, s:s, s:o}", "guest", vk_json_new_string(guest), "code",
			 vk_error_word(trouble), "error", vk_json_new_string(trouble->message));
}

json_t *vk_left_out_to_json(const GPtrArray *left_out)
{
	json_t *list = json_array();

	for (guint i = 0; i < left_out->len; i++) {
		const VkLeftOut *guest = g_ptr_array_index(left_out, i);

		json_array_append_new(list, json_pack("{s:o, s:o}", "guest",
						      vk_json_new_string(guest->guest), "reason",
						      vk_json_new_string(guest->reason)));
	}
	return list;
}

json_t *vk_cmd_backup_to_json(const VkBackupResult *result, gint64 usec)
{
	json_t *snapshots = json_array(), *failed = json_array();

	for (guint i = 0; i < result->snapshots->len; i++)
		json_array_append_new(
			snapshots, vk_snapshot_to_report(g_ptr_array_index(result->snapshots, i)));
	for (guint i = 0; i < result->failed->len; i++) {
		const VkBackupFailure *failure = g_ptr_array_index(result->failed, i);

		json_array_append_new(failed, vk_failure_to_json(failure->guest, failure->error));
	}
	return json_pack("{s:o, s:o, s:o, s:I}", "snapshots", snapshots, "failed", failed,
			 "left_out", vk_left_out_to_json(result->left_out), "duration_ms",
			 (json_int_t)((usec + 999) / 1000));
}
