/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include "errors.h"
#include "json.h"
#include "loss.h"
#include "planner.h"
#include "text.h"
#include "timestamp.h"

#include <string.h>
#include <sys/stat.h>

static void item_free(gpointer data)
{
	VkPlanItem *item = data;

	g_free(item->name);
	g_free(item->path);
	g_free(item->place.path);
	g_free(item->place.options);
	g_clear_pointer(&item->backing, g_array_unref);
	g_free(item->owner_directory);
	vk_qemu_secret_free(item->secret);
	vk_plan_clone_free(item->clone);
	g_free(item->why_copied);
	g_free(item);
}

VkPlan *vk_plan_new(VkPlanKind kind, const VkSnapshot *snapshot)
{
	VkPlan *plan = g_new0(VkPlan, 1);

	plan->kind = kind;
	plan->reference = vk_snapshot_reference(snapshot);
	plan->guest = g_strdup(snapshot->name);
	plan->uuid = g_strdup(snapshot->uuid);
	plan->items = g_ptr_array_new_with_free_func(item_free);
	plan->notes = g_ptr_array_new_with_free_func(g_free);
	plan->room = g_ptr_array_new_with_free_func(g_free);
	return plan;
}

void vk_plan_free(VkPlan *plan)
{
	if (!plan)
		return;
	g_free(plan->reference);
	g_free(plan->guest);
	g_free(plan->uuid);
	g_free(plan->domain_xml);
	g_free(plan->definition);
	g_free(plan->command);
	g_free(plan->managed_save);
	g_free(plan->back_to);
	g_free(plan->old_mark);
	g_ptr_array_unref(plan->items);
	g_ptr_array_unref(plan->notes);
	g_ptr_array_unref(plan->room);
	g_free(plan);
}

VkPlanItem *vk_plan_add_item(VkPlan *plan, const char *name, gboolean is_disk, guint64 size)
{
	VkPlanItem *item = g_new0(VkPlanItem, 1);

	item->name = g_strdup(name);
	item->is_disk = is_disk;
	item->place = (VkPlace){.kind = VK_PLACE_FILE,
				.format = "raw",
				.size = size,
				.mode = 0600,
				.uid = (uid_t)-1,
				.gid = (gid_t)-1};
	g_ptr_array_add(plan->items, item);
	return item;
}

void vk_plan_note(VkPlan *plan, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(plan->notes, g_strdup_vprintf(format, args));
	va_end(args);
}

gboolean vk_plan_check_distinct(const GPtrArray *plans, GError **error)
{
	g_autoptr(GHashTable) owners = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < plans->len; i++) {
		const VkPlan *plan = g_ptr_array_index(plans, i);

		for (guint k = 0; k < plan->items->len; k++) {
			const VkPlanItem *item = g_ptr_array_index(plan->items, k);

			if (item->place.path && !g_hash_table_add(owners, item->place.path))
				return vk_fail(error, VK_ERROR_USAGE,
					       "'%s' would be written twice: restore in separate "
					       "calls or to separate directories",
					       item->place.path);
		}
	}
	return TRUE;
}

/* Whether PATH lies in the directory WHAT, by whatever name. */
static gboolean lies_in(const char *path, const struct stat *what)
{
	g_autofree char *at = g_strdup(path);

	while (strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
		char *parent = g_path_get_dirname(at);
		struct stat st;

		g_free(at);
		at = parent;
		if (stat(at, &st) == 0 && st.st_dev == what->st_dev && st.st_ino == what->st_ino)
			return TRUE;
	}
	return FALSE;
}

gboolean vk_plan_check_outside(const VkPlan *plan, const char *directory, GError **error)
{
	struct stat st;

	if (!directory || stat(directory, &st) < 0)
		return TRUE;
	for (guint i = 0; i < plan->items->len; i++) {
		const VkPlanItem *item = g_ptr_array_index(plan->items, i);

		if (item->place.path && lies_in(item->place.path, &st))
			return vk_fail(error, VK_ERROR_USAGE,
				       "'%s' lies in the vault '%s': restore into a directory "
				       "outside of it",
				       item->path, directory);
	}
	return TRUE;
}

