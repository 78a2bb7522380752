/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the facts of a report mean: who is late, and what needs a hand. */
#include "report.h"

#include "timestamp.h"

#include <check.h>
#include <string.h>

#define HOUR ((gint64)3600)

static VkReport *report;

static void free_need(gpointer need)
{
	g_free(((VkNeed *)need)->text);
	g_free(need);
}

/* A host and a vault with which nothing is wrong. */
static void set_up(void)
{
	report = g_new0(VkReport, 1);
	report->guests = g_ptr_array_new_with_free_func((GDestroyNotify)vk_report_guest_free);
	report->needs = g_ptr_array_new_with_free_func(free_need);
	report->vault = g_strdup("dir:/v");
	report->vault_id = g_strdup("1");
	report->host = g_strdup("kvm1");
	report->host_known = TRUE;
	report->now = 1796000000;
	report->max_age_sec = 26 * HOUR;
	report->full_in_sec = -1;
	report->usage = (VkVaultUsage){.has_room = TRUE, .free = 60, .total = 100};
	report->health = (VkHealthSummary){.packs = 10,
					   .oldest = (report->now - VK_DAY_SEC) * G_USEC_PER_SEC};
	report->check = (VkCheckRecord){.time = report->now - VK_DAY_SEC};
}

static void tear_down(void)
{
	vk_report_free(report);
}

static VkReportGuest *add(const char *name, const char *host, gboolean on_host, gint64 age_sec)
{
	VkReportGuest *guest = vk_report_guest_new(name, name);

	guest->host = g_strdup(host);
	guest->on_host = on_host;
	guest->time = host ? g_strdup("20261129T101112Z") : NULL;
	guest->age_sec = age_sec;
	guest->snapshots = 1;
	g_ptr_array_add(report->guests, guest);
	return guest;
}

static gboolean is_needed(VkNeedLevel level, const char *text)
{
	for (guint i = 0; i < report->needs->len; i++) {
		const VkNeed *need = g_ptr_array_index(report->needs, i);

		if (need->level == level && strstr(need->text, text))
			return TRUE;
	}
	return FALSE;
}

START_TEST(all_is_well)
{
	VkReportGuest *guest = add("web1", "kvm1", TRUE, 26 * HOUR);

	vk_report_judge(report);
	ck_assert_int_eq(guest->state, VK_STATE_SAVED);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_NONE);
	ck_assert_uint_eq(vk_report_used_percent(report), 40);
}
END_TEST

START_TEST(late_and_never_saved_guests_need_a_hand)
{
	VkReportGuest *late = add("web1", "kvm1", TRUE, 26 * HOUR + 1);
	VkReportGuest *never = add("web2", NULL, TRUE, 0);

	late->error = g_strdup("its disk is gone");
	late->failed = report->now * G_USEC_PER_SEC;
	vk_report_judge(report);
	ck_assert_int_eq(late->state, VK_STATE_LATE);
	ck_assert_int_eq(never->state, VK_STATE_NEVER);
	ck_assert(is_needed(VK_NEED_NOW, "'web1' is late: its last snapshot is 1 d 2 h old; the "
					 "backup of "));
	ck_assert(is_needed(VK_NEED_NOW, "failed: its disk is gone"));
	ck_assert(is_needed(VK_NEED_NOW, "'web2' has no snapshot"));
	ck_assert_uint_eq(vk_report_count(report, VK_STATE_LATE), 1);
}
END_TEST

START_TEST(left_out_and_gone_guests_do_not)
{
	VkReportGuest *skipped = add("test", NULL, TRUE, 0);
	VkReportGuest *gone = add("old", "KVM1", FALSE, 400 * VK_DAY_SEC);

	add("web1", "kvm1", TRUE, HOUR);
	skipped->skip = "the configuration says skip";
	vk_report_judge(report);
	ck_assert_int_eq(skipped->state, VK_STATE_LEFT_OUT);
	ck_assert_int_eq(gone->state, VK_STATE_GONE);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_NONE);
}
END_TEST

/* Another host's guest is shown, but nobody is woken for it here. */
START_TEST(other_hosts_guests_are_theirs)
{
	VkReportGuest *other = add("db1", "kvm2", FALSE, 3 * VK_DAY_SEC);

	add("web1", "kvm1", TRUE, HOUR);
	vk_report_judge(report);
	ck_assert_int_eq(other->state, VK_STATE_LATE);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_NONE);
	ck_assert_uint_eq(vk_report_count(report, VK_STATE_LATE), 0);
	ck_assert(!vk_report_is_ours(report, other));
}
END_TEST

