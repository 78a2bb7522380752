/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include "errors.h"
#include "json.h"
#include "log.h"
#include "report-plan.h"
#include "text.h"

#include <stdio.h>

void vk_report_plan(const VkRestoreJob *job, gboolean on_stderr)
{
	FILE *out = on_stderr ? stderr : stdout;
	g_autofree char *text = vk_report_plan_text(job->plan);

	fputs(text, out);
	/* Before the work begins, wherever it goes. */
	fflush(out);
}

void vk_report_done(const VkRestoreJob *job, gboolean on_stderr)
{
	FILE *out = on_stderr ? stderr : stdout;
	const VkRestorePlan *plan = job->plan;

	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		vk_print_line(out, "%s: restored %s %s to %s%s%s", plan->reference,
			      item->is_disk ? "disk" : "file", item->name, item->path ? "'" : "",
			      item->path ? item->path : "standard output", item->path ? "'" : "");
	}
	if (plan->domain_xml)
		vk_print_line(out, "%s: defined guest '%s' (%s)", plan->reference, plan->guest,
			      plan->uuid);
	if (plan->command)
		vk_print_line(out, "%s: define the guest '%s' with: %s", plan->reference,
			      plan->guest, plan->command);
	if (job->applied.started)
		vk_print_line(out, "%s: started guest '%s'", plan->reference, plan->guest);
	fflush(out);
}

/* Whether zeros of JOB stand where the damaged blocks of ITEM were to go. */
static gboolean lacks_something(const VkRestoreJob *job, const VkRestoreItem *item)
{
	return item->missing && item->missing->bytes > 0 &&
	       (job->applied.kept || item->place.kind != VK_PLACE_FILE);
}

/* Ranges that are logged where there can be no list beside what was restored. */
#define RANGES_MAX 20u

static void log_ranges(const VkRestoreItem *item)
{
	const GArray *ranges = item->missing->ranges;

	for (guint i = 0; i < MIN(ranges->len, RANGES_MAX); i++) {
		const VkMissingRange *range = &g_array_index(ranges, VkMissingRange, i);

		vk_log_error("%s: %" G_GUINT64_FORMAT " bytes from byte %" G_GUINT64_FORMAT
			     " on are missing",
			     item->name, range->length, range->offset);
	}
	if (ranges->len > RANGES_MAX)
		vk_log_error("%s: and %u more ranges", item->name, ranges->len - RANGES_MAX);
}

void vk_report_missing(const VkRestoreJob *job)
{
	const VkRestorePlan *plan = job->plan;

	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);
		g_autofree char *list = vk_restore_plan_list_path(item);
		g_autofree char *size = NULL;
		g_autofree char *ranges = NULL;

		if (!lacks_something(job, item))
			continue;
		size = g_format_size_full(item->missing->bytes, G_FORMAT_SIZE_IEC_UNITS);
		ranges = vk_count_text(item->missing->ranges->len, "range");
		vk_log_error("%s: %s %s is restored in part: %s in %s are damaged and became "
			     "zeros%s%s%s",
			     plan->reference, item->is_disk ? "disk" : "file", item->name, size,
			     ranges, list ? "; '" : "", list ? list : "",
			     list ? "' lists them" : "");
		if (!list)
			log_ranges(item);
	}
}

static gboolean is_partial(const VkRestoreJob *job)
{
	for (guint i = 0; job->plan && i < job->plan->items->len; i++)
		if (lacks_something(job, g_ptr_array_index(job->plan->items, i)))
			return TRUE;
	return FALSE;
}

/* Those disks or files that were left behind and lack something. */
static json_t *partial_items(const VkRestoreJob *job, gboolean disks)
{
	json_t *reports = json_array();

	for (guint i = 0; job->plan && i < job->plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(job->plan->items, i);

		if (item->is_disk == disks && lacks_something(job, item))
			json_array_append_new(reports, vk_report_item_json(job->plan, item));
	}
	return reports;
}

static json_t *failure(const VkRestoreJob *job)
{
	json_t *report = json_object();

	json_object_set_new(report, "snapshot",
			    vk_json_new_string(job->plan ? job->plan->reference : job->reference));
	json_object_set_new(report, "code", json_string(vk_error_word(job->error)));
	json_object_set_new(report, "error", vk_json_new_string(job->error->message));
	if (is_partial(job)) {
		json_object_set_new(report, "disks", partial_items(job, TRUE));
		json_object_set_new(report, "files", partial_items(job, FALSE));
	}
	return report;
}

static json_t *success(const VkRestoreJob *job, gboolean dry_run)
{
	json_t *report = vk_report_plan_json(job->plan, job->applied.started);

	if (!dry_run)
		json_object_set_new(report, "duration_ms", json_integer((job->usec + 999) / 1000));
	return report;
}

void vk_report_event(const VkRestoreJob *job)
{
	g_autoptr(json_t) details = NULL;
	g_autofree char *text = NULL;

	if (job->error) {
		text = g_strdup_printf("cannot restore '%s': %s", job->reference,
				       job->error->message);
		vk_log_event(
			&(VkEvent){.kind = VK_EVENT_GUEST_FAILED,
				   .text = text,
				   .snapshot = job->plan ? job->plan->reference : job->reference,
				   .code = vk_error_word(job->error)});
		return;
	}
	text = g_strdup_printf("'%s' is restored", job->plan->reference);
	details = json_pack("{s:o}", "result", success(job, FALSE));
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_GUEST_DONE, .text = text, .details = details});
}

json_t *vk_report_to_json(const GPtrArray *jobs, gboolean dry_run)
{
	json_t *document = json_object();
	json_t *restored = json_array();
	json_t *failed = json_array();

	for (guint i = 0; i < jobs->len; i++) {
		const VkRestoreJob *job = g_ptr_array_index(jobs, i);

		if (job->error)
			json_array_append_new(failed, failure(job));
		else
			json_array_append_new(restored, success(job, dry_run));
	}
	json_object_set_new(document, dry_run ? "plan" : "restored", restored);
	json_object_set_new(document, "failed", failed);
	return document;
}

int vk_report_status(const GPtrArray *jobs)
{
	const VkRestoreJob *first = g_ptr_array_index(jobs, 0);
	guint failed = 0;
	gboolean partial = FALSE;

	for (guint i = 0; i < jobs->len; i++) {
		const VkRestoreJob *job = g_ptr_array_index(jobs, i);

		failed += job->error != NULL;
		partial = partial || is_partial(job);
	}
	if (jobs->len == 1 && first->error)
		return vk_exit_status(first->error);
	if (failed == 0)
		return partial ? VK_ERROR_PARTIAL : 0;
	return failed < jobs->len ? VK_ERROR_PARTIAL : VK_ERROR_FAILED;
}
