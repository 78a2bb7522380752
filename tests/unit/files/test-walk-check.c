/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a hostile appliance may say about entries. */
#include "walk-check.h"

#include "errors.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static VkWalkCheck *check;
static VkMessage message;

static void set_up(void)
{
	check = vk_walk_check_new();
	message = (VkMessage){0};
}

static void tear_down(void)
{
	vk_walk_check_free(check);
	vk_message_clear(&message);
}

static VkBody body_of(void)
{
	vk_message_end(&message);
	ck_assert(!message.failed);
	return (VkBody){.at = message.bytes + VK_MESSAGE_HEAD,
			.left = message.length - VK_MESSAGE_HEAD};
}

static gboolean take(const VkEntryReport *report, VkEntry *ret)
{
	g_autoptr(GError) error = NULL;
	VkBody body;
	gboolean ok;

	vk_message_begin(&message, VK_MESSAGE_ENTRY);
	vk_message_put_entry(&message, report);
	body = body_of();
	ok = vk_walk_check_entry(check, &body, ret, &error);
	ck_assert(ok == (error == NULL));
	return ok;
}

static gboolean passes(const VkEntryReport *report)
{
	VkEntry entry;
	gboolean ok = take(report, &entry);

	vk_entry_clear(&entry);
	return ok;
}

static gboolean has_fault(const VkEntryReport *report)
{
	VkEntry entry;
	gboolean faulty;

	ck_assert(take(report, &entry));
	faulty = vk_entry_fault(&entry) != NULL;
	vk_entry_clear(&entry);
	return faulty;
}

static VkEntryReport file_at(const char *path, gsize length)
{
	return (VkEntryReport){.path = {(const guint8 *)path, length}, .mode = S_IFREG | 0644};
}

static const struct {
	const char *path;
	gsize length;
	gboolean passes;
} paths[] = {
	{"", 0, TRUE},      {"a", 1, TRUE},         {"a/b", 3, TRUE},      {"...", 3, TRUE},
	{"a/..b", 5, TRUE}, {"new\nline", 8, TRUE}, {"\xff\xfe", 2, TRUE}, {"/", 1, FALSE},
	{"/etc", 4, FALSE}, {".", 1, FALSE},        {"..", 2, FALSE},      {"a/..", 4, FALSE},
	{"../a", 4, FALSE}, {"a/./b", 5, FALSE},    {"a//b", 4, FALSE},    {"a/", 2, FALSE},
	{"a\0b", 3, FALSE},
};

START_TEST(paths_lead_nowhere_else)
{
	const VkEntryReport report = file_at(paths[_i].path, paths[_i].length);

	ck_assert(passes(&report) == paths[_i].passes);
}
END_TEST

START_TEST(names_have_a_bound)
{
	g_autofree char *name = g_strnfill(1025, 'x');
	const VkEntryReport longest = file_at(name, 1024);
	const VkEntryReport longer = file_at(name, 1025);

	ck_assert(passes(&longest));
	ck_assert(!passes(&longer));
}
END_TEST

START_TEST(impossible_entries_have_a_fault)
{
	VkEntryReport report = file_at("a", 1);

	ck_assert(!has_fault(&report));
	report.mode = 0644;
	ck_assert(has_fault(&report));
	report.mode = S_IFREG | 0200000;
	ck_assert(has_fault(&report));
	report = file_at("a", 1);
	report.size = G_MAXUINT64;
	ck_assert(has_fault(&report));
}
END_TEST

START_TEST(an_impossible_time_is_corrected)
{
	VkEntryReport report = file_at("a", 1);
	VkEntry entry;

	report.mtime_sec = 5;
	report.mtime_nsec = 1000000000;
	ck_assert(take(&report, &entry));
	ck_assert_int_eq(entry.mtime_sec, 5);
	ck_assert_uint_eq(entry.mtime_nsec, 0);
	vk_entry_clear(&entry);
}
END_TEST

START_TEST(links_alone_have_targets)
{
	VkEntryReport report = file_at("a", 1);

	report.target = (VkBytes){(const guint8 *)"x", 1};
	ck_assert(!passes(&report));
	report.mode = S_IFLNK | 0777;
	ck_assert(passes(&report));
	report.target = (VkBytes){(const guint8 *)"x\0y", 3};
	ck_assert(!passes(&report));
}
END_TEST

