/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command that knows a vault's secret: what it prints, and how it can fail. */
#include "errors.h"
#include "key-command.h"

#include <check.h>
#include <signal.h>
#include <string.h>

static void check_refused(const char *command, const char *words)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_key_command_run(command, &error));
	ck_assert_msg(strstr(error->message, words) != NULL, "%s", error->message);
}

static void check_prints(const char *command, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSecret) secret = vk_key_command_run(command, &error);

	ck_assert_msg(secret != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(secret->length, strlen(expected));
	ck_assert_mem_eq(secret->bytes, expected, secret->length);
}

START_TEST(what_it_prints_is_the_secret)
{
	check_prints("printf 'a phrase\\n'", "a phrase\n");
	check_prints("sh -c 'printf a; printf b'", "ab");
}
END_TEST

START_TEST(it_says_what_is_wrong)
{
	check_refused("true", "printed nothing");
	check_refused("false", "key_command 'false': ");
	check_refused("head -c 5000 /dev/zero", "printed more than 4096 bytes");
	check_refused("yes", "printed more than 4096 bytes");
	check_refused("/there/is/no/such/command", "/there/is/no/such/command");
}
END_TEST

START_TEST(the_most_is_not_too_much)
{
	g_autoptr(VkSecret) secret = vk_key_command_run("head -c 4096 /dev/zero", NULL);

	ck_assert_ptr_nonnull(secret);
	ck_assert_uint_eq(secret->length, 4096);
}
END_TEST

START_TEST(signals_that_the_program_holds_back_reach_it)
{
	sigset_t held;

	sigfillset(&held);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &held, NULL), 0);
	check_prints("grep SigBlk /proc/self/status", "SigBlk:\t0000000000000000\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("key-command");
	TCase *tcase = tcase_create("key-command");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, what_it_prints_is_the_secret);
	tcase_add_test(tcase, it_says_what_is_wrong);
	tcase_add_test(tcase, the_most_is_not_too_much);
	tcase_add_test(tcase, signals_that_the_program_holds_back_reach_it);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
