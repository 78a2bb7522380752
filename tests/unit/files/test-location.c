/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people write for a path inside a guest. */
#include "location.h"

#include "errors.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *text, *snapshot, *volume, *path;
} good[] = {
	{"web", "web", NULL, "/"},
	{"web@latest", "web@latest", NULL, "/"},
	{"web@latest:/etc/fstab", "web@latest", NULL, "/etc/fstab"},
	{"web:vda2:/x", "web", "vda2", "/x"},
	{"web@2026-11-28T07:30:/x", "web@2026-11-28T07:30", NULL, "/x"},
	{"web@2026-11-28T07:30:vdc@home:/x", "web@2026-11-28T07:30", "vdc@home", "/x"},
	{"web:vg0/data:/x", "web", "vg0/data", "/x"},
	{"web:/a:/b", "web", NULL, "/a:/b"},
	{"web@2026-11-28T07:30", "web@2026-11-28T07:30", NULL, "/"},
};

START_TEST(takes_locations_apart)
{
	g_auto(VkLocation) location = {0};

	ck_assert(vk_location_parse(good[_i].text, &location, NULL));
	ck_assert_str_eq(location.snapshot, good[_i].snapshot);
	ck_assert_pstr_eq(location.volume, good[_i].volume);
	ck_assert_str_eq(location.path, good[_i].path);
}
END_TEST

START_TEST(refuses_what_names_no_snapshot)
{
	static const char *const texts[] = {"", ":/etc"};
	g_auto(VkLocation) location = {0};
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_location_parse(texts[_i], &location, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
}
END_TEST

START_TEST(finds_the_directory)
{
	static const struct {
		const char *path, *directory;
	} ways[] = {
		{"/", "/"},           {"/etc", "/"},          {"/etc/", "/"},       {"///", "/"},
		{"/srv/etc", "/srv"}, {"/srv/etc//", "/srv"}, {"/srv//e/", "/srv"},
	};
	g_autofree char *path = g_strdup(ways[_i].path);
	const VkLocation location = {.path = path};
	g_autofree char *directory = vk_location_directory(&location);

	ck_assert_str_eq(directory, ways[_i].directory);
}
END_TEST

START_TEST(takes_several)
{
	g_auto(GStrv) words = g_strsplit("web:/a web:/b :/c", " ", -1);
	g_autoptr(GPtrArray) two = vk_locations_parse(words, 2, NULL);

	ck_assert_uint_eq(two->len, 2);
	ck_assert_str_eq(((VkLocation *)g_ptr_array_index(two, 1))->path, "/b");
	ck_assert_ptr_null(vk_locations_parse(words, 3, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("location");
	TCase *cases = tcase_create("location");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, takes_locations_apart, 0, G_N_ELEMENTS(good));
	tcase_add_loop_test(cases, refuses_what_names_no_snapshot, 0, 2);
	tcase_add_loop_test(cases, finds_the_directory, 0, 7);
	tcase_add_test(cases, takes_several);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
