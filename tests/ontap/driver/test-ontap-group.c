/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several volumes at one instant: consistency groups of ours, of others, and none. */
#include "ontap-nas.h"

#include <check.h>
#include <string.h>

START_TEST(fences_several_volumes)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(TRUE);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	g_autoptr(json_t) requests = NULL;
	g_autofree char *reason = NULL;

	bed_set_knob(bed, "fence", json_string("watch"));
	bed_succeed(nas_run_set(set, &error), error);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "started"), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "fence_violations"), 0);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	copy = vk_snapshot_set_copy(set, WEB, "vdb");
	nas_check_content(copy, "data at the instant");
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/consistency-groups/*/snapshots"), 1);
	ck_assert_uint_eq(bed_count(requests, "PATCH", "*/consistency-groups/*/snapshots/*"), 1);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/volumes/*/snapshots"), 0);
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
	nas_check_log();
}
END_TEST

/* All ways in which the array may answer the start of a snapshot. */
START_TEST(starts_however_it_is_told)
{
	static const char *const places[] = {"records", "location", "nowhere"};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(places); i++) {
		g_autoptr(VkSnapshotSet) set = nas_web_set(TRUE);
		g_autoptr(GError) error = NULL;

		bed_set_knob(bed, "start_uuid", json_string(places[i / 2]));
		bed_set_knob(bed, "start_reply", json_integer(i % 2 ? 202 : 201));
		bed_succeed(nas_run_set(set, &error), error);
		ck_assert_uint_eq(nas_count_snapshots(NULL), 2);
		vk_snapshot_set_leave(set, WEB);
		ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
		ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
	}
}
END_TEST

static void make_group(const char *name, const char *const *volumes)
{
	json_t *members = json_array();

	for (; *volumes; volumes++)
		json_array_append_new(members, json_pack("{s:s, s:{s:s}}", "name", *volumes,
							 "provisioning_options", "action", "add"));
	json_decref(bed_post(bed, "/api/application/consistency-groups?return_timeout=15",
			     json_pack("{s:s, s:{s:s}, s:o}", "name", name, "svm", "name", "s",
				       "volumes", members)));
}

/* The group that is there, how many are left, and how many requests of each kind come of it. */
static void check_group(const char *name, const char *const *volumes, guint left, guint starts,
			guint singles)
{
	g_autoptr(VkSnapshotSet) set = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;

	make_group(name, volumes);
	set = nas_web_set(TRUE);
	json_decref(bed_requests(bed));
	bed_succeed(nas_run_set(set, &error), error);
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), left);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/consistency-groups/*/snapshots"), starts);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/volumes/*/snapshots"), singles);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	ck_assert_uint_eq(nas_count_snapshots("other"), 0);
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "group_snapshots"), 0);
}

START_TEST(uses_a_group_of_the_same_volumes)
{
	const char *volumes[] = {"vm", "vmstore", NULL};

	check_group("theirs", volumes, 1, 1, 0);
}
END_TEST

START_TEST(leaves_a_group_of_more_volumes)
{
	const char *volumes[] = {"vm", "vmstore", "other", NULL};

	check_group("theirs", volumes, 1, 0, 2);
}
END_TEST

START_TEST(leaves_a_group_of_some_volumes)
{
	const char *volumes[] = {"vmstore", "other", NULL};

	check_group("theirs", volumes, 1, 0, 2);
}
END_TEST

START_TEST(removes_a_group_that_was_left)
{
	const char *volumes[] = {"vm", "vmstore", NULL};

	check_group("virtkeep_01234567_20200101T000000Z_deadbeef", volumes, 0, 1, 0);
}
END_TEST

START_TEST(removes_a_group_that_was_left_around_one_volume)
{
	const char *volumes[] = {"vm", "vmstore", NULL};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshotSet) set = NULL;

	make_group("virtkeep_01234567_20200101T000000Z_deadbeef", volumes);
	set = nas_web_set(FALSE);
	bed_succeed(nas_run_set(set, &error), error);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
	vk_snapshot_set_leave(set, WEB);
}
END_TEST

