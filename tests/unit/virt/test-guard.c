/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard's protocol, with libvirt's test driver, which lives in each process. What the guard
 * does to guests is shown on real ones. The program is its own guard.
 */
#include "guard-process.h"
#include "guard.h"
#include "guard-socket.h"
#include "host.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define URI         "test:///default"
#define TIMEOUT_SEC 5

static VkHost *host;
static VkGuest *guest;

static void set_up(void)
{
	host = vk_host_open(URI, NULL);
	ck_assert_ptr_nonnull(host);
	guest = vk_host_find(host, "test", NULL);
	ck_assert_ptr_nonnull(guest);
}

static void tear_down(void)
{
	vk_guest_free(guest);
	vk_host_free(host);
}

static int open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(takes_notice)
{
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(VkGuard) guard = vk_guard_start(URI, TIMEOUT_SEC, &error);
	gint64 far = g_get_monotonic_time() + G_TIME_SPAN_HOUR;

	ck_assert_msg(guard != NULL, "%s", error ? error->message : "");
	g_ptr_array_add(files, g_strdup("/nowhere/scratch"));
	ck_assert(vk_guard_add(guard, guest, -1, NULL));
	ck_assert(vk_guard_hold(guard, guest, FALSE, far, NULL));
	ck_assert(vk_guard_job(guard, guest, "/nowhere/socket", files, FALSE, NULL));
	vk_guard_released(guard, guest);
	vk_guard_job_ended(guard, guest);
	vk_guard_remove(guard, guest);
	ck_assert(!vk_guard_hold(guard, guest, FALSE, far, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "not under watch"));
}
END_TEST

/* Nothing was left to it: its end is quick, and nobody's child is left. */
START_TEST(ends_with_its_engine)
{
	gint64 start = g_get_monotonic_time();
	VkGuard *guard = vk_guard_start(URI, TIMEOUT_SEC, NULL);

	ck_assert_ptr_nonnull(guard);
	ck_assert(vk_guard_add(guard, guest, -1, NULL));
	vk_guard_free(guard);
	ck_assert_int_lt(g_get_monotonic_time() - start, 20 * G_TIME_SPAN_SECOND);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(tells_why_it_did_not_start)
{
	g_autoptr(VkGuard) guard = vk_guard_start("nosuch:///here", TIMEOUT_SEC, NULL);

	ck_assert_ptr_nonnull(guard);
	ck_assert(vk_guard_add(guard, guest, -1, NULL));
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GError) error = NULL;

		ck_assert(!vk_guard_hold(guard, guest, FALSE, 0, &error));
		ck_assert_ptr_nonnull(strstr(error->message, "nosuch:///here"));
	}
}
END_TEST

/* The lock is the guard's as long as it watches the guest. */
START_TEST(keeps_the_lock)
{
	g_autofree char *path =
		g_strdup_printf("%s/test-guard-%d.lock", g_get_tmp_dir(), (int)getpid());
	g_autoptr(VkGuard) guard = vk_guard_start(URI, TIMEOUT_SEC, NULL);
	int lock = open_lock(path), other = open_lock(path);

	ck_assert_ptr_nonnull(guard);
	ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
	ck_assert(vk_guard_add(guard, guest, lock, NULL));
	close(lock);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	vk_guard_remove(guard, guest);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	unlink(path);
}
END_TEST

/* The answer of a guard to TEXT. New string. */
static char *ask(int socket, const char *text)
{
	int descriptor;

	ck_assert(vk_guard_send(socket, text, -1, NULL));
	return vk_guard_receive(socket, &descriptor, NULL);
}

START_TEST(refuses_what_it_does_not_understand)
{
	static const char *const nonsense[] = {
		"{",
		"[]",
		"{}",
		"{\"do\":\"hold\"}",
		"{\"do\":1,\"uuid\":\"6695eb01-f6a4-8304-79aa-97f2502e193f\"}",
		"{\"do\":\"add\",\"uuid\":\"nobody\"}",
		"{\"do\":\"dance\",\"uuid\":\"6695eb01-f6a4-8304-79aa-97f2502e193f\"}",
		"{\"do\":\"hold\",\"uuid\":\"6695eb01-f6a4-8304-79aa-97f2502e193f\"}",
		"{\"do\":\"job\",\"uuid\":\"6695eb01-f6a4-8304-79aa-97f2502e193f\",\"files\":7}",
	};
	int pair[2], status = 0;
	g_autofree char *hello = NULL;
	g_autofree char *added = NULL;
	int descriptor;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], STDIN_FILENO);
		execl("/proc/self/exe", "virtkeep", VK_GUARD_COMMAND, URI, "5", NULL);
		_exit(127);
	}
	close(pair[1]);
	hello = vk_guard_receive(pair[0], &descriptor, NULL);
	ck_assert_str_eq(hello, "ok");
	added = ask(pair[0], "{\"do\":\"add\",\"uuid\":\"6695eb01-f6a4-8304-79aa-97f2502e193f\"}");
	ck_assert_str_eq(added, "ok");
	for (gsize i = 0; i < G_N_ELEMENTS(nonsense); i++) {
		g_autofree char *answer = ask(pair[0], nonsense[i]);

		ck_assert_msg(answer && strcmp(answer, "ok") != 0, "'%s' was taken", nonsense[i]);
	}
	close(pair[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("guard");
	TCase *tests = tcase_create("guard");
	SRunner *runner;
	int failed;

	if (argc > 1 && strcmp(argv[1], VK_GUARD_COMMAND) == 0)
		return vk_guard_main(argc - 1, argv + 1);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, takes_notice);
	tcase_add_test(tests, ends_with_its_engine);
	tcase_add_test(tests, tells_why_it_did_not_start);
	tcase_add_test(tests, keeps_the_lock);
	tcase_add_test(tests, refuses_what_it_does_not_understand);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
