/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads that meet at a group's stages; members that fail on the way. */
#include "errors.h"
#include "group.h"
#include "interrupt.h"

#include <check.h>
#include <stdlib.h>

#define MEMBERS 8
#define SOON    (g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND)

typedef struct {
	VkGroup *group;
	gint *arrived; /* members that came to the stage, by stage; atomic */
	guint leaves_before;
} Member;

/* When a stage is passed, everybody who did not leave before it has come to it. */
static gpointer run_member(gpointer data)
{
	Member *member = data;

	for (guint stage = 0; stage < VK_GROUP_STAGES; stage++) {
		if (stage == member->leaves_before) {
			vk_group_leave(member->group);
			return NULL;
		}
		g_atomic_int_inc(&member->arrived[stage]);
		if (!vk_group_wait(member->group, (VkGroupStage)stage, SOON, NULL))
			return GINT_TO_POINTER(1);
		if (g_atomic_int_get(&member->arrived[stage]) < MEMBERS / 2)
			return GINT_TO_POINTER(2);
		vk_group_note_point(member->group);
	}
	return NULL;
}

/* The members of odd number leave, before one stage or another. */
START_TEST(all_meet_but_those_who_left)
{
	g_autoptr(VkGroup) group = vk_group_new(MEMBERS);
	gint arrived[VK_GROUP_STAGES] = {0};
	Member members[MEMBERS];
	GThread *threads[MEMBERS];

	for (guint i = 0; i < MEMBERS; i++) {
		members[i] = (Member){group, arrived, i % 2 ? i / 2 : VK_GROUP_STAGES};
		threads[i] = g_thread_new("member", run_member, &members[i]);
	}
	for (guint i = 0; i < MEMBERS; i++)
		ck_assert_ptr_null(g_thread_join(threads[i]));
	ck_assert_int_gt(vk_group_time(group), 1700000000);
	ck_assert_uint_lt(vk_group_skew_usec(group), 10 * G_TIME_SPAN_SECOND);
}
END_TEST

START_TEST(nobody_waits_for_ever)
{
	g_autoptr(VkGroup) group = vk_group_new(2);
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_group_wait(group, VK_GROUP_READY, g_get_monotonic_time() + 1000, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	g_clear_error(&error);
	vk_set_interrupted(TRUE);
	ck_assert(!vk_group_wait(group, VK_GROUP_READY, SOON, &error));
	vk_set_interrupted(FALSE);
	ck_assert_str_eq(error->message, "interrupted");
	/* Who gave up waiting and left is not counted any more. */
	vk_group_leave(group);
	ck_assert(vk_group_wait(group, VK_GROUP_READY, SOON, NULL));
}
END_TEST

START_TEST(each_has_a_name_of_its_own)
{
	g_autoptr(VkGroup) one = vk_group_new(1);
	g_autoptr(VkGroup) other = vk_group_new(1);

	ck_assert_str_ne(vk_group_id(one), vk_group_id(other));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("group");
	TCase *tests = tcase_create("group");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, all_meet_but_those_who_left);
	tcase_add_test(tests, nobody_waits_for_ever);
	tcase_add_test(tests, each_has_a_name_of_its_own);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
