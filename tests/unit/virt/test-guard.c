/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard's protocol, with libvirt's test driver, which lives in each process. What the guard
 * does to guests is shown on real ones. The program is its own guard.
 */
#include "guard-process.h"
#include "guard.h"
#include "guard-socket.h"
#include "host.h"
#include "json.h"
#include "quiesce.h"
#include "temp-vault.h"

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

/* A guest that the guard's own libvirt does not know. Its files are in DIRECTORY. */
static VkHost *open_other(const char *directory)
{
	static const char node[] =
		"<node><domain type='test'><name>other</name>"
		"<uuid>11111111-2222-3333-4444-555555555555</uuid><memory>1024</memory>"
		"<os><type>hvm</type></os></domain></node>";
	g_autofree char *path = g_build_filename(directory, "node.xml", NULL);
	g_autofree char *uri = g_strconcat("test://", path, NULL);
	VkHost *other;

	ck_assert(g_file_set_contents(path, node, -1, NULL));
	other = vk_host_open(uri, NULL);
	ck_assert_ptr_nonnull(other);
	return other;
}

/* Whoever was added before it, or is added after it, is under watch. */
START_TEST(tells_why_a_guest_is_not_under_watch)
{
	g_autofree char *directory = temp_directory_new();
	g_autoptr(VkHost) other = open_other(directory);
	g_autoptr(VkGuest) stranger = vk_host_find(other, "other", NULL);
	g_autoptr(VkGuard) guard = vk_guard_start(URI, TIMEOUT_SEC, NULL);
	gint64 far = g_get_monotonic_time() + G_TIME_SPAN_HOUR;

	ck_assert_ptr_nonnull(stranger);
	ck_assert(vk_guard_add(guard, stranger, -1, NULL));
	ck_assert(vk_guard_add(guard, guest, -1, NULL));
	ck_assert(vk_guard_await(guard, guest, NULL));
	ck_assert(vk_guard_hold(guard, guest, VK_HOLD_NONE, far, NULL));
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GError) error = NULL;
		gboolean ok = i ? vk_guard_hold(guard, stranger, VK_HOLD_NONE, far, &error)
				: vk_guard_await(guard, stranger, &error);

		ck_assert(!ok);
		ck_assert_ptr_nonnull(strstr(error->message, "guest 'other': the guard: "));
		ck_assert_ptr_null(strstr(error->message, "not under watch"));
	}
	temp_directory_remove(directory);
}
END_TEST

/* Their answers are more than the socket holds. */
START_TEST(takes_many_guests)
{
	g_autoptr(VkGuard) guard = vk_guard_start(URI, TIMEOUT_SEC, NULL);

	for (guint i = 0; i < 2000; i++)
		ck_assert(vk_guard_add(guard, guest, -1, NULL));
	ck_assert(vk_guard_await(guard, guest, NULL));
}
END_TEST

/*
 * A guard that needs some time for each guest. It objects to a hold whose time has begun before it
 * was ready, for the guest would not have all of its budget.
 */
#define SLOW_URI    "slow:///"
#define SLOW_USEC   (200 * G_TIME_SPAN_MILLISECOND)
#define BUDGET_USEC G_TIME_SPAN_HOUR

static int serve_slowly(void)
{
	const char *answer = "ok";
	gint64 ready = 0;

	while (vk_guard_send(STDIN_FILENO, answer, -1, NULL)) {
		int descriptor;
		g_autofree char *text = vk_guard_receive(STDIN_FILENO, &descriptor, NULL);
		g_autoptr(json_t) message =
			text ? vk_json_parse(text, strlen(text), "message", NULL) : NULL;
		json_int_t deadline = json_integer_value(json_object_get(message, "deadline"));

		if (!text)
			break;
		if (strstr(text, "\"" VK_GUARD_ADD "\"")) {
			g_usleep(SLOW_USEC);
			ready = g_get_monotonic_time();
		}
		answer = deadline && deadline < ready + BUDGET_USEC ? "the hold began too early"
								    : "ok";
	}
	return 0;
}

START_TEST(waiting_for_it_is_no_pause)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkGuard) guard = vk_guard_start(SLOW_URI, TIMEOUT_SEC, NULL);
	VkQuiesceOptions options = {.mode = VK_QUIESCE_SUSPEND,
				    .budget_usec = BUDGET_USEC,
				    .deadline = G_MAXINT64 / 2,
				    .guard = guard};
	g_autoptr(VkQuiesce) quiesce = NULL;

	ck_assert_ptr_nonnull(guard);
	/* Longer than the guard lets a guest have more than its budget. */
	for (guint i = 0; i < 12; i++)
		ck_assert(vk_guard_add(guard, guest, -1, NULL));
	quiesce = vk_quiesce_begin(guest, &options, &error);
	ck_assert_msg(quiesce != NULL, "%s", error ? error->message : "");
	ck_assert(vk_quiesce_end(quiesce, NULL));
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
		return strcmp(argv[2], SLOW_URI) == 0 ? serve_slowly()
						      : vk_guard_main(argc - 1, argv + 1);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, takes_notice);
	tcase_add_test(tests, ends_with_its_engine);
	tcase_add_test(tests, tells_why_it_did_not_start);
	tcase_add_test(tests, tells_why_a_guest_is_not_under_watch);
	tcase_add_test(tests, takes_many_guests);
	tcase_add_test(tests, waiting_for_it_is_no_pause);
	tcase_add_test(tests, keeps_the_lock);
	tcase_add_test(tests, refuses_what_it_does_not_understand);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
