/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-lock.h"

#include "errors.h"

#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UUID "8f5a2c1e-0d3b-4c6f-9a77-1f2e3d4c5b6a"

static char *run_dir;
static char *lock_path;

static void set_up(void)
{
	g_autofree char *top = g_dir_make_tmp("vk-lock-XXXXXX", NULL);

	ck_assert_ptr_nonnull(top);
	run_dir = g_build_filename(top, "run", NULL);
	lock_path = g_build_filename(run_dir, UUID ".lock", NULL);
}

static void tear_down(void)
{
	g_autofree char *top = g_path_get_dirname(run_dir);

	g_unlink(lock_path);
	g_rmdir(run_dir);
	ck_assert_int_eq(g_rmdir(top), 0);
	g_clear_pointer(&run_dir, g_free);
	g_clear_pointer(&lock_path, g_free);
}

static VkGuestLock *take(void)
{
	g_autoptr(GError) error = NULL;
	VkGuestLock *lock = vk_guest_lock_take(run_dir, UUID, "web", &error);

	ck_assert_msg(lock != NULL, "%s", error ? error->message : "");
	return lock;
}

/* Tries in vain, and returns what the error says. */
static char *take_busy(void)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_guest_lock_take(run_dir, UUID, "web", &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
	return g_strdup(error->message);
}

START_TEST(makes_a_private_directory)
{
	g_autoptr(VkGuestLock) lock = take();
	struct stat facts;

	ck_assert_int_eq(stat(run_dir, &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 07777, 0700);
}
END_TEST

START_TEST(excludes_a_second_one)
{
	g_autoptr(VkGuestLock) lock = take();
	g_autofree char *text = take_busy();
	g_autofree char *expected = g_strdup_printf(
		"guest 'web' is being backed up or restored by process %d: try again later",
		(int)getpid());

	ck_assert_str_eq(text, expected);
	g_clear_pointer(&lock, vk_guest_lock_free);
	lock = take();
}
END_TEST

START_TEST(leaves_other_guests_alone)
{
	g_autoptr(VkGuestLock) lock = take();
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(run_dir, "other.lock", NULL);
	g_autoptr(VkGuestLock) other = vk_guest_lock_take(run_dir, "other", "db", &error);

	ck_assert_ptr_nonnull(other);
	g_unlink(path);
}
END_TEST

START_TEST(knows_no_number_before_it_is_written)
{
	g_autoptr(VkGuestLock) lock = take();
	g_autofree char *text = NULL;

	ck_assert_int_eq(truncate(lock_path, 0), 0);
	text = take_busy();
	ck_assert_str_eq(
		text,
		"guest 'web' is being backed up or restored by another process: try again later");
}
END_TEST

START_TEST(ends_with_its_process)
{
	g_autofree char *text = NULL;
	g_autofree char *number = NULL;
	g_autoptr(VkGuestLock) lock = NULL;
	int ready[2];
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		VkGuestLock *held = vk_guest_lock_take(run_dir, UUID, "web", NULL);

		if (held && write(ready[1], "+", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	text = take_busy();
	number = g_strdup_printf("process %d:", (int)child);
	ck_assert_ptr_nonnull(strstr(text, number));

	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	lock = take();
}
END_TEST

START_TEST(hands_on_how_the_guest_was_left)
{
	g_autoptr(VkGuestLock) lock = take();

	ck_assert_int_eq(vk_guest_lock_left(lock), VK_HOLD_NONE);
	ck_assert(vk_guest_lock_set_hold(lock, VK_HOLD_SUSPENDED, NULL));
	g_clear_pointer(&lock, vk_guest_lock_free);
	lock = take();
	ck_assert_int_eq(vk_guest_lock_left(lock), VK_HOLD_SUSPENDED);
	/* Until it was released: the next may be killed before that, too. */
	g_clear_pointer(&lock, vk_guest_lock_free);
	lock = take();
	ck_assert_int_eq(vk_guest_lock_left(lock), VK_HOLD_SUSPENDED);
	ck_assert(vk_guest_lock_set_hold(lock, VK_HOLD_FROZEN, NULL));
	ck_assert(vk_guest_lock_set_hold(lock, VK_HOLD_NONE, NULL));
	g_clear_pointer(&lock, vk_guest_lock_free);
	lock = take();
	ck_assert_int_eq(vk_guest_lock_left(lock), VK_HOLD_NONE);
}
END_TEST

/* A guard clears the note of its dead engine, and the number stays for those who wait. */
START_TEST(is_cleared_by_its_guard)
{
	g_autoptr(VkGuestLock) lock = take();
	g_autoptr(VkGuestLock) guards = vk_guest_lock_adopt(dup(vk_guest_lock_fd(lock)));
	g_autofree char *text = NULL;

	ck_assert(vk_guest_lock_set_hold(lock, VK_HOLD_SUSPENDED, NULL));
	ck_assert(vk_guest_lock_set_hold(guards, VK_HOLD_NONE, NULL));
	g_clear_pointer(&lock, vk_guest_lock_free);
	g_clear_pointer(&guards, vk_guest_lock_free);
	lock = take();
	ck_assert_int_eq(vk_guest_lock_left(lock), VK_HOLD_NONE);
	text = take_busy();
	ck_assert_ptr_nonnull(strstr(text, "by process"));
}
END_TEST

START_TEST(says_where_it_cannot_lock)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_guest_lock_take("/dev/null/run", UUID, "web", &error));
	ck_assert_ptr_nonnull(strstr(error->message, "'/dev/null/run'"));
	ck_assert_int_eq(vk_exit_status(error), VK_ERROR_FAILED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest-lock");
	TCase *tests = tcase_create("guest-lock");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, makes_a_private_directory);
	tcase_add_test(tests, excludes_a_second_one);
	tcase_add_test(tests, leaves_other_guests_alone);
	tcase_add_test(tests, knows_no_number_before_it_is_written);
	tcase_add_test(tests, ends_with_its_process);
	tcase_add_test(tests, hands_on_how_the_guest_was_left);
	tcase_add_test(tests, is_cleared_by_its_guard);
	tcase_add_test(tests, says_where_it_cannot_lock);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
