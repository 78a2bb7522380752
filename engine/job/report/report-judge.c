/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the facts of a report mean. */
#include "report.h"

#include "table.h"
#include "text.h"
#include "timestamp.h"

#include <string.h>

/* The vault's disk: parts of 100 that are used, and when it will be full. */
#define USED_SOON     90u
#define USED_NOW      97u
#define FULL_SOON_SEC (14 * VK_DAY_SEC)
/* Within this all of a vault ought to be read back once. */
#define READ_BACK_SEC (35 * VK_DAY_SEC)

const char *vk_saved_state_word(VkSavedState state)
{
	static const char *const words[] = {
		[VK_STATE_SAVED] = "saved",       [VK_STATE_LATE] = "late",
		[VK_STATE_NEVER] = "never saved", [VK_STATE_LEFT_OUT] = "left out",
		[VK_STATE_GONE] = "gone",
	};

	return words[state];
}

static gboolean is_of_this_host(const VkReport *report, const VkReportGuest *guest)
{
	return guest->on_host ||
	       (guest->host && g_ascii_strcasecmp(guest->host, report->host) == 0);
}

gboolean vk_report_is_ours(const VkReport *report, const VkReportGuest *guest)
{
	return !report->host_known || report->is_asked || is_of_this_host(report, guest);
}

static VkSavedState state_of(const VkReport *report, const VkReportGuest *guest)
{
	if (guest->on_host && guest->skip)
		return VK_STATE_LEFT_OUT;
	if (report->host_known && !guest->on_host && is_of_this_host(report, guest))
		return VK_STATE_GONE;
	if (!guest->time)
		return VK_STATE_NEVER;
	return guest->age_sec > report->max_age_sec ? VK_STATE_LATE : VK_STATE_SAVED;
}

