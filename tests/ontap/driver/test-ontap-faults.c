/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that may go wrong while ONTAP takes a snapshot. After each, nothing of ours is left that no
 * listed snapshot needs, and nothing of others was touched.
 */
#include "ontap-nas.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One fault at a time, at each request that changes something. */
static const char *const actions[] = {"reset",     "empty",        "status",   "html",
				      "truncated", "short",        "locked",   "no_job",
				      "jobs",      "integer_code", "error_200"};
static const char *const whens[] = {"before", "after"};
static const struct {
	const char *method, *path;
} steps[] = {
	{"GET", "/interfaces"},
	{"GET", "/storage/volumes$"},
	{"GET", "/consistency-groups$"},
	{"POST", "/consistency-groups$"},
	{"POST", "/consistency-groups/[^/]+/snapshots$"},
	{"PATCH", "/consistency-groups/[^/]+/snapshots/"},
	{"DELETE", "/consistency-groups/[^/]+$"},
	{"POST", "/volumes/[^/]+/snapshots$"},
	{"GET", "/volumes/[^/]+/snapshots$"},
	{"PATCH", "/volumes/[^/]+/snapshots/"},
	{"DELETE", "/volumes/[^/]+/snapshots/"},
};

/* The whole way with a fault: either it is taken once, or nothing is left. */
static void check_fault(const char *action, const char *when, const char *method, const char *path,
			gboolean both)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshotSet) set = NULL;
	gboolean taken;

	json_decref(bed_requests(bed));
	set = nas_web_set(both);
	bed_add_fault(bed, action, method, path, when);
	taken = nas_run_set(set, &error);
	ck_assert_msg(nas_count_snapshots("vm") <= 1 &&
			      nas_count_snapshots("vmstore") <= (guint)both,
		      "%s %s %s %s", action, when, method, path);
	if (taken) {
		g_autoptr(json_t) copy = vk_snapshot_set_copy(set, WEB, "vda");

		ck_assert_uint_eq(nas_count_snapshots(NULL), 1 + (guint)both);
		nas_check_content(copy, "web at the instant");
	} else {
		ck_assert_msg(error != NULL, "%s", action);
	}
	/* What ends in a refusal is no failure of the line. */
	ck_assert_msg(taken || strcmp(action, "error_200") == 0 ||
			      (strcmp(action, "html") == 0 && strcmp(when, "before") == 0),
		      "%s %s %s %s: %s", action, when, method, path, error ? error->message : "");
	vk_snapshot_set_leave(set, WEB);
	g_clear_pointer(&set, vk_snapshot_set_free);
	bed_clear_faults(bed);
	ck_assert_msg(nas_count_snapshots(NULL) == 0 && bed_count_kind(bed, "started") == 0,
		      "%s %s %s %s", action, when, method, path);
	ck_assert_msg(bed_count_kind(bed, "groups") == 0, "%s %s %s %s", action, when, method,
		      path);
	nas_check_log();
}

START_TEST(survives_faults)
{
	const char *action = actions[_i];
	gboolean is_late = strcmp(action, "html") == 0 || strcmp(action, "truncated") == 0 ||
			   strcmp(action, "short") == 0 || strcmp(action, "no_job") == 0 ||
			   strcmp(action, "jobs") == 0 || strcmp(action, "integer_code") == 0;
	gboolean is_early = strcmp(action, "status") == 0 || strcmp(action, "locked") == 0 ||
			    strcmp(action, "error_200") == 0;

	for (gsize when = 0; when < G_N_ELEMENTS(whens); when++)
		for (gsize step = 0; step < G_N_ELEMENTS(steps); step++) {
			if ((is_late && when == 0) || (is_early && when == 1))
				continue;
			/* That it does not exist is what a removal wants to hear. */
			if (strcmp(action, "error_200") == 0 &&
			    strcmp(steps[step].method, "DELETE") == 0)
				continue;
			check_fault(action, whens[when], steps[step].method, steps[step].path,
				    TRUE);
			check_fault(action, whens[when], steps[step].method, steps[step].path,
				    FALSE);
		}
}
END_TEST

/* A mark that stays is told, and is gone after the next try. */
START_TEST(marks_in_spite_of_faults)
{
	static const char *const kinds[] = {"reset", "empty", "short", "truncated"};

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(json_t) copy = NULL;
		g_autoptr(GPtrArray) found = NULL;
		g_autoptr(GError) error = NULL;
		VkArraySnapshot *snapshot;

		bed_add_fault(bed, kinds[i], "PATCH", "/volumes/[^/]+/snapshots/", "after");
		copy = nas_listed_copy(FALSE);
		found = vk_arrays_snapshots_of(bed->arrays, copy, &error);
		snapshot = g_ptr_array_index(found, 0);
		ck_assert(!snapshot->is_unlisted);
		bed_succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	}
}
END_TEST

