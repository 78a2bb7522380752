/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replies that are lost while the array is at work on what was asked, as a job: whoever asks again
 * is refused, and whoever looks finds nothing yet. Nothing of that fails a backup.
 */
#include "ontap-nas.h"

#include <check.h>
#include <string.h>

/* Longer than the array is given to do it at once. */
#define JOB_SECONDS 2.5

/*
 * A set of two volumes, with a fault at METHOD and PATH, is whole. New reference to its requests.
 */
static json_t *run_with(const char *method, const char *path)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(TRUE);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	json_t *requests;

	json_decref(bed_requests(bed));
	bed_add_fault(bed, "reset", method, path, "after");
	bed_succeed(nas_run_set(set, &error), error);
	requests = bed_requests(bed);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	ck_assert_uint_eq(bed_count_kind(bed, "started"), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
	/* All at one instant, by the group. */
	ck_assert_uint_eq(bed_count(requests, "POST", "*/volumes/*/snapshots"), 0);
	bed_write(bed, "vm/web.raw", "web after the instant");
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	nas_check_content(copy, "web at the instant");
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
	return requests;
}

START_TEST(survives_a_lost_commit)
{
	g_autoptr(json_t) requests = NULL;

	bed_set_knob(bed, "job_seconds", json_real(JOB_SECONDS));
	requests = run_with("PATCH", "/consistency-groups/[^/]+/snapshots/");
	/* The second one found nothing that was started, and that was not the end of it. */
	ck_assert_uint_eq(bed_count(requests, "PATCH", "*/consistency-groups/*/snapshots/*"), 2);
}
END_TEST

START_TEST(survives_a_lost_start)
{
	g_autoptr(json_t) requests = NULL;

	bed_set_knob(bed, "job_seconds", json_real(JOB_SECONDS));
	requests = run_with("POST", "/consistency-groups/[^/]+/snapshots$");
	ck_assert_uint_eq(bed_count(requests, "POST", "*/consistency-groups/*/snapshots"), 2);
}
END_TEST

START_TEST(survives_a_lost_group)
{
	bed_set_knob(bed, "always_202", json_true());
	bed_set_knob(bed, "job_seconds", json_real(1));
	json_decref(run_with("POST", "/consistency-groups$"));
}
END_TEST

/* By then it holds the commit, before it is done. */
static void await_commit(void)
{
	bed_add_fault(bed, "hold", "PATCH", "/consistency-groups/[^/]+/snapshots/", "before");
}

static gpointer snap(gpointer set)
{
	GError *error = NULL;

	vk_snapshot_set_snap(set, &error);
	return error;
}

/* The array takes the commit, and neither answers nor does it. Guests go on; then it fails. */
START_TEST(fails_when_nothing_comes_of_a_commit)
{
	g_autoptr(VkSnapshotSet) set = NULL;
	g_autoptr(GError) snapped = NULL;
	g_autoptr(GError) error = NULL;
	GThread *thread;

	bed_set_timeout(bed, 4);
	set = nas_web_set(TRUE);
	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	await_commit();
	thread = g_thread_new("snap", snap, set);
	json_decref(bed_control(bed, "GET", "held", NULL));
	bed_add_fault(bed, "reset", "PATCH", "/consistency-groups/[^/]+/snapshots/", "after");
	bed_set_knob(bed, "job_outcome", json_string("lost"));
	json_decref(bed_control(bed, "POST", "release", NULL));
	snapped = g_thread_join(thread);
	bed_set_knob(bed, "job_outcome", json_null());
	bed_succeed(snapped == NULL, snapped);
	ck_assert(!vk_snapshot_set_settle(set, &error));
	ck_assert_msg(strstr(error->message, "has not made the snapshot") != NULL, "%s",
		      error->message);
	vk_snapshot_set_leave(set, WEB);
	g_clear_pointer(&set, vk_snapshot_set_free);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "started"), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-commit");
	TCase *tcase = tcase_create("ontap-commit");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_test(tcase, survives_a_lost_commit);
	tcase_add_test(tcase, survives_a_lost_start);
	tcase_add_test(tcase, survives_a_lost_group);
	tcase_add_test(tcase, fails_when_nothing_comes_of_a_commit);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
