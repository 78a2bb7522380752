/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Applying plans: what is not touched when it cannot be. */
#include "apply-priv.h"

#include "errors.h"
#include "guest-lock.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

#define UUID "8f5a2c1e-0d3b-4c6f-9a77-1f2e3d4c5b6a"

static GError *error;

/* Only then would a guest that was shut down for it be left off. */
START_TEST(a_device_that_cannot_be_opened_was_not_overwritten)
{
	static char device[] = "/dev/vk-none", name[] = "vda", reference[] = "web@then";
	g_autoptr(VkSwap) swap = vk_swap_new("20261122T201405Z", NULL);
	VkRestoreItem item = {
		.name = name, .path = device, .text = "new", .place.kind = VK_PLACE_BLOCK};
	VkRestorePlan plan = {.reference = reference, .items = g_ptr_array_new()};

	item.place.path = device;
	g_ptr_array_add(plan.items, &item);
	ck_assert(!vk_apply_items(&plan, NULL, swap, TRUE, &error));
	ck_assert_msg(strstr(error->message, device) != NULL, "%s", error->message);
	ck_assert(!vk_swap_has_overwritten(swap));
	g_ptr_array_unref(plan.items);
}
END_TEST

/* A backup, or another restore, has it. */
START_TEST(a_guest_that_is_locked_is_left_alone)
{
	static char guest[] = "web", uuid[] = UUID;
	g_autofree char *run_dir = g_dir_make_tmp("vk-apply-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(run_dir, UUID ".lock", NULL);
	g_autoptr(VkLazyHost) host = vk_lazy_host_new("test:///default");
	g_autoptr(VkGuestLock) lock = vk_guest_lock_take(run_dir, UUID, guest, NULL);
	VkRestorePlan plan = {
		.kind = _i ? VK_RESTORE_IN_PLACE : VK_RESTORE_GUEST, .guest = guest, .uuid = uuid};
	VkApplyTools tools = {.host = host, .run_dir = run_dir, .shutdown_timeout_sec = 1};
	gboolean started;

	ck_assert_ptr_nonnull(lock);
	ck_assert(!vk_apply(&plan, &tools, &started, &error));
	ck_assert_msg(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY), "%s", error->message);
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert_int_eq(g_rmdir(run_dir), 0);
}
END_TEST

static void clear(void)
{
	g_clear_error(&error);
}

int main(void)
{
	Suite *suite = suite_create("apply");
	TCase *cases = tcase_create("apply");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, NULL, clear);
	tcase_add_test(cases, a_device_that_cannot_be_opened_was_not_overwritten);
	tcase_add_loop_test(cases, a_guest_that_is_locked_is_left_alone, 0, 2);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