static gboolean bytes_pass(guint64 offset, gsize length)
{
	g_autofree guint8 *bytes = g_malloc0(length + 1);
	guint64 got;
	VkBytes view;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_DATA);
	vk_message_put_u64(&message, offset);
	vk_message_put_bytes(&message, bytes, length);
	body = body_of();
	return vk_walk_check_bytes(check, &body, &got, &view, NULL);
}

START_TEST(bytes_lie_within_their_file)
{
	VkEntryReport report = file_at("a", 1);

	ck_assert(!bytes_pass(0, 1));
	report.size = 10;
	ck_assert(passes(&report));
	ck_assert(!bytes_pass(0, 11));
	ck_assert(!bytes_pass(11, 1));
	ck_assert(!bytes_pass(G_MAXUINT64, 2));
	ck_assert(!bytes_pass(0, 0));
	ck_assert(bytes_pass(0, 4));
	ck_assert(!bytes_pass(3, 1));
	ck_assert(bytes_pass(6, 4));
	report.mode = S_IFDIR | 0755;
	ck_assert(passes(&report));
	ck_assert(!bytes_pass(0, 1));
}
END_TEST

static gboolean ranges_pass(guint64 offset, guint64 length, guint64 next)
{
	guint64 got_offset, got_length;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_RANGES);
	vk_message_put_u64(&message, offset);
	vk_message_put_u64(&message, length);
	vk_message_put_u64(&message, next);
	vk_message_put_u64(&message, 1);
	body = body_of();
	for (guint i = 0; i < 2; i++)
		if (!vk_walk_check_range(check, &body, &got_offset, &got_length, NULL))
			return FALSE;
	ck_assert_uint_eq(got_offset, next);
	ck_assert_uint_eq(got_length, 1);
	return vk_walk_check_range(check, &body, &got_offset, &got_length, NULL) && !got_length;
}

START_TEST(ranges_lie_within_their_file)
{
	VkEntryReport report = file_at("a", 1);

	for (guint i = 0; i < 7; i++) {
		static const guint64 wrong[][3] = {
			{0, 10, 10}, {0, 11, 9},  {5, 1, 4},           {5, 1, 5},
			{5, 0, 6},   {11, 1, 12}, {G_MAXUINT64, 2, 3},
		};

		report.size = 10;
		ck_assert(passes(&report));
		ck_assert_msg(!ranges_pass(wrong[i][0], wrong[i][1], wrong[i][2]), "range %u", i);
	}
	ck_assert(passes(&report));
	ck_assert(ranges_pass(0, 5, 9));
}
END_TEST

/* Whatever comes: no crash, and what passes is safe to join. */
START_TEST(random_bodies_do_no_harm)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(7);

	for (guint round = 0; round < 20000; round++) {
		gsize length = (gsize)g_rand_int_range(random, 0, 200);
		g_autofree guint8 *bytes = g_malloc(MAX(length, 1));
		VkBody body = {.at = bytes, .left = length};
		VkEntry entry;

		for (gsize i = 0; i < length; i++)
			bytes[i] = g_rand_int_range(random, 0, 3) ? 0 : (guint8)g_rand_int(random);
		if (vk_walk_check_entry(check, &body, &entry, NULL))
			ck_assert(!strstr(entry.path, "..") && entry.path[0] != '/');
		vk_entry_clear(&entry);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("walk-check");
	TCase *cases = tcase_create("walk-check");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, paths_lead_nowhere_else, 0, G_N_ELEMENTS(paths));
	tcase_add_test(cases, names_have_a_bound);
	tcase_add_test(cases, impossible_entries_have_a_fault);
	tcase_add_test(cases, an_impossible_time_is_corrected);
	tcase_add_test(cases, links_alone_have_targets);
	tcase_add_test(cases, bytes_lie_within_their_file);
	tcase_add_test(cases, ranges_lie_within_their_file);
	tcase_add_test(cases, random_bodies_do_no_harm);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