START_TEST(named_guest_counts_wherever_it_is)
{
	VkReportGuest *other = add("db1", "kvm2", FALSE, 3 * VK_DAY_SEC);

	report->is_asked = TRUE;
	vk_report_judge(report);
	ck_assert(vk_report_is_ours(report, other));
	ck_assert(is_needed(VK_NEED_NOW, "taken by host kvm2"));
}
END_TEST

/* Damage in the vault is everybody's. */
START_TEST(damage_of_others_is_told)
{
	VkReportGuest *other = add("db1", "kvm2", FALSE, HOUR);

	add("web1", "kvm1", TRUE, HOUR);
	other->damaged = 1;
	other->incomplete = TRUE;
	vk_report_judge(report);
	ck_assert_uint_eq(report->needs->len, 1);
	ck_assert(is_needed(VK_NEED_NOW, "'db1': 1 newer snapshots cannot be used"));
}
END_TEST

START_TEST(no_guest_is_not_well)
{
	VkReportGuest *skipped = add("test", NULL, TRUE, 0);

	skipped->skip = "the configuration says skip";
	add("db1", "kvm2", FALSE, HOUR);
	vk_report_judge(report);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_SOON);
	ck_assert(is_needed(VK_NEED_SOON, "no guest is to be saved: this host has none"));
	ck_assert_uint_eq(report->needs->len, 1);
}
END_TEST

START_TEST(silent_libvirt_is_not_well)
{
	report->host_known = FALSE;
	report->host_error = g_strdup("libvirtd is down");
	vk_report_judge(report);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_SOON);
	ck_assert(is_needed(VK_NEED_SOON, "is not known: libvirtd is down"));
	ck_assert_uint_eq(report->needs->len, 1);
}
END_TEST

/* Nor are young snapshots a reason to keep quiet about it. */
START_TEST(silent_libvirt_is_told_beside_saved_guests)
{
	add("web1", "kvm1", FALSE, HOUR);
	report->host_known = FALSE;
	report->host_error = g_strdup("libvirtd is down");
	vk_report_judge(report);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_SOON);
}
END_TEST

/* A server that only stores a vault never has a libvirt. */
START_TEST(a_vault_alone_is_well)
{
	add("web1", "kvm2", FALSE, HOUR);
	report->host_known = FALSE;
	vk_report_judge(report);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_NONE);
}
END_TEST

/* A guest that moved here is saved from here on: who took the last snapshot does not matter. */
START_TEST(moved_guest_is_ours)
{
	VkReportGuest *moved = add("db1", "kvm2", TRUE, 2 * HOUR);

	vk_report_judge(report);
	ck_assert_int_eq(moved->state, VK_STATE_SAVED);
	ck_assert(vk_report_is_ours(report, moved));
}
END_TEST

/* Where only the vault is, as on a backup server, every guest counts. */
START_TEST(without_libvirt_all_count)
{
	VkReportGuest *other = add("db1", "kvm2", FALSE, 3 * VK_DAY_SEC);

	report->host_known = FALSE;
	vk_report_judge(report);
	ck_assert_int_eq(other->state, VK_STATE_LATE);
	ck_assert_int_eq(vk_report_level(report), VK_NEED_NOW);
}
END_TEST

START_TEST(trouble_of_guests_is_told)
{
	VkReportGuest *guest = add("web1", "kvm1", TRUE, HOUR);

	guest->incomplete = TRUE;
	guest->damaged = 2;
	guest->error = g_strdup("the vault was full");
	vk_report_judge(report);
	ck_assert(is_needed(VK_NEED_SOON, "lacks disks"));
	ck_assert(is_needed(VK_NEED_NOW, "2 newer snapshots cannot be used"));
	ck_assert(is_needed(VK_NEED_SOON, "the vault was full"));
	/* The worst comes first. */
	ck_assert_int_eq(((VkNeed *)report->needs->pdata[0])->level, VK_NEED_NOW);
}
END_TEST

START_TEST(the_vault_needs_a_hand)
{
	report->usage.free = 2;
	report->health.damaged = 1;
	report->health.oldest = (report->now - 40 * VK_DAY_SEC) * G_USEC_PER_SEC;
	vk_report_judge(report);
	ck_assert(is_needed(VK_NEED_NOW, "used by 98 %"));
	ck_assert(is_needed(VK_NEED_NOW, "1 pack of the vault damaged"));
	ck_assert(is_needed(VK_NEED_SOON, "not read back for 40 days"));
}
END_TEST

