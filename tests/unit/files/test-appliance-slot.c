/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many appliances run at a time. */
#include "appliance-slot.h"

#include "errors.h"
#include "interrupt.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

static char *home;

static void set_up(void)
{
	home = temp_directory_new();
}

static void tear_down(void)
{
	temp_directory_remove(home);
	g_free(home);
}

START_TEST(gives_so_many_and_no_more)
{
	g_autofree char *run_dir = g_build_filename(home, "new", "run", NULL);
	g_autoptr(GError) error = NULL;
	int fds[VK_APPLIANCE_SLOTS];
	int fd;

	for (guint i = 0; i < VK_APPLIANCE_SLOTS; i++) {
		fds[i] = vk_appliance_slot_take(run_dir, NULL);
		ck_assert_int_ge(fds[i], 0);
	}
	vk_set_interrupted(TRUE);
	ck_assert_int_lt(vk_appliance_slot_take(run_dir, &error), 0);
	ck_assert_ptr_nonnull(error);
	vk_set_interrupted(FALSE);
	close(fds[2]);
	fd = vk_appliance_slot_take(run_dir, NULL);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

/* Two of them cannot hold a slot each, and wait for the other's. */
START_TEST(one_at_a_time_takes_a_pair)
{
	g_autoptr(GError) error = NULL;
	int pair = vk_appliance_pair_take(home, NULL);
	int slot = vk_appliance_slot_take(home, NULL);

	ck_assert_int_ge(pair, 0);
	ck_assert_int_ge(slot, 0);
	vk_set_interrupted(TRUE);
	ck_assert_int_lt(vk_appliance_pair_take(home, &error), 0);
	ck_assert_ptr_nonnull(error);
	vk_set_interrupted(FALSE);
	close(pair);
	pair = vk_appliance_pair_take(home, NULL);
	ck_assert_int_ge(pair, 0);
	close(pair);
	close(slot);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("appliance-slot");
	TCase *tcase = tcase_create("appliance-slot");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, gives_so_many_and_no_more);
	tcase_add_test(tcase, one_at_a_time_takes_a_pair);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
