/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which entries a search finds. */
#include "entry-filter.h"

#include "errors.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY 86400

static gboolean wants(const VkEntryFilter *filter, const char *path, guint32 mode, guint64 size,
		      gint64 time)
{
	const VkEntry entry = {.mode = mode, .size = size, .mtime_sec = time};

	return vk_entry_filter_wants(filter, &entry, path);
}

START_TEST(wants_names)
{
	VkEntryFilter filter = VK_ENTRY_FILTER_INIT;

	ck_assert(wants(&filter, "/", S_IFDIR, 0, -5));
	filter.glob = "*.conf";
	ck_assert(wants(&filter, "/etc/a.conf", S_IFREG, 0, 0));
	ck_assert(wants(&filter, "/etc/.conf", S_IFREG, 0, 0));
	ck_assert(!wants(&filter, "/a.conf/b", S_IFREG, 0, 0));
	filter.glob = "[ab]?";
	ck_assert(wants(&filter, "b1", S_IFREG, 0, 0));
	ck_assert(!wants(&filter, "c1", S_IFREG, 0, 0));
}
END_TEST

START_TEST(wants_types)
{
	VkEntryFilter filter = VK_ENTRY_FILTER_INIT;
	g_autoptr(GError) error = NULL;

	ck_assert(vk_entry_filter_set_type(&filter, NULL, NULL));
	ck_assert(wants(&filter, "a", S_IFIFO, 0, 0));
	ck_assert(vk_entry_filter_set_type(&filter, "l", NULL));
	ck_assert(wants(&filter, "a", S_IFLNK | 0777, 0, 0));
	ck_assert(!wants(&filter, "a", S_IFREG | 0777, 0, 0));
	ck_assert(!vk_entry_filter_set_type(&filter, "x", &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
}
END_TEST

static const struct {
	const char *text;
	guint64 size;
} sizes[] = {
	{"0", 0},        {"200", 200},       {"64K", 64 << 10},
	{"1m", 1 << 20}, {"3G", 3ull << 30}, {"2T", 2ull << 40},
};

START_TEST(takes_sizes)
{
	VkEntryFilter filter = VK_ENTRY_FILTER_INIT;

	ck_assert(vk_entry_filter_set_larger(&filter, NULL, NULL));
	ck_assert(wants(&filter, "a", S_IFREG, 0, 0));
	ck_assert(vk_entry_filter_set_larger(&filter, sizes[_i].text, NULL));
	ck_assert_uint_eq(filter.larger, sizes[_i].size);
	ck_assert(wants(&filter, "a", S_IFREG, sizes[_i].size + 1, 0));
	ck_assert(!wants(&filter, "a", S_IFREG, sizes[_i].size, 0));
	ck_assert(!wants(&filter, "a", S_IFDIR, sizes[_i].size + 1, 0));
}
END_TEST

START_TEST(refuses_sizes)
{
	static const char *const texts[] = {"", "K", "1X", "-1", "1.5G", "16777216T", "1 K"};
	VkEntryFilter filter = VK_ENTRY_FILTER_INIT;
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_entry_filter_set_larger(&filter, texts[_i], &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
}
END_TEST

START_TEST(takes_times)
{
	VkEntryFilter filter = VK_ENTRY_FILTER_INIT;
	g_autoptr(GError) error = NULL;

	ck_assert(vk_entry_filter_set_newer(&filter, "2d", 100 * DAY, NULL));
	ck_assert(wants(&filter, "a", S_IFREG, 0, 98 * DAY));
	ck_assert(!wants(&filter, "a", S_IFREG, 0, 98 * DAY - 1));
	ck_assert(vk_entry_filter_set_newer(&filter, "20010909T014640Z", 0, NULL));
	ck_assert(wants(&filter, "a", S_IFREG, 0, 1000000000));
	ck_assert(!wants(&filter, "a", S_IFREG, 0, 999999999));
	ck_assert(!vk_entry_filter_set_newer(&filter, "soon", 0, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("entry-filter");
	TCase *cases = tcase_create("entry-filter");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, wants_names);
	tcase_add_test(cases, wants_types);
	tcase_add_loop_test(cases, takes_sizes, 0, G_N_ELEMENTS(sizes));
	tcase_add_loop_test(cases, refuses_sizes, 0, 7);
	tcase_add_test(cases, takes_times);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