START_TEST(growth_is_watched)
{
	report->full_in_sec = 10 * VK_DAY_SEC;
	report->health = (VkHealthSummary){.packs = 3, .unread = 3};
	report->check.errors = 3;
	vk_report_judge(report);
	ck_assert(is_needed(VK_NEED_SOON, "is full in 10 d"));
	ck_assert(is_needed(VK_NEED_SOON, "never read back"));
	ck_assert(is_needed(VK_NEED_NOW, "found 3 errors"));
}
END_TEST

static VkReplication *add_replication(const char *destination, const char *reason, gboolean healthy)
{
	VkReplication *replication = g_new0(VkReplication, 1);

	replication->array = g_strdup("a1");
	replication->source = g_strdup("svm:vol");
	replication->destination = g_strdup(destination);
	replication->reason = g_strdup(reason);
	replication->is_healthy = healthy;
	replication->snapshots = g_ptr_array_new();
	g_ptr_array_add(report->replications, replication);
	return replication;
}

START_TEST(arrays_are_watched)
{
	report->replications = g_ptr_array_new_with_free_func((GDestroyNotify)vk_replication_free);
	add("web1", "kvm1", TRUE, HOUR);
	add_replication("svm2:vol", NULL, TRUE);
	add_replication(NULL, NULL, FALSE);
	vk_report_judge(report);
	ck_assert_uint_eq(report->needs->len, 0);
	add_replication("svm2:vol", "the network is away", FALSE);
	report->arrays_error = g_strdup("no login");
	vk_report_judge(report);
	ck_assert(is_needed(VK_NEED_SOON, "not healthy: the network is away"));
	ck_assert(is_needed(VK_NEED_SOON, "not known: no login"));
	ck_assert_uint_eq(report->needs->len, 2);
}
END_TEST

static void add_job(const char *name, gint64 missed, gint64 failed, const char *error)
{
	VkReportJob *job = g_new0(VkReportJob, 1);

	job->name = g_strdup(name);
	job->missed = missed;
	job->failed = failed;
	job->error = g_strdup(error);
	g_ptr_array_add(report->jobs, job);
}

static void free_job(gpointer data)
{
	VkReportJob *job = data;

	g_free(job->name);
	g_free(job->error);
	g_free(job);
}

START_TEST(jobs_are_watched)
{
	report->jobs = g_ptr_array_new_with_free_func(free_job);
	add("web1", "kvm1", TRUE, HOUR);
	add_job("nightly", 0, 0, NULL);
	vk_report_judge(report);
	ck_assert_uint_eq(report->needs->len, 0);
	add_job("hourly", report->now - HOUR * 3, 0, NULL);
	add_job("weekly", 0, report->now, "the vault was full");
	add_job("monthly", 0, report->now, NULL);
	vk_report_judge(report);
	ck_assert(is_needed(VK_NEED_SOON, "the job 'hourly' was missed"));
	ck_assert(is_needed(VK_NEED_SOON, "failed: the vault was full"));
	ck_assert(is_needed(VK_NEED_SOON, "ended without a result"));
	ck_assert_uint_eq(report->needs->len, 3);
}
END_TEST

START_TEST(guests_without_a_job_are_told)
{
	VkReportGuest *guest = add("web1", "kvm1", TRUE, HOUR);
	VkReportGuest *skipped = add("test", NULL, TRUE, 0);

	guest->is_uncovered = skipped->is_uncovered = TRUE;
	skipped->skip = "the configuration says skip";
	vk_report_judge(report);
	ck_assert_uint_eq(report->needs->len, 1);
	ck_assert(is_needed(VK_NEED_SOON, "'web1': no job that is enabled covers it"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tcase = tcase_create("report");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, all_is_well);
	tcase_add_test(tcase, late_and_never_saved_guests_need_a_hand);
	tcase_add_test(tcase, left_out_and_gone_guests_do_not);
	tcase_add_test(tcase, other_hosts_guests_are_theirs);
	tcase_add_test(tcase, named_guest_counts_wherever_it_is);
	tcase_add_test(tcase, damage_of_others_is_told);
	tcase_add_test(tcase, no_guest_is_not_well);
	tcase_add_test(tcase, silent_libvirt_is_not_well);
	tcase_add_test(tcase, silent_libvirt_is_told_beside_saved_guests);
	tcase_add_test(tcase, a_vault_alone_is_well);
	tcase_add_test(tcase, moved_guest_is_ours);
	tcase_add_test(tcase, without_libvirt_all_count);
	tcase_add_test(tcase, trouble_of_guests_is_told);
	tcase_add_test(tcase, the_vault_needs_a_hand);
	tcase_add_test(tcase, growth_is_watched);
	tcase_add_test(tcase, arrays_are_watched);
	tcase_add_test(tcase, jobs_are_watched);
	tcase_add_test(tcase, guests_without_a_job_are_told);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
