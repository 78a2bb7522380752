/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An appliance that gives signs of life, and no answer, and what its kernel says then. Its process
 * is a pipe, its clock is ours.
 */
#include "appliance.h"

#include "disk-server.h"
#include "errors.h"
#include "machine.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static VkSandboxed sandboxed;
/* In place of GLib's clock. */
static gint64 now;
static gint64 tick; /* microseconds that each look at the clock takes */

gint64 g_get_monotonic_time(void)
{
	return now += tick;
}

VkSandboxed *vk_machine_start(const VkMachineKind *kind, guint count, guint64 memory,
			      GError **error)
{
	return &sandboxed;
}

int vk_sandboxed_take_disks(VkSandboxed *taken, guint timeout_sec, GError **error)
{
	return 0;
}

gboolean vk_sandboxed_go(VkSandboxed *started, GError **error)
{
	return TRUE;
}

void vk_sandboxed_kill(VkSandboxed *killed)
{
}

void vk_sandboxed_free(VkSandboxed *freed)
{
}

char *vk_sandboxed_helper(const char *folder, const char *name)
{
	return NULL;
}

VkSandboxed *vk_sandboxed_start(const char *const *program, const VkSandboxedFiles *files,
				guint64 memory, GError **error)
{
	return NULL;
}

VkDiskServer *vk_disk_server_new(int fd, const GPtrArray *overlays, GError **error)
{
	return (VkDiskServer *)&sandboxed;
}

void vk_disk_server_free(VkDiskServer *server)
{
}

const GError *vk_disk_server_trouble(VkDiskServer *server)
{
	return NULL;
}

static void say(int fd, VkMessageType type)
{
	VkMessage message = {0};

	vk_message_begin(&message, type);
	if (type == VK_MESSAGE_HELLO) {
		vk_message_put_u32(&message, VK_MESSAGE_VERSION);
		vk_message_put_text(&message, "6.1");
	}
	vk_message_end(&message);
	ck_assert_int_eq(write(fd, message.bytes, message.length), (ssize_t)message.length);
	vk_message_clear(&message);
}

/* What reads TEXT. */
static int new_console(const char *text)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
	close(fds[1]);
	return fds[0];
}

/*
 * One whose kernel prints WORDS, and that answers after so many signs of life, SECONDS from each
 * other.
 */
static VkAppliance *start(const char *words, guint signs, guint seconds)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	const VkMachineKind kind = {.machine = "auto"};
	VkAppliance *appliance;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	sandboxed = (VkSandboxed){
		.to = open("/dev/null", O_WRONLY), .from = fds[0], .console = new_console(words)};
	say(fds[1], VK_MESSAGE_HELLO);
	say(fds[1], VK_MESSAGE_DONE);
	for (guint i = 0; i < signs; i++)
		say(fds[1], VK_MESSAGE_ALIVE);
	say(fds[1], VK_MESSAGE_DONE);
	close(fds[1]);
	appliance = vk_appliance_start(&kind, none, none, 0, NULL);
	ck_assert_ptr_nonnull(appliance);
	tick = seconds * G_TIME_SPAN_SECOND;
	return appliance;
}

START_TEST(waits_for_a_slow_answer)
{
	g_autoptr(VkAppliance) appliance = start("", 120, 5);
	VkMessageType type;
	VkBody body;

	ck_assert(vk_appliance_receive(appliance, &type, &body, NULL));
	ck_assert_int_eq(type, VK_MESSAGE_DONE);
}
END_TEST

START_TEST(does_not_wait_for_signs_of_life_without_end)
{
	g_autoptr(VkAppliance) appliance = start("", 200, 5);
	g_autoptr(GError) error = NULL;
	VkMessageType type;
	VkBody body;

	ck_assert(!vk_appliance_receive(appliance, &type, &body, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
}
END_TEST

/* Asserts that it fails after the signs of life, and says TEXT. */
static void expect_last_words(const char *console, guint signs, guint seconds, const char *text)
{
	g_autoptr(VkAppliance) appliance = start(console, signs, seconds);
	g_autoptr(GError) error = NULL;
	VkMessageType type;
	VkBody body;

	while (vk_appliance_receive(appliance, &type, &body, &error))
		;
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_str_eq(error->message, text);
}

START_TEST(says_that_its_kernel_has_crashed)
{
	expect_last_words("VFS: one\nKernel panic - not syncing: Aiee\n\nCall Trace:\n ? foo\n", 0,
			  0,
			  "the kernel of the appliance has crashed, by what it read of the disks "
			  "or by a fault of its own: Aiee");
}
END_TEST

START_TEST(says_what_its_kernel_said_last)
{
	expect_last_words("one\n two \n\n", 0, 0,
			  "the appliance ended unexpectedly; its last words: two");
	expect_last_words("", 0, 0, "the appliance ended unexpectedly");
	expect_last_words("XFS hangs\n", 200, 5,
			  "the appliance gave no answer for 660 s; its last words: XFS hangs");
}
END_TEST

START_TEST(waits_two_minutes_for_the_kernel)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	const VkMachineKind kind = {.machine = "auto"};
	g_autoptr(GError) error = NULL;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	sandboxed = (VkSandboxed){
		.to = open("/dev/null", O_WRONLY), .from = fds[0], .console = new_console("one")};
	tick = 100 * G_TIME_SPAN_SECOND;
	ck_assert_ptr_null(vk_appliance_start(&kind, none, none, 0, &error));
	ck_assert_str_eq(error->message,
			 "the appliance gave no answer for 120 s; its last words: one");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("appliance");
	TCase *tcase = tcase_create("answers");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, waits_for_a_slow_answer);
	tcase_add_test(tcase, does_not_wait_for_signs_of_life_without_end);
	tcase_add_test(tcase, says_that_its_kernel_has_crashed);
	tcase_add_test(tcase, says_what_its_kernel_said_last);
	tcase_add_test(tcase, waits_two_minutes_for_the_kernel);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