/* What others put into it makes no line of its own. */
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

char *vk_plan_kept_path(const VkPlan *plan, const VkPlanItem *item)
{
	g_autofree char *directory = NULL;
	g_autofree char *base = NULL;
	g_autofree char *name = NULL;

	if (!plan->old_mark || !item->exists || item->place.kind != VK_PLACE_FILE)
		return NULL;
	directory = g_path_get_dirname(item->place.path);
	base = g_path_get_basename(item->place.path);
	name = vk_new_file_decorated(base, plan->old_mark);
	return g_build_filename(directory, name, NULL);
}

static const char *array_name(const json_t *copy)
{
	return json_string_value(json_object_get(copy, "array"));
}

static void add_manner_text(GString *text, const VkPlanItem *item)
{
	if (item->clone)
		g_string_append_printf(text, ", cloned by '%s': no data is read",
				       array_name(item->clone->copy));
	else if (item->is_disk)
		g_string_append_printf(text, ", copied%s%s", item->why_copied ? ", for " : "",
				       item->why_copied ? item->why_copied : "");
}

static void add_item_text(GString *text, const VkPlan *plan, const VkPlanItem *item)
{
	g_autofree char *kept = vk_plan_kept_path(plan, item);
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

char *vk_plan_text(const VkPlan *plan)
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

static json_t *item_report(const VkPlan *plan, const VkPlanItem *item)
{
	g_autofree char *kept = vk_plan_kept_path(plan, item);
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
	if (item->is_disk || item->clone)
		json_object_set_new(report, "cloned", json_boolean(item->clone != NULL));
	return report;
}

json_t *vk_plan_report(const VkPlan *plan, gboolean started)
{
	json_t *report = json_object();
	json_t *disks = json_array();
	json_t *files = json_array();
	json_t *notes = json_array();

	for (guint i = 0; i < plan->notes->len; i++)
		json_array_append_new(notes, vk_json_new_string(g_ptr_array_index(plan->notes, i)));
	for (guint i = 0; i < plan->items->len; i++) {
		const VkPlanItem *item = g_ptr_array_index(plan->items, i);

		json_array_append_new(item->is_disk ? disks : files, item_report(plan, item));
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

/* What is overwritten where it lies cannot stay. */
static gboolean keep_old(VkPlan *plan, const VkRestoreOptions *options, GError **error)
{
	g_autofree char *now = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);

	for (guint i = 0; options->keep_old && i < plan->items->len; i++) {
		const VkPlanItem *item = g_ptr_array_index(plan->items, i);

		if (item->place.kind == VK_PLACE_BLOCK)
			return vk_fail(error, VK_ERROR_USAGE,
				       "'%s' is a block device, whose old content cannot be kept: "
				       "leave out --keep-old, or use --to DIR",
				       item->path);
	}
	if (options->keep_old)
		plan->old_mark = g_strconcat(".old-", now, NULL);
	return TRUE;
}

VkPlan *vk_plan_make(const VkRestoreOptions *options, VkView *view, VkWorld *world, GError **error)
{
	VkPlan *plan;

	if (options->in_place)
		plan = vk_planner_in_place(options, view, world, error);
	else if (vk_restore_options_has_parts(options))
		plan = vk_planner_parts(options, view, world, error);
	else
		plan = vk_planner_guest(options, view, world, error);
	if (!plan)
		return NULL;
	plan->view = view;
	plan->world = world;
	plan->force = options->force;
	if (!keep_old(plan, options, error)) {
		vk_plan_free(plan);
		return NULL;
	}
	if (!vk_planner_clone_disks(plan, error) ||
	    (options->keep_chain && !vk_plan_keep_chains(plan, error))) {
		vk_plan_free(plan);
		return NULL;
	}
	vk_plan_note_layouts(plan);
	return plan;
}
