/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep backup --dry-run". */
#include "cmd-backup.h"

#include "array-drivers.h"
#include "discover.h"
#include "errors.h"
#include "forecast.h"
#include "interrupt.h"
#include "log.h"
#include "open-vault.h"
#include "selection.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

/* The result so far. */
typedef struct {
	VkBackupContext context;
	VkHost *host;
	gboolean json;
	json_t *guests, *failed;
	gboolean alone; /* one guest was named: its failure is that of the run */
	GError *last;   /* failure */
	guint count, failures;
	guint64 read;
} Run;

static void print_forecast(const VkForecast *forecast)
{
	g_autoptr(VkTable) table =
		vk_table_new("  DISK", "MODE", "SIZE", "TO READ", "REASON", NULL);

	vk_print_line(stdout, "%s: %s, to be %s", forecast->guest, forecast->state, forecast->held);
	for (guint i = 0; i < forecast->disks->len; i++) {
		const VkForecastDisk *disk = g_ptr_array_index(forecast->disks, i);
		g_autofree char *target = g_strdup_printf("  %s", disk->target);
		g_autofree char *size = vk_size_text(disk->size);
		g_autofree char *read = vk_size_text(disk->read);

		vk_table_add(table, target, disk->mode, size, read, disk->reason, NULL);
	}
	if (forecast->disks->len > 0)
		vk_table_print(table);
	for (guint i = 0; i < forecast->skipped->len; i++) {
		const VkSkipRecord *skip = g_ptr_array_index(forecast->skipped, i);

		vk_print_line(stdout, "  %s not saved: %s", skip->target, skip->reason);
	}
}

static json_t *forecast_to_json(const VkForecast *forecast)
{
	json_t *disks = json_array(), *skipped = json_array();

	for (guint i = 0; i < forecast->disks->len; i++) {
		const VkForecastDisk *disk = g_ptr_array_index(forecast->disks, i);

		json_array_append_new(
			disks, json_pack("{s:o, s:s, s:o, s:I, s:I}", "target",
					 vk_json_new_string(disk->target), "mode", disk->mode,
					 "reason", vk_json_new_string(disk->reason), "size",
					 (json_int_t)disk->size, "read", (json_int_t)disk->read));
	}
	for (guint i = 0; i < forecast->skipped->len; i++) {
		const VkSkipRecord *skip = g_ptr_array_index(forecast->skipped, i);

		json_array_append_new(skipped, json_pack("{s:o, s:o}", "target",
							 vk_json_new_string(skip->target), "reason",
							 vk_json_new_string(skip->reason)));
	}
	return json_pack("{s:o, s:o, s:s, s:s, s:o, s:o}", "guest",
			 vk_json_new_string(forecast->guest), "uuid",
			 vk_json_new_string(forecast->uuid), "state", forecast->state, "held",
			 forecast->held, "disks", disks, "skipped", skipped);
}

static void add_failure(Run *run, const char *name, const GError *trouble)
{
	if (!run->alone)
		vk_log_error("%s", trouble->message);
	g_clear_error(&run->last);
	run->last = g_error_copy(trouble);
	json_array_append_new(run->failed, vk_failure_to_json(name, trouble));
	run->failures++;
}

static void look_at(Run *run, VkGuest *guest)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkForecast) forecast =
		vk_forecast_guest(&run->context, run->host, guest, &trouble);

	if (!forecast) {
		add_failure(run, vk_guest_name(guest), trouble);
		return;
	}
	run->count++;
	for (guint i = 0; i < forecast->disks->len; i++)
		run->read += ((VkForecastDisk *)g_ptr_array_index(forecast->disks, i))->read;
	if (run->json)
		json_array_append_new(run->guests, forecast_to_json(forecast));
	else
		print_forecast(forecast);
}

/* The last words, and the exit status: that of the backup, as far as it can be known. */
static gboolean finish(Run *run, const VkSelection *selection, GError **error)
{
	g_autoptr(json_t) report = NULL;
	g_autofree char *read = vk_size_text(run->read);

	if (run->json) {
		report = json_pack("{s:O, s:O, s:o}", "guests", run->guests, "failed", run->failed,
				   "left_out", vk_left_out_to_json(selection->left_out));
		vk_json_print(report);
	} else {
		for (guint i = 0; i < selection->left_out->len; i++) {
			const VkLeftOut *left_out = g_ptr_array_index(selection->left_out, i);

			vk_print_line(stdout, "%s: left out: %s", left_out->guest,
				      left_out->reason);
		}
		vk_print_line(stdout, "%u guest%s to save, about %s to read; nothing was done",
			      run->count, run->count == 1 ? "" : "s", read);
	}
	if (run->failures == 0)
		return TRUE;
	if (run->alone) {
		g_propagate_error(error, g_steal_pointer(&run->last));
		return FALSE;
	}
	return vk_fail(error, run->count > 0 ? VK_ERROR_PARTIAL : VK_ERROR_FAILED,
		       "%u of %u guests could not be saved", run->failures,
		       run->failures + run->count);
}

static gboolean look_at_all(Run *run, char *const *names, GError **error)
{
	const VkBackupOptions *options = run->context.options;
	const VkSelectionWords words = {
		.names = names, .tags = options->tags, .exclude = options->exclude};
	g_autoptr(VkSelection) selection =
		vk_select_guests(run->host, options->settings, &words, error);

	if (!selection)
		return FALSE;
	run->alone = selection->alone;
	for (guint i = 0; i < selection->unknown->len; i++) {
		const VkUnknownGuest *unknown = g_ptr_array_index(selection->unknown, i);

		add_failure(run, unknown->name, unknown->error);
	}
	for (guint i = 0; i < selection->guests->len; i++) {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		look_at(run, g_ptr_array_index(selection->guests, i));
	}
	return finish(run, selection, error);
}

gboolean vk_cmd_backup_dry_run(VkProgram *program, char *const *names,
			       const VkBackupOptions *options, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	g_autoptr(VkArrays) arrays =
		vault ? vk_arrays_new(options->settings, vk_log_warning, error) : NULL;
	g_autoptr(VkHost) host =
		arrays ? vk_host_open(vk_program_libvirt_uri(program), error) : NULL;
	g_autoptr(json_t) guests = json_array();
	g_autoptr(json_t) failed = json_array();
	Run run = {
		.context = {.vault = vault, .options = options, .arrays = arrays},
		.host = host,
		.json = program->json,
		.guests = guests,
		.failed = failed,
	};

	gboolean ok = host && vk_discover_check_local(vk_host_uri(host), error) &&
		      look_at_all(&run, names, error);

	g_clear_error(&run.last);
	return ok;
}
