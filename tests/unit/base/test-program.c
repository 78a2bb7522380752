/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals, and which configuration is read. Check runs each test in a process of its own. */
#include "file-limit.h"
#include "interrupt.h"
#include "program.h"

#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const int asking[] = {SIGHUP, SIGINT, SIGQUIT};

/* In the background or under nohup they are ignored: so main() does the same. */
static void heed_signals(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(asking); i++)
		signal(asking[i], SIG_DFL);
}

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

/* A new configuration that names VAULT, or none. New string: its path. */
static char *new_configuration(const char *vault)
{
	g_autofree char *text =
		vault ? g_strdup_printf("[vault]\nurl = dir:%s\n", vault) : g_strdup("");
	char *path = NULL;
	int fd = g_file_open_tmp("virtkeep-test-XXXXXX", &path, NULL);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(g_file_set_contents(path, text, -1, NULL));
	return path;
}

/* The vault that is used when OPTION and ENVIRONMENT name the configuration. */
static void check_vault(const char *option, const char *environment, const char *vault)
{
	VkProgram program = {.config_path = g_strdup(option)};

	g_setenv("VIRTKEEP_CONFIG", environment, TRUE);
	ck_assert(vk_program_start(&program, NULL));
	ck_assert_pstr_eq(vk_program_vault_url(&program, NULL), vault);
	vk_program_clear(&program);
}

START_TEST(the_environment_names_the_configuration)
{
	g_autofree char *one = new_configuration("/one"), *two = new_configuration("/two");
	VkProgram program = {0};

	g_unsetenv("VIRTKEEP_VAULT");
	check_vault(NULL, two, "dir:/two");
	check_vault(one, two, "dir:/one");
	check_vault(one, "", "dir:/one");
	g_unlink(one);
	g_unlink(two);
	/* One that is named and not there is no reason to read another. */
	g_setenv("VIRTKEEP_CONFIG", two, TRUE);
	ck_assert(!vk_program_start(&program, NULL));
	vk_program_clear(&program);
}
END_TEST

START_TEST(what_names_no_vault_is_named)
{
	g_autofree char *path = new_configuration(NULL);
	g_autoptr(GError) error = NULL;
	VkProgram program = {.config_path = g_strdup(path)};

	g_unsetenv("VIRTKEEP_VAULT");
	ck_assert(vk_program_start(&program, NULL));
	ck_assert_ptr_null(vk_program_vault_url(&program, &error));
	ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
	vk_program_clear(&program);
	g_unlink(path);
}
END_TEST

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

/*
 * A backup ignores the key that stops it from begin to end, and shields guests one after another.
 */
START_TEST(what_was_ignored_before_the_shield_stays_so)
{
	start();
	signal(SIGTSTP, SIG_IGN);
	for (guint i = 0; i < 2; i++) {
		vk_shield_begin();
		vk_shield_end();
		ck_assert(signal(SIGTSTP, SIG_IGN) == SIG_IGN);
		ck_assert(signal(SIGQUIT, SIG_DFL) == SIG_DFL);
	}
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
	vk_file_limit_lower(NULL);
	ck_assert_uint_eq(get_file_limit().rlim_cur, 512);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("program");
	TCase *tcase = tcase_create("signals");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, the_environment_names_the_configuration);
	tcase_add_test(tcase, what_names_no_vault_is_named);
	for (guint i = 0; i < G_N_ELEMENTS(asking); i++)
		signal(asking[i], SIG_IGN);
	tcase_add_checked_fixture(tcase, heed_signals, NULL);
	tcase_add_loop_test(tcase, a_signal_asks_to_stop, 0, 3);
	tcase_add_test_raise_signal(tcase, a_second_signal_ends, SIGTERM);
	tcase_add_test(tcase, another_signal_does_not_end);
	tcase_add_test(tcase, nothing_ends_what_is_shielded);
	tcase_add_test_raise_signal(tcase, the_shield_ends, SIGINT);
	tcase_add_test(tcase, what_was_ignored_before_the_shield_stays_so);
	tcase_add_test(tcase, nohup_is_respected);
	tcase_add_loop_test(tcase, others_get_the_file_limit_of_before, 0, 2);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
