/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report-plan.h"

#include "json.h"
#include "loss.h"
#include "text.h"

/* Foreign text in it must not make lines of its own. */
static void add_line(GString *text, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add_line(GString *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *line = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *printable = vk_printable(line);
	g_string_append_printf(text, "%s\n", printable);
}

static const char *array_name(const json_t *copy)
{
	return json_string_value(json_object_get(copy, "array"));
}

static void add_manner_text(GString *text, const VkRestoreItem *item)
{
	if (item->clone)
		g_string_append_printf(text, ", cloned by '%s': no data is read",
				       array_name(item->clone->copy));
	else if (item->is_disk)
		g_string_append_printf(text, ", copied%s%s", item->why_copied ? ", because " : "",
				       item->why_copied ? item->why_copied : "");
}

static void add_item_text(GString *text, const VkRestorePlan *plan, const VkRestoreItem *item)
{
	g_autofree char *kept = vk_restore_plan_kept_path(plan, item);
	g_autofree char *size = g_format_size_full(item->place.size, G_FORMAT_SIZE_IEC_UNITS);
	g_autoptr(GString) line = g_string_new(NULL);

	g_string_append_printf(line, "%s %s", item->is_disk ? "disk" : "file", item->name);
	if (item->is_disk)
		g_string_append_printf(line, " (%s, %s)", size, item->place.format);
	else if (!item->clone)
		g_string_append_printf(line, " (%s)", size);
	g_string_append_printf(line, " to %s%s%s", item->path ? "'" : "",
			       item->path ? item->path : "standard output", item->path ? "'" : "");
	if (item->place.kind == VK_PLACE_BLOCK)
		g_string_append(line, ", overwriting the block device: cannot be undone");
	else if (kept)
		g_string_append_printf(line, ", replacing the existing file, kept as '%s'", kept);
	else if (item->exists)
		g_string_append(line, ", replacing the existing file");
	add_manner_text(line, item);
	add_line(text, "  %s", line->str);
}

char *vk_report_plan_text(const VkRestorePlan *plan)
{
	g_autofree char *loss = vk_loss_text(plan, g_get_real_time() / G_USEC_PER_SEC);
	GString *text = g_string_new(NULL);

	add_line(text, "%s", plan->reference);
	for (guint i = 0; i < plan->items->len; i++)
		add_item_text(text, plan, g_ptr_array_index(plan->items, i));
	for (guint i = 0; i < plan->room->len; i++)
		add_line(text, "  %s", (const char *)g_ptr_array_index(plan->room, i));
	if (loss)
		add_line(text, "  %s", loss);
	if (plan->was_running)
		add_line(text, "  shut down the guest '%s'", plan->guest);
	if (plan->managed_save)
		add_line(text, "  drop the saved memory state '%s'", plan->managed_save);
	if (plan->forget_snapshots)
		add_line(text, "  remove libvirt's entries of the guest's own snapshots");
	if (plan->domain_xml)
		add_line(text, "  define the guest '%s' (%s)%s", plan->guest, plan->uuid,
			 plan->autostart ? ", with autostart" : "");
	if (plan->start || plan->was_running)
		add_line(text, "  start the guest '%s'", plan->guest);
	if (plan->command)
		add_line(text, "  leave to be run: %s", plan->command);
	for (guint i = 0; i < plan->notes->len; i++)
		add_line(text, "  note: %s", (const char *)g_ptr_array_index(plan->notes, i));
	return g_string_free(text, FALSE);
}

static json_t *missing_report(const VkMissing *missing)
{
	json_t *report = json_array();

	for (guint i = 0; i < missing->ranges->len; i++) {
		const VkMissingRange *range = &g_array_index(missing->ranges, VkMissingRange, i);

		json_array_append_new(report,
				      json_pack("{s:I, s:I}", "offset", (json_int_t)range->offset,
						"length", (json_int_t)range->length));
	}
	return report;
}

json_t *vk_report_item_json(const VkRestorePlan *plan, const VkRestoreItem *item)
{
	g_autofree char *kept = vk_restore_plan_kept_path(plan, item);
	json_t *report = json_object();

	json_object_set_new(report, item->is_disk ? "target" : "name",
			    vk_json_new_string(item->name));
	json_object_set_new(report, "path", vk_json_new_string(item->path));
	json_object_set_new(report, "replaced", json_boolean(item->exists));
	json_object_set_new(report, "block_device",
			    json_boolean(item->place.kind == VK_PLACE_BLOCK));
	if (item->why_copied)
		json_object_set_new(report, "why_copied", vk_json_new_string(item->why_copied));
	if (item->is_disk)
		json_object_set_new(report, "format", vk_json_new_string(item->place.format));
	if (kept)
		json_object_set_new(report, "kept", vk_json_new_string(kept));
	/* A backing file's is the array's business. */
	if (item->is_disk || !item->clone)
		json_object_set_new(report, "size", vk_json_new_uint(item->place.size));
	if (item->missing)
		json_object_set_new(report, "missing", missing_report(item->missing));
	if (item->is_disk || item->clone)
		json_object_set_new(report, "cloned", json_boolean(item->clone != NULL));
	return report;
}

json_t *vk_report_plan_json(const VkRestorePlan *plan, gboolean started)
{
	json_t *report = json_object();
	json_t *disks = json_array();
	json_t *files = json_array();
	json_t *notes = json_array();

	for (guint i = 0; i < plan->notes->len; i++)
		json_array_append_new(notes, vk_json_new_string(g_ptr_array_index(plan->notes, i)));
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		json_array_append_new(item->is_disk ? disks : files,
				      vk_report_item_json(plan, item));
	}
	json_object_set_new(report, "snapshot", vk_json_new_string(plan->reference));
	json_object_set_new(report, "guest", vk_json_new_string(plan->guest));
	json_object_set_new(report, "disks", disks);
	json_object_set_new(report, "files", files);
	if (plan->back_to)
		json_object_set_new(
			report, "lost_seconds",
			json_integer(vk_loss_seconds(plan, g_get_real_time() / G_USEC_PER_SEC)));
	json_object_set_new(report, "writes", json_integer((json_int_t)plan->writes));
	json_object_set_new(report, "defined", json_boolean(plan->domain_xml != NULL));
	json_object_set_new(report, "started", json_boolean(started));
	json_object_set_new(report, "shut_down", json_boolean(plan->was_running));
	json_object_set_new(report, "to_start", json_boolean(plan->start || plan->was_running));
	json_object_set_new(report, "notes", notes);
	json_object_set_new(report, "command", vk_json_new_string(plan->command));
	return report;
}
