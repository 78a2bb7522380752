/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files with several names, of which a guest may never show the others. */
#include "copy-names.h"

#include <check.h>
#include <stdlib.h>

static char first[] = "first";
static const VkWrittenFile file = {.path = first, .device = 3, .inode = 4};

START_TEST(a_file_is_found_until_its_last_name)
{
	g_autoptr(VkCopyNames) names = vk_copy_names_new(10);
	const VkFileId id = {.device = 1, .inode = 2, .links = 3};
	const VkFileId other = {.device = 2, .inode = 2, .links = 3};

	ck_assert(vk_copy_names_add(names, &id, &file));
	ck_assert_ptr_null(vk_copy_names_find(names, &other));
	for (guint i = 0; i < 2; i++) {
		const VkWrittenFile *found = vk_copy_names_find(names, &id);

		ck_assert_ptr_nonnull(found);
		ck_assert_str_eq(found->path, first);
		ck_assert_uint_eq(found->device, 3);
		ck_assert_uint_eq(found->inode, 4);
		vk_copy_names_pass(names, &id);
	}
	ck_assert_ptr_null(vk_copy_names_find(names, &id));
}
END_TEST

START_TEST(not_more_are_remembered)
{
	g_autoptr(VkCopyNames) names = vk_copy_names_new(2);
	VkFileId id = {.device = 1, .links = 2};

	for (; id.inode < 2; id.inode++)
		ck_assert(vk_copy_names_add(names, &id, &file));
	ck_assert(!vk_copy_names_add(names, &id, &file));
	ck_assert_ptr_null(vk_copy_names_find(names, &id));
	/* One has all its names: there is room again. */
	id.inode = 0;
	vk_copy_names_pass(names, &id);
	id.inode = 2;
	ck_assert(vk_copy_names_add(names, &id, &file));
	vk_copy_names_clear(names);
	ck_assert_ptr_null(vk_copy_names_find(names, &id));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("copy-names");
	TCase *cases = tcase_create("copy-names");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, a_file_is_found_until_its_last_name);
	tcase_add_test(cases, not_more_are_remembered);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
