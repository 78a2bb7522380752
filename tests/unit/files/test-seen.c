/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directories that a walk has met, up to the bound of their memory. */
#include "seen.h"

#include <check.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

static AgentSeen seen;

static void tear_down(void)
{
	agent_seen_clear(&seen);
}

START_TEST(each_is_new_once)
{
	ck_assert_int_eq(agent_seen_add(&seen, makedev(254, 1), 2), AGENT_SEEN_NEW);
	ck_assert_int_eq(agent_seen_add(&seen, makedev(254, 2), 2), AGENT_SEEN_NEW);
	ck_assert_int_eq(agent_seen_add(&seen, makedev(0, 30), UINT64_MAX), AGENT_SEEN_NEW);
	ck_assert_int_eq(agent_seen_add(&seen, makedev(254, 1), 2), AGENT_SEEN_BEFORE);
	ck_assert_int_eq(agent_seen_add(&seen, makedev(0, 30), UINT64_MAX), AGENT_SEEN_BEFORE);
	agent_seen_clear(&seen);
	ck_assert_int_eq(agent_seen_add(&seen, makedev(254, 1), 2), AGENT_SEEN_NEW);
}
END_TEST

/* Roots of file systems have the same number on each device. */
START_TEST(devices_are_distinguished)
{
	for (unsigned minor = 0; minor < 5000; minor++)
		ck_assert_int_eq(agent_seen_add(&seen, makedev(254, minor), 2), AGENT_SEEN_NEW);
	for (unsigned minor = 0; minor < 5000; minor++)
		ck_assert_int_eq(agent_seen_add(&seen, makedev(254, minor), 2), AGENT_SEEN_BEFORE);
}
END_TEST

/* All below the bound are known for ever, and what is beyond is refused and not taken for seen. */
START_TEST(it_is_full_at_its_bound)
{
	size_t fresh = 0, refused = 0, early = 0, known = 0;
	ino_t i;

	for (i = 0; i < 1700000; i++) {
		AgentSeenAnswer answer = agent_seen_add(&seen, makedev(8, 1), i << 12);

		fresh += answer == AGENT_SEEN_NEW;
		refused += answer == AGENT_SEEN_FULL;
		early += answer != AGENT_SEEN_NEW && i < AGENT_SEEN_MAX;
	}
	ck_assert_uint_eq(fresh + refused, 1700000);
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_le(seen.slots * 12, 25u << 20);
	for (i = 0; i < AGENT_SEEN_MAX; i++)
		known += agent_seen_add(&seen, makedev(8, 1), i << 12) == AGENT_SEEN_BEFORE;
	ck_assert_uint_eq(known, AGENT_SEEN_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seen");
	TCase *cases = tcase_create("seen");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_set_timeout(cases, 30);
	tcase_add_test(cases, each_is_new_once);
	tcase_add_test(cases, devices_are_distinguished);
	tcase_add_test(cases, it_is_full_at_its_bound);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
