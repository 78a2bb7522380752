/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* That no program outlives the process that started it, however that one dies. */
#include "child.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN 0

static char *directory, *fifo;

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep-child-XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
	fifo = g_build_filename(directory, "fifo", NULL);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	/* What loses its parent becomes a child of this process, which can wait for it then. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
}

static void tear_down(void)
{
	g_unlink(fifo);
	g_rmdir(directory);
	g_clear_pointer(&fifo, g_free);
	g_clear_pointer(&directory, g_free);
}

/* Starts a program that does FIRST, says its process id in the FIFO, and stays. RUN: as a tool. */
static pid_t start_parent(const char *first, int death_signal)
{
	g_autofree char *script = g_strdup_printf("%s echo $$ > '%s'; exec sleep 100", first, fifo);
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	if (death_signal == RUN) {
		g_free(vk_child_run(argv, 60, NULL));
		_exit(1);
	}
	if (!vk_child_start(argv, NULL, death_signal, NULL))
		_exit(1);
	for (;;)
		pause();
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	return status;
}

/* The signal by which the program dies when its parent is killed. */
static int signal_at_death(const char *first, int death_signal)
{
	pid_t parent = start_parent(first, death_signal);
	FILE *said = fopen(fifo, "re");
	int child = 0, status;

	ck_assert_ptr_nonnull(said);
	ck_assert_int_eq(fscanf(said, "%d", &child), 1);
	fclose(said);
	kill(parent, SIGKILL);
	ck_assert(WIFSIGNALED(wait_for(parent)));
	status = wait_for(child);
	ck_assert(WIFSIGNALED(status));
	return WTERMSIG(status);
}

START_TEST(it_may_tidy_up)
{
	ck_assert_int_eq(signal_at_death("", SIGTERM), SIGTERM);
}
END_TEST

/* As qemu-nbd does while it starts. */
START_TEST(it_dies_deaf_to_sigterm)
{
	ck_assert_int_eq(signal_at_death("trap '' TERM;", SIGKILL), SIGKILL);
}
END_TEST

/* A tool of QEMU, which is run to its end, may be as deaf. */
START_TEST(a_tool_is_killed)
{
	ck_assert_int_eq(signal_at_death("trap '' TERM;", RUN), SIGKILL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("child");
	TCase *tests = tcase_create("child");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, it_may_tidy_up);
	tcase_add_test(tests, it_dies_deaf_to_sigterm);
	tcase_add_test(tests, a_tool_is_killed);
	tcase_set_timeout(tests, 20);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
