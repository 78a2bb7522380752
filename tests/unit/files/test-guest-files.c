/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a walk makes of an appliance that fails: only what is certain is "not there". */
#include "guest-files.h"

#include "appliance-bed.h"
#include "errors.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static VkGuestFiles *files;
static VkVolumeKeys *no_keys;

static void set_up(void)
{
	static const VkMachineKind kind = {.machine = "auto"};
	g_autofree char *run_dir = NULL;

	appliance_bed_set_up();
	no_keys = vk_volume_keys_new(NULL, NULL);
	run_dir = g_build_filename(appliance_bed.directory, "run", NULL);
	files = vk_guest_files_open(appliance_bed.vault, appliance_bed.reference, run_dir, &kind,
				    no_keys, NULL);
	ck_assert_ptr_nonnull(files);
}

static void tear_down(void)
{
	vk_guest_files_free(files);
	vk_volume_keys_free(no_keys);
	appliance_bed_tear_down();
}

static void expect(VkErrorCode code)
{
	const VkWalk walk = {.path = "/etc"};
	const VkWalkCalls calls = {0};
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_guest_files_walk(files, &walk, &calls, &error));
	ck_assert_msg(g_error_matches(error, VK_ERROR, (gint)code), "%d: %s", error->code,
		      error->message);
}

START_TEST(says_what_is_not_there)
{
	appliance_bed.failure = ENOENT;
	expect(VK_ERROR_NOT_FOUND);
	appliance_bed.failure = EIO;
	expect(VK_ERROR_FAILED);
}
END_TEST

START_TEST(does_not_take_damage_for_an_absence)
{
	appliance_bed.failure = ENOENT;
	appliance_bed.trouble = VK_ERROR_DAMAGE;
	expect(VK_ERROR_DAMAGE);
	appliance_bed.trouble = VK_ERROR_FAILED;
	expect(VK_ERROR_FAILED);
}
END_TEST

START_TEST(says_the_damage_that_ended_the_appliance)
{
	appliance_bed.dies = TRUE;
	appliance_bed.trouble = VK_ERROR_DAMAGE;
	expect(VK_ERROR_DAMAGE);
}
END_TEST

#define GIB ((guint64)1 << 30)

START_TEST(has_memory_for_a_key_slot_of_one_gib)
{
	static const VkMachineKind kind = {.machine = "auto"};
	g_autofree char *path = g_build_filename(appliance_bed.directory, "key", NULL);
	const char *const words[] = {path, NULL};
	g_autoptr(VkVolumeKeys) keys = NULL;
	VkGuestFiles *locked;

	ck_assert_uint_lt(appliance_bed.memory, GIB / 4);
	ck_assert(g_file_set_contents_full(path, "key", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	keys = vk_volume_keys_new(words, NULL);
	ck_assert_ptr_nonnull(keys);
	locked = vk_guest_files_open(appliance_bed.vault, appliance_bed.reference,
				     appliance_bed.directory, &kind, keys, NULL);
	ck_assert_ptr_nonnull(locked);
	ck_assert_uint_ge(appliance_bed.memory, GIB + GIB / 8);
	ck_assert_uint_lt(appliance_bed.memory, 2 * GIB);
	vk_guest_files_free(locked);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest-files");
	TCase *tcase = tcase_create("failures");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, says_what_is_not_there);
	tcase_add_test(tcase, does_not_take_damage_for_an_absence);
	tcase_add_test(tcase, says_the_damage_that_ended_the_appliance);
	tcase_add_test(tcase, has_memory_for_a_key_slot_of_one_gib);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