START_TEST(waits_for_jobs)
{
	g_autoptr(json_t) copy = NULL;

	bed_set_knob(bed, "always_202", json_true());
	bed_set_knob(bed, "job_polls", json_integer(3));
	copy = nas_listed_copy(TRUE);
	nas_check_content(copy, "web at the instant");
	ck_assert_uint_eq(nas_count_snapshots(NULL), 2);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
}
END_TEST

START_TEST(fails_with_its_job)
{
	static const char *const places[] = {"both", "error", "message"};

	bed_set_knob(bed, "always_202", json_true());
	bed_set_knob(
		bed, "job_outcome",
		json_pack("{s:s, s:s}", "code", "524479", "message", "no space on the volume"));
	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autoptr(VkSnapshotSet) set = nas_web_set(FALSE);
		g_autoptr(GError) error = NULL;

		bed_set_knob(bed, "job_error", json_string(places[i]));
		ck_assert(!nas_run_set(set, &error));
		ck_assert_msg(strstr(error->message, "no space on the volume") != NULL, "%s",
			      error->message);
		ck_assert_msg(strstr(error->message, "524479") != NULL, "%s", error->message);
		vk_snapshot_set_leave(set, WEB);
	}
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
}
END_TEST

/* Nothing was done, and nobody says so: in the end there is an error and no snapshot. */
START_TEST(looks_when_a_job_is_lost)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(FALSE);
	g_autoptr(GError) error = NULL;

	bed_set_knob(bed, "always_202", json_true());
	bed_set_knob(bed, "job_outcome", json_string("lost"));
	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	ck_assert(!vk_snapshot_set_snap(set, &error));
	bed_set_knob(bed, "job_outcome", json_null());
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
}
END_TEST

/* The array does it, and answers too late. */
START_TEST(looks_when_it_is_slow)
{
	g_autoptr(VkSnapshotSet) set = NULL;
	g_autoptr(GError) error = NULL;
	gint64 begun;

	bed_set_timeout(bed, 2);
	set = nas_web_set(FALSE);
	bed_add_fault(bed, "hold", "POST", "/volumes/[^/]+/snapshots$", "after");
	begun = g_get_monotonic_time();
	bed_succeed(nas_run_set(set, &error), error);
	ck_assert_int_lt(g_get_monotonic_time() - begun, 6 * G_USEC_PER_SEC);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 1);
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
}
END_TEST

/* The engine dies while the array works on a request. */
static const struct {
	const char *method, *path;
} deaths[] = {
	{"POST", "/consistency-groups$"},
	{"POST", "/consistency-groups/[^/]+/snapshots$"},
	{"PATCH", "/consistency-groups/[^/]+/snapshots/"},
	{"DELETE", "/consistency-groups/[^/]+$"},
	{"PATCH", "/volumes/[^/]+/snapshots/"},
};

static void die_at(const char *method, const char *path)
{
	pid_t pid;

	bed_add_fault(bed, "hold", method, path, "after");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		g_autoptr(VkSnapshotSet) set = NULL;

		/* Its connections are its own. */
		bed->arrays = vk_arrays_new(bed->settings, vk_log_warning, NULL);
		set = nas_web_set(TRUE);
		if (nas_run_set(set, NULL))
			vk_snapshot_set_keep(set, WEB, NULL);
		_exit(0);
	}
	json_decref(bed_control(bed, "GET", "held", NULL));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	bed_clear_faults(bed);
}

START_TEST(is_killed)
{
	g_autoptr(VkArrayDisk) disk = nas_probe("vm/web.raw");
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshotSet) set = NULL;

	die_at(deaths[_i].method, deaths[_i].path);
	/* A snapshot that was started ends by itself. */
	for (guint i = 0; i < 400 && bed_count_kind(bed, "started") > 0; i++)
		g_usleep(G_USEC_PER_SEC / 10);
	ck_assert_uint_eq(bed_count_kind(bed, "started"), 0);
	/* What is left is told, marked, and can be removed; and the next one works. */
	found = vk_arrays_list(bed->arrays, disk, BED_VAULT, WEB, &error);
	bed_succeed(found != NULL, error);
	ck_assert_uint_eq(found->len, nas_count_snapshots("vm"));
	for (guint i = 0; i < found->len; i++) {
		VkArraySnapshot *snapshot = g_ptr_array_index(found, i);

		ck_assert_str_eq(snapshot->id, ID);
		bed_succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	}
	set = nas_web_set(TRUE);
	bed_succeed(nas_run_set(set, &error), error);
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 0);
	nas_check_log();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-faults");
	TCase *tcase = tcase_create("ontap-faults");

	tcase_set_timeout(tcase, 240);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_loop_test(tcase, survives_faults, 0, G_N_ELEMENTS(actions));
	tcase_add_test(tcase, marks_in_spite_of_faults);
	tcase_add_test(tcase, waits_for_jobs);
	tcase_add_test(tcase, fails_with_its_job);
	tcase_add_test(tcase, looks_when_a_job_is_lost);
	tcase_add_test(tcase, looks_when_it_is_slow);
	tcase_add_loop_test(tcase, is_killed, 0, G_N_ELEMENTS(deaths));
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
