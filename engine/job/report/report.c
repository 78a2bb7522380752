/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathers what a report is about. */
#include "report.h"

#include "array-drivers.h"
#include "catalog.h"
#include "errors.h"
#include "history.h"
#include "log.h"
#include "overview.h"
#include "replication.h"
#include "report-jobs.h"

#include <string.h>

VkReportGuest *vk_report_guest_new(const char *name, const char *uuid)
{
	VkReportGuest *guest = g_new0(VkReportGuest, 1);

	guest->name = g_strdup(name);
	guest->uuid = g_strdup(uuid);
	return guest;
}

void vk_report_guest_free(VkReportGuest *guest)
{
	g_free(guest->name);
	g_free(guest->uuid);
	g_free(guest->host);
	g_free(guest->time);
	g_free(guest->grade);
	g_free(guest->excluded);
	g_free(guest->error);
	g_free(guest);
}

static void free_need(VkNeed *need)
{
	g_free(need->text);
	g_free(need);
}

void vk_report_free(VkReport *report)
{
	if (!report)
		return;
	g_free(report->vault);
	g_free(report->vault_id);
	g_free(report->host);
	g_free(report->host_error);
	g_ptr_array_unref(report->guests);
	g_ptr_array_unref(report->needs);
	g_clear_pointer(&report->replications, g_ptr_array_unref);
	g_free(report->arrays_error);
	g_clear_pointer(&report->jobs, g_ptr_array_unref);
	g_free(report->jobs_error);
	g_free(report);
}

/* What the report is made from. */
typedef struct Load {
	VkVault *vault;
	const VkReportOptions *options;
	VkHistory *history; /* nullable */
	VkReport *report;
} Load;

static VkReportGuest *find_guest(const VkReport *report, const char *uuid)
{
	for (guint i = 0; i < report->guests->len; i++) {
		VkReportGuest *guest = g_ptr_array_index(report->guests, i);

		if (strcmp(guest->uuid, uuid) == 0)
			return guest;
	}
	return NULL;
}

/* Disks that the configuration leaves out; with others that a backup had to leave out. */
static char *excluded_text(const VkSnapshot *snapshot)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < snapshot->skipped->len; i++) {
		const VkSkipRecord *skip = g_ptr_array_index(snapshot->skipped, i);

		if (skip->reason && g_str_has_prefix(skip->reason, "excluded"))
			g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "",
					       skip->target);
	}
	return g_string_free(text, text->len == 0);
}

static void take_last(VkReportGuest *guest, const VkSnapshot *last)
{
	guest->time = g_strdup(last->time);
	guest->host = g_strdup(last->host);
	guest->grade = vk_snapshot_grade(last);
	guest->incomplete = last->incomplete;
	guest->on_array_only = !vk_snapshot_is_in_vault(last);
	guest->excluded = excluded_text(last);
}

/* The newest task of KIND about the guest, and its part of it. NULL: there is none. Borrowed. */
static const VkTaskGuest *find_part(const GPtrArray *tasks, const VkReportGuest *guest,
				    const VkTask **ret_task)
{
	for (guint i = 0; tasks && i < tasks->len; i++) {
		const VkTask *task = g_ptr_array_index(tasks, i);

		for (guint j = 0; j < task->guests->len; j++) {
			const VkTaskGuest *part = g_ptr_array_index(task->guests, j);

			*ret_task = task;
			if (strcmp(part->name, guest->name) == 0 ||
			    g_strcmp0(part->uuid, guest->uuid) == 0)
				return part;
		}
	}
	return NULL;
}

static GPtrArray *newest_tasks(const Load *load, const VkReportGuest *guest, const char *kind)
{
	const VkHistoryFilter filter = {.about = guest->name, .kind = kind, .max = 1};

	return load->history ? vk_history_list(load->history, &filter, NULL) : NULL;
}

static void take_history(const Load *load, VkReportGuest *guest)
{
	g_autoptr(GPtrArray) backups = newest_tasks(load, guest, "backup");
	g_autoptr(GPtrArray) tests = newest_tasks(load, guest, "boot-test");
	const VkTask *task = NULL;
	const VkTaskGuest *part = find_part(backups, guest, &task);

	if (part && part->error) {
		guest->error = g_strdup(part->error);
		guest->failed = task->began;
	}
	part = find_part(tests, guest, &task);
	if (part && !part->error)
		guest->tested = task->began;
}