/*
 * A guest's disk is on a volume that a killed run has left in a group: that is told, and removed.
 */
START_TEST(tells_of_a_group_that_was_left)
{
	const char *volumes[] = {"vm", "vmstore", NULL};
	const char *left = "virtkeep_01234567_20200101T000000Z_deadbeef";
	g_autoptr(VkArrayDisk) disk = nas_probe("vm/web.raw");
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GPtrArray) none = NULL;
	const VkArraySnapshot *group;

	make_group(left, volumes);
	found = vk_arrays_list(bed->arrays, disk, BED_VAULT, WEB, &error);
	bed_succeed(found != NULL, error);
	ck_assert_uint_eq(found->len, 1);
	group = g_ptr_array_index(found, 0);
	ck_assert_str_eq(group->kind, "consistency group");
	ck_assert_str_eq(group->title, left);
	ck_assert(group->is_unlisted);
	bed_succeed(vk_arrays_remove(bed->arrays, group, &error), error);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
	/* Once more is fine. */
	bed_succeed(vk_arrays_remove(bed->arrays, group, &error), error);
	make_group("theirs", volumes);
	none = vk_arrays_list(bed->arrays, disk, BED_VAULT, WEB, &error);
	ck_assert_uint_eq(none->len, 0);
}
END_TEST

/* The commit does not get through at first: it is sent again before anything is asked. */
START_TEST(lifts_the_fence_first)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(TRUE);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;
	gsize index;
	json_t *request;
	guint commits = 0, questions = 0;

	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	bed_add_fault(bed, "reset", "PATCH", "/consistency-groups/[^/]+/snapshots/", "before");
	json_decref(bed_requests(bed));
	bed_succeed(vk_snapshot_set_snap(set, &error), error);
	requests = bed_requests(bed);
	json_array_foreach (requests, index, request) {
		gboolean is_commit =
			strcmp(vk_json_optional_string(request, "method"), "PATCH") == 0;

		commits += is_commit;
		questions += commits == 1 && !is_commit;
	}
	ck_assert_uint_eq(commits, 2);
	ck_assert_uint_eq(questions, 0);
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
}
END_TEST

/* How long its members may be held, in seconds; and how long the array fences them at the most. */
static const struct {
	guint held, fence;
} bounds[] = {{1, 5}, {12, 12}, {100, 20}};

START_TEST(fences_no_longer_than_guests_are_held)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(TRUE);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;
	guint fences = 0;
	gsize index;
	json_t *request;

	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	json_decref(bed_requests(bed));
	/* Who is over it has gone on, and counts no more. */
	vk_snapshot_set_join(set, MAIL, ID);
	vk_snapshot_set_bound(set, MAIL, g_get_monotonic_time() - 1);
	vk_snapshot_set_bound(set, WEB,
			      g_get_monotonic_time() + (gint64)bounds[_i].held * G_USEC_PER_SEC);
	bed_succeed(vk_snapshot_set_snap(set, &error), error);
	requests = bed_requests(bed);
	json_array_foreach (requests, index, request) {
		const char *seconds = vk_json_optional_string(json_object_get(request, "query"),
							      "action_timeout");

		if (!seconds)
			continue;
		fences++;
		ck_assert_uint_eq(g_ascii_strtoull(seconds, NULL, 10), bounds[_i].fence);
	}
	ck_assert_uint_eq(fences, 1);
	vk_snapshot_set_leave(set, WEB);
}
END_TEST

/* A group in each of two SVMs. */
static VkSnapshotSet *prepare_two_svms(void)
{
	VkSnapshotSet *set = nas_web_set(TRUE);
	g_autoptr(GError) error = NULL;

	bed_write(bed, "t1/a.raw", "a");
	bed_write(bed, "t2/a.raw", "a");
	vk_snapshot_set_add(set, WEB, "vdc", nas_probe("t1/a.raw"));
	vk_snapshot_set_add(set, WEB, "vdd", nas_probe("t2/a.raw"));
	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	return set;
}

