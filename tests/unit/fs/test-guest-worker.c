/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a mount makes of a vault and an appliance that fail for a while. */
#include "guest-worker.h"

#include "appliance-bed.h"
#include "errors.h"
#include "guest-node.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More than the appliances that may end by themselves. */
#define OFTEN 10

static VkGuestWorker *worker;
static VkVolumeKeys *no_keys;
static char etc[] = "/etc";

static void set_up(void)
{
	static char run_dir[4096];
	static const VkMachineKind kind = {.machine = "auto"};

	appliance_bed_set_up();
	no_keys = vk_volume_keys_new(NULL, NULL);
	g_snprintf(run_dir, sizeof(run_dir), "%s/run", appliance_bed.directory);
	worker = vk_guest_worker_new(appliance_bed.vault, appliance_bed.reference, run_dir, &kind,
				     no_keys, 600, NULL);
	ck_assert_ptr_nonnull(worker);
}

static void tear_down(void)
{
	vk_guest_worker_free(worker);
	vk_volume_keys_free(no_keys);
	appliance_bed_tear_down();
}

static gboolean read_nothing(VkGuestFiles *files, gpointer path, GError **error)
{
	const VkPlace place = {.path = path};
	guint8 byte;

	return vk_guest_node_read(files, &place, 0, &byte, 1, error);
}

static void expect_of(char *path, VkErrorCode code)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_guest_worker_call(worker, read_nothing, path, &error));
	ck_assert_msg(g_error_matches(error, VK_ERROR, (gint)code), "%d: %s", error->code,
		      error->message);
}

static void expect(VkErrorCode code)
{
	expect_of(etc, code);
}

static void expect_alive(void)
{
	appliance_bed.failure = 0;
	appliance_bed.dies = appliance_bed.refuses = FALSE;
	ck_assert(vk_guest_worker_call(worker, read_nothing, etc, NULL));
}

START_TEST(says_what_is_not_there)
{
	appliance_bed.failure = ENOENT;
	expect(VK_ERROR_NOT_FOUND);
	ck_assert_uint_eq(appliance_bed.starts, 1);
}
END_TEST

START_TEST(looks_again_after_an_outage_of_the_vault)
{
	for (guint i = 0; i < OFTEN; i++) {
		appliance_bed.failure = ENOENT;
		appliance_bed.trouble = VK_ERROR_FAILED;
		expect(VK_ERROR_FAILED);
		expect_alive();
		ck_assert_uint_eq(appliance_bed.starts, i + 2);
	}
}
END_TEST

START_TEST(does_not_count_appliances_that_an_outage_ends)
{
	for (guint i = 0; i < OFTEN; i++) {
		expect_alive();
		appliance_bed.dies = TRUE;
		appliance_bed.trouble = VK_ERROR_FAILED;
		expect(VK_ERROR_FAILED);
	}
	expect_alive();
}
END_TEST

START_TEST(looks_again_for_a_place_that_was_there)
{
	appliance_bed.failure = VK_MESSAGE_NO_PLACE;
	for (guint i = 0; i < OFTEN; i++)
		expect(VK_ERROR_FAILED);
	ck_assert_uint_eq(appliance_bed.starts, OFTEN);
	expect_alive();
}
END_TEST

START_TEST(does_not_count_appliances_that_do_not_start)
{
	appliance_bed.dies = TRUE;
	expect(VK_ERROR_FAILED);
	appliance_bed.refuses = TRUE;
	for (guint i = 0; i < OFTEN; i++)
		expect(VK_ERROR_FAILED);
	expect_alive();
}
END_TEST

START_TEST(gives_up_one_that_ends_again_and_again)
{
	appliance_bed.dies = TRUE;
	for (guint i = 0; i < OFTEN; i++)
		expect(VK_ERROR_FAILED);
	ck_assert_uint_eq(appliance_bed.starts, 4);
}
END_TEST

START_TEST(keeps_the_appliance_after_too_long_a_path)
{
	g_autofree char *path = g_strnfill(VK_MESSAGE_MAX, 'x');

	for (guint i = 0; i < OFTEN; i++)
		expect_of(path, VK_ERROR_USAGE);
	ck_assert_uint_eq(appliance_bed.questions, 0);
	expect_alive();
	ck_assert_uint_eq(appliance_bed.starts, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest-worker");
	TCase *tcase = tcase_create("outages");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, says_what_is_not_there);
	tcase_add_test(tcase, looks_again_after_an_outage_of_the_vault);
	tcase_add_test(tcase, does_not_count_appliances_that_an_outage_ends);
	tcase_add_test(tcase, looks_again_for_a_place_that_was_there);
	tcase_add_test(tcase, does_not_count_appliances_that_do_not_start);
	tcase_add_test(tcase, gives_up_one_that_ends_again_and_again);
	tcase_add_test(tcase, keeps_the_appliance_after_too_long_a_path);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
