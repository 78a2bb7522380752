/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a copy is going to write. */
#include "copy-sum.h"

#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>

static void put(const VkWalkCalls *calls, guint64 inode, guint32 links)
{
	const VkEntry entry = {.mode = S_IFREG | 0644, .links = links, .inode = inode, .size = 1};

	ck_assert(calls->entry(calls->data, &entry, NULL));
}

START_TEST(remembers_so_many_files_and_no_more)
{
	const guint last = 1000000;
	VkCopySum sum = {0};
	g_autoptr(VkCopySumming) summing = vk_copy_summing_new(&sum, G_MAXUINT64);
	const VkWalkCalls calls = vk_copy_summing_calls(summing);

	for (guint i = 0; i <= last; i++)
		put(&calls, i, 2);
	ck_assert_uint_eq(sum.bytes, last + 1);
	put(&calls, 0, 2);
	put(&calls, last - 1, 2);
	ck_assert_uint_eq(sum.bytes, last + 1);
	put(&calls, last, 2);
	ck_assert_uint_eq(sum.bytes, last + 2);
	ck_assert_uint_eq(sum.entries, last + 4);
}
END_TEST

START_TEST(ends_with_too_many_entries)
{
	VkCopySum sum = {0};
	g_autoptr(VkCopySumming) summing = vk_copy_summing_new(&sum, 2);
	const VkWalkCalls calls = vk_copy_summing_calls(summing);
	const VkEntry entry = {.mode = S_IFDIR | 0755, .links = 2};
	g_autoptr(GError) error = NULL;

	put(&calls, 1, 1);
	put(&calls, 2, 1);
	ck_assert(!calls.entry(calls.data, &entry, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_uint_eq(sum.entries, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("copy-sum");
	TCase *cases = tcase_create("copy-sum");
	SRunner *runner;
	int failed;

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, remembers_so_many_files_and_no_more);
	tcase_add_test(cases, ends_with_too_many_entries);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
