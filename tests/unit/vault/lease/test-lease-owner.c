/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of which owners it is certain that they are there, or gone. */
#include "lease-owner.h"

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOOT "11111111-2222-3333-4444-555555555555"

/* A process of this host that is gone. */
static json_t *describe_dead(void)
{
	json_t *owner = vk_lease_owner_describe();
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	json_object_set_new(owner, "pid", json_integer(child));
	return owner;
}

static gboolean knows(const json_t *owner, const char *key)
{
	return json_is_string(json_object_get(owner, key));
}

START_TEST(this_process_is_here)
{
	g_autoptr(json_t) owner = vk_lease_owner_describe();

	ck_assert_int_eq(vk_lease_owner_state(owner), VK_OWNER_HERE);
}
END_TEST

START_TEST(a_dead_process_is_gone)
{
	g_autoptr(json_t) owner = describe_dead();

	ck_assert_int_eq(vk_lease_owner_state(owner), VK_OWNER_GONE);
}
END_TEST

START_TEST(another_process_of_its_number_is_another)
{
	g_autoptr(json_t) owner = vk_lease_owner_describe();

	json_object_set_new(owner, "start", json_string("1"));
	ck_assert_int_eq(vk_lease_owner_state(owner), VK_OWNER_GONE);
}
END_TEST

/* Its number is somebody's again. Without an identity of the machine nothing is certain. */
START_TEST(a_boot_ends_all)
{
	g_autoptr(json_t) owner = vk_lease_owner_describe();

	json_object_set_new(owner, "boot", json_string(BOOT));
	ck_assert_int_eq(vk_lease_owner_state(owner),
			 knows(owner, "machine") ? VK_OWNER_GONE : VK_OWNER_UNKNOWN);
}
END_TEST

/* The boot's and the process's numbers are those of here: it may be a copy of a running machine. */
static const char *const elsewhere[] = {"host", "namespaces"};

START_TEST(nothing_is_known_of_elsewhere)
{
	g_autoptr(json_t) dead = describe_dead();
	g_autoptr(json_t) alive = vk_lease_owner_describe();

	json_object_set_new(dead, elsewhere[_i], json_string("elsewhere"));
	json_object_set_new(alive, elsewhere[_i], json_string("elsewhere"));
	ck_assert_int_eq(vk_lease_owner_state(dead), VK_OWNER_UNKNOWN);
	ck_assert_int_eq(vk_lease_owner_state(alive), VK_OWNER_UNKNOWN);
}
END_TEST

static const char *const after_boot[] = {"host", "machine"};

START_TEST(nothing_is_known_of_another_machine)
{
	g_autoptr(json_t) owner = describe_dead();

	json_object_set_new(owner, "boot", json_string(BOOT));
	json_object_set_new(owner, after_boot[_i], json_string("elsewhere"));
	ck_assert_int_eq(vk_lease_owner_state(owner), VK_OWNER_UNKNOWN);
}
END_TEST

static const char *const needed[] = {"host", "boot", "namespaces", "pid"};

START_TEST(what_is_not_said_is_not_known)
{
	g_autoptr(json_t) owner = describe_dead();

	json_object_del(owner, needed[_i]);
	ck_assert_int_eq(vk_lease_owner_state(owner), VK_OWNER_UNKNOWN);
}
END_TEST

static Suite *lease_owner_suite(void)
{
	Suite *suite = suite_create("lease-owner");
	TCase *cases = tcase_create("lease-owner");

	tcase_add_test(cases, this_process_is_here);
	tcase_add_test(cases, a_dead_process_is_gone);
	tcase_add_test(cases, another_process_of_its_number_is_another);
	tcase_add_test(cases, a_boot_ends_all);
	tcase_add_loop_test(cases, nothing_is_known_of_elsewhere, 0, G_N_ELEMENTS(elsewhere));
	tcase_add_loop_test(cases, nothing_is_known_of_another_machine, 0,
			    G_N_ELEMENTS(after_boot));
	tcase_add_loop_test(cases, what_is_not_said_is_not_known, 0, G_N_ELEMENTS(needed));
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(lease_owner_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