/* Of two SVMs, that of the second refuses: the first one's volumes are let go at once. */
START_TEST(leaves_no_fence_when_another_fails)
{
	g_autoptr(VkSnapshotSet) set = prepare_two_svms();
	g_autoptr(json_t) requests = NULL;
	g_autoptr(GError) error = NULL;

	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 2);
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:s, s:i, s:s, s:i}", "action", "status",
					  "method", "POST", "path",
					  "/consistency-groups/[^/]+/snapshots$", "status", 403,
					  "code", "6", "skip", 1)));
	json_decref(bed_requests(bed));
	ck_assert(!vk_snapshot_set_snap(set, &error));
	ck_assert_uint_eq(bed_count_kind(bed, "started"), 0);
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "PATCH", "*"), 1);
	vk_snapshot_set_leave(set, WEB);
	g_clear_pointer(&set, vk_snapshot_set_free);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "groups"), 0);
}
END_TEST

/* The second does not answer in time: there is time left to let the first one go. */
START_TEST(leaves_no_fence_when_another_is_late)
{
	g_autoptr(VkSnapshotSet) set = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;
	g_autoptr(json_t) fault = json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:i}", "action", "delay", "method", "POST", "path",
		"/consistency-groups/[^/]+/snapshots$", "seconds", 4, "skip", 1, "times", -1);

	bed_set_timeout(bed, 2);
	set = prepare_two_svms();
	json_decref(bed_control(bed, "POST", "faults", json_incref(fault)));
	json_decref(bed_requests(bed));
	ck_assert(!vk_snapshot_set_snap(set, &error));
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "PATCH", "*"), 1);
	bed_clear_faults(bed);
	vk_snapshot_set_leave(set, WEB);
}
END_TEST

/* The guests are held: questions have no more time than the rest, and a little. */
START_TEST(asks_no_longer_than_guests_are_held)
{
	g_autoptr(VkSnapshotSet) set = NULL;
	g_autoptr(GError) error = NULL;
	gint64 begun;

	bed_set_timeout(bed, 10);
	set = nas_web_set(TRUE);
	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	bed_add_fault(bed, "reset", "POST", "/consistency-groups/[^/]+/snapshots$", "after");
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:s, s:i}", "action", "hold", "method", "GET",
					  "path", "/consistency-groups/[^/]+/snapshots$", "times",
					  -1)));
	begun = g_get_monotonic_time();
	ck_assert(!vk_snapshot_set_snap(set, &error));
	ck_assert_int_lt(g_get_monotonic_time() - begun, 17 * G_USEC_PER_SEC);
	bed_clear_faults(bed);
	vk_snapshot_set_leave(set, WEB);
}
END_TEST

START_TEST(leaves_a_group_in_use)
{
	const char *volumes[] = {"vm", "vmstore", NULL};
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *name =
		g_date_time_format(now, "virtkeep_01234567_%Y%m%dT%H%M%SZ_deadbeef");

	check_group(name, volumes, 1, 0, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-group");
	TCase *tcase = tcase_create("ontap-group");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_test(tcase, fences_several_volumes);
	tcase_add_test(tcase, starts_however_it_is_told);
	tcase_add_test(tcase, uses_a_group_of_the_same_volumes);
	tcase_add_test(tcase, leaves_a_group_of_more_volumes);
	tcase_add_test(tcase, leaves_a_group_of_some_volumes);
	tcase_add_test(tcase, removes_a_group_that_was_left);
	tcase_add_test(tcase, removes_a_group_that_was_left_around_one_volume);
	tcase_add_test(tcase, tells_of_a_group_that_was_left);
	tcase_add_test(tcase, lifts_the_fence_first);
	tcase_add_loop_test(tcase, fences_no_longer_than_guests_are_held, 0, G_N_ELEMENTS(bounds));
	tcase_add_test(tcase, leaves_no_fence_when_another_fails);
	tcase_add_test(tcase, leaves_no_fence_when_another_is_late);
	tcase_add_test(tcase, asks_no_longer_than_guests_are_held);
	tcase_add_test(tcase, leaves_a_group_in_use);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
