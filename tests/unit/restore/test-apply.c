/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Applying plans: what is not touched when it cannot be, and what says what is missing. */
#include "apply-priv.h"

#include "errors.h"
#include "guest-lock.h"
#include "sink-copy.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

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
	VkApplied applied;

	ck_assert_ptr_nonnull(lock);
	ck_assert(!vk_apply(&plan, &tools, &applied, &error));
	ck_assert_msg(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY), "%s", error->message);
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert_int_eq(g_rmdir(run_dir), 0);
}
END_TEST

/* A disk in a directory, and the list beside it. */
typedef struct Bed {
	char *dir, *disk, *list;
	VkRestoreItem item;
	VkSwap *swap;
} Bed;

static void bed_init(Bed *bed, guint64 missing, const char *old_list, const char *old_mark)
{
	*bed = (Bed){.dir = g_dir_make_tmp("vk-apply-XXXXXX", NULL)};
	bed->disk = g_build_filename(bed->dir, "vda.raw", NULL);
	bed->list = g_strconcat(bed->disk, ".missing", NULL);
	bed->swap = vk_swap_new("20261122T201405Z", old_mark);
	bed->item = (VkRestoreItem){.place = {.path = bed->disk,
					      .format = "raw",
					      .size = 3,
					      .mode = 0600,
					      .uid = (uid_t)-1,
					      .gid = (gid_t)-1},
				    .exists = old_list != NULL,
				    .has_list = old_list != NULL,
				    .list_exists = old_list != NULL,
				    .missing = vk_missing_new()};
	if (missing > 0)
		vk_missing_add(bed->item.missing, 65536, missing);
	if (old_list) {
		ck_assert(g_file_set_contents(bed->disk, "old", -1, NULL));
		ck_assert(g_file_set_contents(bed->list, old_list, -1, NULL));
	}
}

/* Nothing is left in the directory but what is removed here. */
static void bed_clear(Bed *bed)
{
	g_autofree char *old_disk = g_strconcat(bed->disk, ".old", NULL);
	g_autofree char *old_list = g_strconcat(bed->list, ".old", NULL);

	vk_missing_free(bed->item.missing);
	g_unlink(bed->disk);
	g_unlink(bed->list);
	g_unlink(old_disk);
	g_unlink(old_list);
	ck_assert_int_eq(g_rmdir(bed->dir), 0);
	g_free(bed->dir);
	g_free(bed->disk);
	g_free(bed->list);
}

static void add_disk(Bed *bed)
{
	VkSink *sink = vk_sink_new(&bed->item.place, NULL);

	ck_assert_ptr_nonnull(sink);
	ck_assert(vk_sink_copy_text("new", sink, NULL));
	ck_assert(vk_apply_add(bed->swap, &bed->item, sink, NULL));
}

static void assert_content(const char *path, const char *expected)
{
	g_autofree char *content = NULL;

	ck_assert_msg(g_file_get_contents(path, &content, NULL, NULL), "'%s' is not there", path);
	ck_assert_str_eq(content, expected);
}

static const char *watched; /* the list that has to be there */

static gboolean commit_and_look(VkSink *sink, gboolean replace, GError **ret)
{
	assert_content(watched, "65536 512\n");
	return TRUE;
}

static gboolean fail_to_commit(VkSink *sink, gboolean replace, GError **ret)
{
	return vk_fail(ret, VK_ERROR_FAILED, "it does not take its place");
}

static void leave(VkSink *sink)
{
}

START_TEST(a_list_is_there_before_its_file)
{
	static const VkSinkOps ops = {.commit = commit_and_look, .free = leave};
	VkSink sink = {.ops = &ops};
	Bed bed;

	bed_init(&bed, 512, NULL, NULL);
	watched = bed.list;
	ck_assert(vk_apply_add(bed.swap, &bed.item, &sink, NULL));
	ck_assert_int_ne(access(bed.list, F_OK), 0);
	ck_assert(vk_swap_commit(bed.swap, NULL));
	ck_assert(vk_swap_keep(bed.swap, NULL));
	vk_swap_free(bed.swap);
	bed_clear(&bed);
}
END_TEST

/* Of a restore that fails later, as for its second disk. */
START_TEST(a_list_goes_and_comes_back_with_its_file)
{
	static const VkSinkOps ops = {.commit = fail_to_commit, .free = leave};
	static char path[] = "/dev/null";
	const guint64 missing = _i % 2 ? 512 : 0;
	const char *old_list = _i / 2 ? "0 65536\n" : NULL;
	VkRestoreItem other = {.place = {.path = path}};
	VkSink sink = {.ops = &ops};
	Bed bed;

	bed_init(&bed, missing, old_list, NULL);
	add_disk(&bed);
	vk_swap_add(bed.swap, &other, &sink);
	ck_assert(!vk_swap_commit(bed.swap, &error));
	vk_swap_free(bed.swap);
	ck_assert_int_eq(access(bed.disk, F_OK), old_list ? 0 : -1);
	ck_assert_int_eq(access(bed.list, F_OK), old_list ? 0 : -1);
	if (old_list) {
		assert_content(bed.disk, "old");
		assert_content(bed.list, old_list);
	}
	bed_clear(&bed);
}
END_TEST

START_TEST(an_old_list_stays_with_the_old_file_or_not_at_all)
{
	const guint64 missing = _i % 2 ? 512 : 0;
	const char *old_mark = _i / 2 ? ".old" : NULL;
	g_autofree char *kept = NULL;
	Bed bed;

	bed_init(&bed, missing, "0 65536\n", old_mark);
	kept = g_strconcat(bed.list, ".old", NULL);
	add_disk(&bed);
	ck_assert(vk_swap_commit(bed.swap, NULL));
	ck_assert(vk_swap_keep(bed.swap, NULL));
	vk_swap_free(bed.swap);
	assert_content(bed.disk, "new");
	ck_assert_int_eq(access(bed.list, F_OK), missing ? 0 : -1);
	ck_assert_int_eq(access(kept, F_OK), old_mark ? 0 : -1);
	if (missing)
		assert_content(bed.list, "65536 512\n");
	if (old_mark)
		assert_content(kept, "0 65536\n");
	bed_clear(&bed);
}
END_TEST

START_TEST(another_file_goes_only_for_a_list)
{
	const guint64 missing = _i % 2 ? 512 : 0;
	Bed bed;

	bed_init(&bed, missing, "notes\n", NULL);
	bed.item.has_list = FALSE;
	add_disk(&bed);
	ck_assert(vk_swap_commit(bed.swap, NULL));
	ck_assert(vk_swap_keep(bed.swap, NULL));
	vk_swap_free(bed.swap);
	assert_content(bed.disk, "new");
	assert_content(bed.list, missing ? "65536 512\n" : "notes\n");
	bed_clear(&bed);
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
	tcase_add_test(cases, a_list_is_there_before_its_file);
	tcase_add_loop_test(cases, a_list_goes_and_comes_back_with_its_file, 0, 4);
	tcase_add_loop_test(cases, an_old_list_stays_with_the_old_file_or_not_at_all, 0, 4);
	tcase_add_loop_test(cases, another_file_goes_only_for_a_list, 0, 2);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
