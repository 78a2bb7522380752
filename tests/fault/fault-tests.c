/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault-tests.h"

#include <errno.h>
#include <stdlib.h>

static const FaultActs *tried;

/* Tries each STEP-th call from number FIRST on. */
static void try_calls(guint act, Fault kind, int errno_value, int first, int step)
{
	int call = first % step;

	while (tried->try(act, kind, call, errno_value))
		call += step;
	tried->check_calls(act, call);
}

/* That a call fails is what runs most lines: each call does. */
static void try_all(guint act, Fault kind, int errno_value)
{
	try_calls(act, kind, errno_value, 0, 1);
}

/*
 * With VK_TEST_FAULT_STEP, for the sanitizers, one call of so many: the others run the same lines.
 * FIRST is another one for each kind.
 */
static void try_step(guint act, Fault kind, int errno_value, int first)
{
	const char *text = g_getenv("VK_TEST_FAULT_STEP");

	try_calls(act, kind, errno_value, first, text ? MAX(atoi(text), 1) : 1);
}

START_TEST(every_call_fails_once)
{
	try_all((guint)_i, FAIL_ONCE, EIO);
}
END_TEST

/* For want of room there may be another way. */
START_TEST(every_call_lacks_room_once)
{
	try_step((guint)_i, FAIL_ONCE, ENOSPC, 0);
}
END_TEST

START_TEST(from_every_call_on_all_fail)
{
	try_step((guint)_i, FAIL_FROM_THEN_ON, ENOSPC, 1);
}
END_TEST

START_TEST(every_call_is_cut_short)
{
	try_step((guint)_i, CUT_SHORT, 0, 2);
}
END_TEST

START_TEST(killed_at_every_call)
{
	try_step((guint)_i, KILL, 0, 3);
}
END_TEST

int run_fault_tests(const char *name, const FaultActs *acts, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed, count = (int)acts->count;

	tried = acts;
	tcase_set_timeout(tcase, 120);
	if (add)
		add(tcase);
	tcase_add_loop_test(tcase, every_call_fails_once, 0, count);
	tcase_add_loop_test(tcase, every_call_lacks_room_once, 0, count);
	tcase_add_loop_test(tcase, from_every_call_on_all_fail, 0, count);
	tcase_add_loop_test(tcase, every_call_is_cut_short, 0, count);
	tcase_add_loop_test(tcase, killed_at_every_call, 0, count);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
