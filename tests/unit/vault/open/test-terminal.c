/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The prompt for a passphrase, in a child on a terminal of its own. */
#include "errors.h"
#include "interrupt.h"
#include "terminal.h"

#include <check.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PROMPT "what is it? "

enum { ANSWERED, INTERRUPTED, OTHERWISE };

/* A program that holds signals back, as the mount does. Does not return. */
static void ask(void)
{
	g_autoptr(GError) error = NULL;
	VkSecret *secret;
	sigset_t held;

	vk_interrupt_arm();
	sigfillset(&held);
	sigprocmask(SIG_BLOCK, &held, NULL);
	secret = vk_terminal_ask(PROMPT, &error);
	if (secret)
		_exit(secret->length == 6 && memcmp(secret->bytes, "secret", 6) == 0 ? ANSWERED
										     : OTHERWISE);
	_exit(strcmp(error->message, "interrupted") == 0 ? INTERRUPTED : OTHERWISE);
}

static void wait_for_prompt(int terminal)
{
	g_autoptr(GString) shown = g_string_new(NULL);
	char byte;

	while (!strstr(shown->str, PROMPT)) {
		ck_assert_int_eq(read(terminal, &byte, 1), 1);
		g_string_append_c(shown, byte);
	}
}

/* What becomes of the child when TYPED is typed, and whether the terminal shows keys again. */
static int outcome(const char *typed)
{
	struct termios state;
	int terminal, status;
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);

	if (child == 0)
		ask();
	ck_assert_int_gt(child, 0);
	wait_for_prompt(terminal);
	ck_assert_int_eq(tcgetattr(terminal, &state), 0);
	ck_assert(!(state.c_lflag & ECHO));
	ck_assert_int_eq(write(terminal, typed, strlen(typed)), (ssize_t)strlen(typed));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(tcgetattr(terminal, &state), 0);
	ck_assert(state.c_lflag & ECHO);
	close(terminal);
	return WEXITSTATUS(status);
}

START_TEST(a_line_is_taken)
{
	ck_assert_int_eq(outcome("secret\n"), ANSWERED);
}
END_TEST

START_TEST(ctrl_c_ends_it)
{
	ck_assert_int_eq(outcome("sec\003"), INTERRUPTED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("terminal");
	TCase *tcase = tcase_create("terminal");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, a_line_is_taken);
	tcase_add_test(tcase, ctrl_c_ends_it);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