static void add_guest(Load *load, const VkOverviewGuest *found)
{
	VkReportGuest *guest = vk_report_guest_new(found->name, found->uuid);

	guest->on_host = found->on_host;
	guest->skip = found->skip;
	guest->snapshots = found->protection->snapshots;
	guest->damaged = found->protection->damaged;
	guest->age_sec = found->protection->age_sec;
	if (found->protection->last)
		take_last(guest, found->protection->last);
	take_history(load, guest);
	g_ptr_array_add(load->report->guests, guest);
}

static gboolean add_guests(Load *load, GError **error)
{
	const VkReportOptions *options = load->options;
	g_autoptr(VkOverview) overview = vk_overview_load(load->vault, options->settings,
							  options->uri, options->names, error);

	if (!overview)
		return FALSE;
	load->report->host = g_strdup(overview->host);
	load->report->host_known = overview->host_known;
	load->report->host_error = g_strdup(overview->host_error);
	for (guint i = 0; i < overview->guests->len; i++)
		add_guest(load, g_ptr_array_index(overview->guests, i));
	return TRUE;
}

/* Damage does not keep the rest from being reported. */
static void measure_space(Load *load, const GPtrArray *guests)
{
	VkReport *report = load->report;
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GPtrArray) spaces = vk_space_measure(load->vault, guests, guests, report->now,
						       &report->space, &trouble);

	if (!spaces) {
		vk_log_warning("the space of guests is not known: %s", trouble->message);
		return;
	}
	for (guint i = 0; i < spaces->len; i++) {
		const VkSpaceOfGuest *one = g_ptr_array_index(spaces, i);
		VkReportGuest *guest = find_guest(report, one->guest->uuid);

		if (guest)
			guest->space = one->space;
	}
	report->has_space = TRUE;
	if (report->usage.has_room)
		report->full_in_sec = vk_space_seconds_left(&report->space, report->usage.free);
}

static void load_check(VkVault *vault, gboolean data, VkCheckRecord *ret)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_check_record_last(vault, data, ret, &trouble))
		vk_log_warning("when the vault was last checked is not known: %s",
			       trouble->message);
}

static gboolean load_vault(Load *load, GError **error)
{
	VkReport *report = load->report;
	VkHealth *health = vk_health_load(load->vault, error);
	gboolean ok = health && vk_health_summarize(health, &report->health, error) &&
		      vk_vault_usage(load->vault, &report->usage, error);

	vk_health_free(health);
	load_check(load->vault, FALSE, &report->check);
	load_check(load->vault, TRUE, &report->data_check);
	return ok;
}

/* An array that does not answer does not keep the rest from being reported. */
static void ask_arrays(Load *load)
{
	const VkSettings *settings = load->options->settings;
	g_auto(GStrv) names = vk_settings_get_names(settings, "array");
	g_autoptr(VkArrays) arrays = NULL;
	g_autoptr(GError) trouble = NULL;

	if (!names[0])
		return;
	arrays = vk_arrays_new(settings, vk_log_warning, &trouble);
	if (arrays)
		load->report->replications =
			vk_replication_list(load->vault, arrays, NULL, &trouble);
	if (trouble)
		load->report->arrays_error = g_strdup(trouble->message);
}

static gboolean fill(Load *load, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(load->vault, error);
	VkReport *report = load->report;

	if (!guests || !add_guests(load, error) || !load_vault(load, error))
		return FALSE;
	if (load->options->names[0] && report->guests->len == 0)
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "neither the host nor the vault '%s' has this guest; 'virtkeep "
			       "status' shows all",
			       report->vault);
	vk_report_load_jobs(report, load->options->settings, load->options->uri);
	if (load->options->is_whole) {
		measure_space(load, guests);
		ask_arrays(load);
	}
	vk_report_judge(report);
	return TRUE;
}

VkReport *vk_report_load(VkVault *vault, const VkReportOptions *options, GError **error)
{
	g_autoptr(VkReport) report = g_new0(VkReport, 1);
	g_autoptr(VkHistory) history =
		vk_history_open(vk_settings_get(options->settings, "history", "dir"), FALSE, NULL);
	Load load = {.vault = vault, .options = options, .history = history, .report = report};

	report->guests = g_ptr_array_new_with_free_func((GDestroyNotify)vk_report_guest_free);
	report->needs = g_ptr_array_new_with_free_func((GDestroyNotify)free_need);
	report->vault = g_strdup(vk_vault_url(vault));
	report->vault_id = g_strdup(vk_vault_id(vault));
	report->now = g_get_real_time() / G_USEC_PER_SEC;
	report->max_age_sec = options->max_age_sec;
	report->full_in_sec = -1;
	report->is_asked = options->names[0] != NULL;
	return fill(&load, error) ? g_steal_pointer(&report) : NULL;
}