static void need(VkReport *report, VkNeedLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void need(VkReport *report, VkNeedLevel level, const char *format, ...)
{
	VkNeed *one = g_new0(VkNeed, 1);
	va_list args;

	va_start(args, format);
	one->level = level;
	one->text = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(report->needs, one);
}

/* Local time of a moment in seconds since 1970. New string. */
static char *moment_text(gint64 seconds)
{
	g_autoptr(GDateTime) moment = g_date_time_new_from_unix_local(seconds);

	return moment ? g_date_time_format(moment, "%Y-%m-%d %H:%M") : g_strdup("-");
}

/* ": the last backup failed at ...: ERROR", or nothing. New string. */
static char *failure_text(const VkReportGuest *guest)
{
	g_autofree char *time = moment_text(guest->failed / G_USEC_PER_SEC);

	return guest->error ? g_strdup_printf("; the backup of %s failed: %s", time, guest->error)
			    : g_strdup("");
}

static void judge_age(VkReport *report, const VkReportGuest *guest)
{
	g_autofree char *age = vk_age_text(guest->age_sec);
	g_autofree char *failure = failure_text(guest);
	g_autofree char *quoted = g_shell_quote(guest->name);

	switch (guest->state) {
	case VK_STATE_NEVER:
		need(report, VK_NEED_NOW,
		     "'%s' has no snapshot that can be used: run virtkeep backup %s%s", guest->name,
		     quoted, failure);
		break;
	case VK_STATE_LATE:
		need(report, VK_NEED_NOW, "'%s' is late: its last snapshot is %s old%s%s%s",
		     guest->name, age, guest->on_host ? "" : ", taken by host ",
		     guest->on_host ? "" : guest->host, failure);
		break;
	case VK_STATE_SAVED:
		if (guest->error)
			need(report, VK_NEED_SOON, "'%s' is saved%s", guest->name, failure);
		break;
	case VK_STATE_LEFT_OUT:
	case VK_STATE_GONE:
		break;
	}
}

static void judge_guest(VkReport *report, const VkReportGuest *guest)
{
	gboolean is_ours = vk_report_is_ours(report, guest);

	if (is_ours)
		judge_age(report, guest);
	if (guest->damaged > 0)
		need(report, VK_NEED_NOW,
		     "'%s': %u newer snapshots cannot be used: run 'virtkeep verify %s'",
		     guest->name, guest->damaged, guest->name);
	if (!is_ours || guest->state == VK_STATE_GONE || guest->state == VK_STATE_LEFT_OUT)
		return;
	if (guest->is_uncovered)
		need(report, VK_NEED_SOON,
		     "'%s': no job that is enabled covers it: add it to one, or say skip = yes in "
		     "[guest %s]",
		     guest->name, guest->name);
	if (guest->incomplete)
		need(report, VK_NEED_SOON,
		     "'%s': its last snapshot lacks disks that could not be saved: 'virtkeep show "
		     "%s' says which",
		     guest->name, guest->name);
	if (guest->time && guest->age_sec < 0)
		need(report, VK_NEED_SOON,
		     "'%s': its last snapshot is dated in the future: look at the clocks",
		     guest->name);
}

/* A monitoring system that hears nothing of guests must not take that for all being well. */
static void judge_host(VkReport *report)
{
	guint wanted = vk_report_count(report, VK_STATE_SAVED) +
		       vk_report_count(report, VK_STATE_LATE) +
		       vk_report_count(report, VK_STATE_NEVER);

	if (report->host_error)
		need(report, VK_NEED_SOON, "which guests this host has is not known: %s",
		     report->host_error);
	else if (wanted == 0)
		need(report, VK_NEED_SOON, "no guest is to be saved: %s",
		     report->is_asked     ? "those that were named are gone or left out"
		     : report->host_known ? "this host has none that the configuration does not "
					    "leave out"
					  : "the vault has none");
}

static void judge_room(VkReport *report)
{
	guint used = vk_report_used_percent(report);
	g_autofree char *left = vk_size_text(report->usage.free);
	g_autofree char *full_in = vk_age_text(report->full_in_sec);

	if (used >= USED_SOON)
		need(report, used >= USED_NOW ? VK_NEED_NOW : VK_NEED_SOON,
		     "the disk of the vault is used by %u %%, %s are free: forget snapshots and "
		     "run "
		     "'virtkeep gc', or give it room",
		     used, left);
	else if (report->full_in_sec >= 0 && report->full_in_sec < FULL_SOON_SEC)
		need(report, VK_NEED_SOON,
		     "the disk of the vault is full in %s at the rate of the last days: forget "
		     "snapshots and run 'virtkeep gc', or give it room",
		     full_in);
}

static void judge_checks(VkReport *report)
{
	const VkHealthSummary *health = &report->health;
	gint64 oldest_sec = report->now - health->oldest / G_USEC_PER_SEC;
	g_autofree char *damaged = vk_count_text(health->damaged, "pack");
	g_autofree char *errors = vk_count_text(report->check.errors, "error");

	if (health->damaged > 0)
		need(report, VK_NEED_NOW,
		     "%s of the vault damaged: 'virtkeep repair' brings back what still is "
		     "somewhere, 'virtkeep verify --data' says which snapshots lack something",
		     damaged);
	else if (report->check.time > 0 && report->check.errors > 0)
		need(report, VK_NEED_NOW,
		     "the last check of the vault found %s: run 'virtkeep verify'", errors);
	if (health->packs > 0 && health->unread == health->packs)
		need(report, VK_NEED_SOON,
		     "the vault was never read back: run 'virtkeep verify --data', or enable "
		     "virtkeep-verify.timer");
	else if (health->packs > 0 && health->oldest > 0 && oldest_sec > READ_BACK_SEC)
		need(report, VK_NEED_SOON,
		     "some of the vault was not read back for %d days: enable "
		     "virtkeep-verify.timer",
		     (int)(oldest_sec / VK_DAY_SEC));
}

/* A volume without a destination may be meant to have none. */
static void judge_replication(VkReport *report, const VkReplication *replication)
{
	if (replication->is_healthy || (!replication->destination && !replication->reason))
		return;
	need(report, VK_NEED_SOON,
	     "array '%s': the replication of '%s' is not healthy%s%s: 'virtkeep status "
	     "--replication' shows it",
	     replication->array, replication->source, replication->reason ? ": " : "",
	     replication->reason ? replication->reason : "");
}

static void judge_arrays(VkReport *report)
{
	if (report->arrays_error)
		need(report, VK_NEED_SOON, "how arrays replicate is not known: %s",
		     report->arrays_error);
	for (guint i = 0; report->replications && i < report->replications->len; i++)
		judge_replication(report, g_ptr_array_index(report->replications, i));
}

static void judge_job(VkReport *report, const VkReportJob *job)
{
	g_autofree char *missed = moment_text(job->missed);
	g_autofree char *failed = moment_text(job->failed);

	if (job->missed)
		need(report, VK_NEED_SOON,
		     "the job '%s' was missed: it should have run at %s; 'virtkeep job status' "
		     "shows it",
		     job->name, missed);
	if (job->failed)
		need(report, VK_NEED_SOON, "the last run of the job '%s', of %s, %s%s", job->name,
		     failed, job->error ? "failed: " : "ended without a result",
		     job->error ? job->error : "");
}

static void judge_jobs(VkReport *report)
{
	if (report->jobs_error)
		need(report, VK_NEED_SOON, "whether jobs cover all guests is not known: %s",
		     report->jobs_error);
	for (guint i = 0; report->jobs && i < report->jobs->len; i++)
		judge_job(report, g_ptr_array_index(report->jobs, i));
}

static gint compare_needs(gconstpointer left, gconstpointer right)
{
	const VkNeed *a = *(const VkNeed *const *)left, *b = *(const VkNeed *const *)right;

	return (gint)b->level - (gint)a->level;
}

void vk_report_judge(VkReport *report)
{
	for (guint i = 0; i < report->guests->len; i++) {
		VkReportGuest *guest = g_ptr_array_index(report->guests, i);

		guest->state = state_of(report, guest);
	}
	judge_host(report);
	for (guint i = 0; i < report->guests->len; i++)
		judge_guest(report, g_ptr_array_index(report->guests, i));
	judge_checks(report);
	judge_room(report);
	judge_arrays(report);
	judge_jobs(report);
	/* A merge sort: those of one level stay in their order. */
	g_ptr_array_sort(report->needs, compare_needs);
}

VkNeedLevel vk_report_level(const VkReport *report)
{
	return report->needs->len == 0
		       ? VK_NEED_NONE
		       : ((const VkNeed *)g_ptr_array_index(report->needs, 0))->level;
}

guint vk_report_used_percent(const VkReport *report)
{
	const VkVaultUsage *usage = &report->usage;

	if (!usage->has_room || usage->total == 0 || usage->free > usage->total)
		return 0;
	return (guint)(100.0 * (double)(usage->total - usage->free) / (double)usage->total);
}

guint vk_report_count(const VkReport *report, VkSavedState state)
{
	guint count = 0;

	for (guint i = 0; i < report->guests->len; i++) {
		const VkReportGuest *guest = g_ptr_array_index(report->guests, i);

		count += guest->state == state && vk_report_is_ours(report, guest);
	}
	return count;
}
