/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals. Check runs each test in a process of its own. */
#include "program.h"

#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void start(void)
{
	VkProgram program = {0};
	int fd = g_file_open_tmp("virtkeep-test-XXXXXX", &program.config_path, NULL);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(vk_program_start(&program, NULL));
	g_unlink(program.config_path);
	vk_program_clear(&program);
	ck_assert(!vk_interrupted());
}

START_TEST(a_signal_asks_to_stop)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

	start();
	raise(numbers[_i]);
	ck_assert(vk_interrupted());
}
END_TEST

START_TEST(a_second_signal_ends)
{
	start();
	raise(SIGTERM);
	raise(SIGTERM);
}
END_TEST

START_TEST(another_signal_does_not_end)
{
	start();
	raise(SIGTERM);
	raise(SIGINT);
	raise(SIGHUP);
	raise(SIGHUP);
	ck_assert(vk_interrupted());
}
END_TEST

START_TEST(nothing_ends_what_is_shielded)
{
	start();
	vk_shield_begin();
	vk_shield_begin();
	raise(SIGINT);
	raise(SIGINT);
	vk_shield_end();
	raise(SIGINT);
	raise(SIGQUIT);
	raise(SIGTSTP);
	vk_shield_end();
	ck_assert(vk_interrupted());
}
END_TEST

START_TEST(the_shield_ends)
{
	start();
	vk_shield_begin();
	raise(SIGINT);
	vk_shield_end();
	raise(SIGINT);
}
END_TEST

START_TEST(nohup_is_respected)
{
	signal(SIGHUP, SIG_IGN);
	start();
	raise(SIGHUP);
	ck_assert(!vk_interrupted());
}
END_TEST

static struct rlimit get_file_limit(void)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit;
}

START_TEST(others_get_the_file_limit_of_before)
{
	static const rlim_t hard[] = {100000, 4096};
	const struct rlimit wanted = {.rlim_cur = 512, .rlim_max = hard[_i]};
	struct rlimit limit = get_file_limit();

	/* Not everybody may raise it. */
	if (setrlimit(RLIMIT_NOFILE, &wanted) < 0) {
		limit.rlim_cur = 512;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	limit = get_file_limit();
	start();
	ck_assert_uint_eq(get_file_limit().rlim_cur, MIN(limit.rlim_max, 65536));
	vk_program_lower_file_limit(NULL);
	ck_assert_uint_eq(get_file_limit().rlim_cur, 512);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("program");
	TCase *tcase = tcase_create("signals");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, a_signal_asks_to_stop, 0, 3);
	tcase_add_test_raise_signal(tcase, a_second_signal_ends, SIGTERM);
	tcase_add_test(tcase, another_signal_does_not_end);
	tcase_add_test(tcase, nothing_ends_what_is_shielded);
	tcase_add_test_raise_signal(tcase, the_shield_ends, SIGINT);
	tcase_add_test(tcase, nohup_is_respected);
	tcase_add_loop_test(tcase, others_get_the_file_limit_of_before, 0, 2);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
