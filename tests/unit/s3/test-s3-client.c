/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* s3-client.h and s3-probe.h against the stand-in, which runs this. */
#include "s3-bed.h"

#include "interrupt.h"
#include "s3-probe.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(what_was_put_is_got)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) all = NULL;
	g_auto(VkS3Facts) facts = {0};
	char part[3];

	expect(put("a/b", &error), error);
	all = vk_s3_get_all(s3, "a/b", 7, &error);
	expect(all && g_bytes_get_size(all) == 7, error);
	ck_assert(memcmp(g_bytes_get_data(all, NULL), "content", 7) == 0);
	expect(vk_s3_get(s3, "a/b", 3, part, 3, &error), error);
	ck_assert(memcmp(part, "ten", 3) == 0);
	expect(vk_s3_head(s3, "a/b", &facts, &error), error);
	ck_assert_uint_eq(facts.size, 7);
	ck_assert_int_le(ABS(facts.stored - g_get_real_time() / G_USEC_PER_SEC), 60);
	ck_assert(*facts.tag);
	expect(vk_s3_delete(s3, "a/b", &error), error);
	expect(vk_s3_delete(s3, "a/b", &error), error);
	ck_assert(!vk_s3_head(s3, "a/b", &facts, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_NOT_FOUND, "'a/b'");
}
END_TEST

START_TEST(empty_and_short_objects_are_what_they_are)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) all = NULL;
	char part[8];

	expect(vk_s3_put(s3, "empty", NULL, 0, FALSE, &error), error);
	all = vk_s3_get_all(s3, "empty", 7, &error);
	expect(all && g_bytes_get_size(all) == 0, error);
	expect(put("a", &error), error);
	ck_assert_ptr_null(vk_s3_get_all(s3, "a", 6, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "larger");
	ck_assert(!vk_s3_get(s3, "a", 0, part, 8, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "truncated");
	ck_assert(!vk_s3_get(s3, "a", 7, part, 1, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "truncated");
	set_faults("1 whole GET *");
	ck_assert(!vk_s3_get(s3, "a", 3, part, 3, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "part");
}
END_TEST

/* It is no reason to take the object for damaged. */
START_TEST(an_answer_that_is_cut_short_is_asked_for_again)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) all = NULL;
	char part[8];

	expect(put("a", &error), error);
	set_faults("1 short GET *");
	expect(vk_s3_get(s3, "a", 0, part, 7, &error), error);
	ck_assert(memcmp(part, "content", 7) == 0);
	set_faults("1 short GET *");
	all = vk_s3_get_all(s3, "a", 7, &error);
	expect(all && g_bytes_get_size(all) == 7, error);
	set_faults("- short GET *");
	ck_assert(!vk_s3_get(s3, "a", 0, part, 7, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "less than it has");
}
END_TEST

START_TEST(the_last_bytes_are_got_at_once)
{
	g_autoptr(GError) error = NULL;
	guint64 size;
	GBytes *tail;

	expect(put("a", &error), error);
	for (gsize length = 1; length < 9; length++) {
		gsize got = MIN(length, 7);

		if (length == 3)
			set_faults("1 short GET *");
		tail = vk_s3_get_tail(s3, "a", length, &size, &error);
		expect(tail != NULL, error);
		ck_assert_uint_eq(size, 7);
		ck_assert_uint_eq(g_bytes_get_size(tail), got);
		ck_assert(memcmp(g_bytes_get_data(tail, NULL), &"content"[7 - got], got) == 0);
		g_bytes_unref(tail);
	}
	set_faults("1 whole GET *");
	ck_assert_ptr_null(vk_s3_get_tail(s3, "a", 3, &size, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "part");
	expect(vk_s3_put(s3, "empty", "", 0, FALSE, &error), error);
	ck_assert_ptr_null(vk_s3_get_tail(s3, "empty", 3, &size, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "");
	ck_assert_ptr_null(vk_s3_get_tail(s3, "none", 3, &size, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_NOT_FOUND, "");
}
END_TEST

static void count(const char *name, const char *tag, gpointer data)
{
	guint *counts = data;

	counts[g_str_has_suffix(name, "/") ? 1 : 0]++;
}

/* The stand-in gives 1000 names at a time. */
START_TEST(listings_have_pages)
{
	g_autoptr(GError) error = NULL;
	guint flat[2] = {0}, deep[2] = {0}, none[2] = {0};
	g_autofree char *folder = g_build_filename(directory, "x", "y", NULL);

	ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
	for (guint i = 0; i < 2345; i++) {
		g_autofree char *path =
			g_strdup_printf("%s/x/%s%u", directory, i < 5 ? "y/" : "", i);
		FILE *file = fopen(path, "w");

		ck_assert_ptr_nonnull(file);
		fclose(file);
	}
	expect(vk_s3_list(s3, "x/", FALSE, count, flat, &error), error);
	ck_assert_uint_eq(flat[0], 2340);
	ck_assert_uint_eq(flat[1], 1);
	expect(vk_s3_list(s3, "", TRUE, count, deep, &error), error);
	ck_assert_uint_eq(deep[0], 2345);
	ck_assert_uint_eq(deep[1], 0);
	expect(vk_s3_list(s3, "nothing/", FALSE, count, none, &error), error);
	ck_assert_uint_eq(none[0] + none[1], 0);
}
END_TEST

/* An object that is there is not replaced, and it is known whose it is. */
START_TEST(an_answer_that_is_lost_does_not_matter)
{
	static const char *const faults[] = {"1 drop-after PUT *", "1 500-after PUT *",
					     "1 drop PUT *", "2 503 PUT *",
					     "1 code:400:RequestTimeout PUT *"};
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autofree char *name = g_strdup_printf("a%u", i);

		set_faults(faults[i]);
		expect(put(name, &error), error);
		ck_assert(!put(name, &error));
		expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, name);
	}
	ck_assert(vk_s3_is_slowed(s3));
	expect(vk_s3_put(s3, "a0", "other", 5, TRUE, &error), error);
}
END_TEST

/* Whoever takes it for another's would take back what is committed. */
START_TEST(what_became_of_a_put_is_never_guessed)
{
	g_autoptr(GError) error = NULL;

	set_faults("1 drop-after PUT *\n1 403 HEAD *");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "not known");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, "'a'");
	/* Each try was done, or none. With an interruption there is only one. */
	vk_set_interrupted(TRUE);
	set_faults("- 500-after PUT *");
	expect(put("b", &error), error);
	ck_assert(!put("a", &error));
	g_clear_error(&error);
	set_faults("- 500 PUT *");
	ck_assert(!put("c", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "not known");
	vk_set_interrupted(FALSE);
}
END_TEST

START_TEST(a_put_is_checked)
{
	g_autoptr(GError) error = NULL;
	g_auto(VkS3Facts) facts = {0};

	vk_s3_set_traits(s3, &(VkS3Traits){.has_condition = TRUE, .has_md5 = TRUE});
	set_faults("1 alter PUT *");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "other bytes");
	ck_assert(!vk_s3_head(s3, "a", &facts, NULL));
	set_faults("1 alter PUT *\n1 drop-after PUT *");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "other bytes");
	ck_assert(!vk_s3_head(s3, "a", &facts, NULL));
}
END_TEST

START_TEST(reads_are_tried_again)
{
	static const char *const faults[] = {"1 drop GET *", "1 cut GET *", "1 500 GET *",
					     "2 429 GET *"};
	g_autoptr(GError) error = NULL;

	expect(put("a", &error), error);
	for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autoptr(GBytes) all = NULL;

		set_faults(faults[i]);
		all = vk_s3_get_all(s3, "a", 7, &error);
		expect(all && g_bytes_get_size(all) == 7, error);
	}
}
END_TEST

/* A server that does not know the condition is asked first. */
START_TEST(a_server_may_lack_put_if_absent)
{
	g_autoptr(GError) error = NULL;

	set_faults("1 501 PUT *");
	expect(put("a", &error), error);
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, "'a'");
	expect(put("b", &error), error);
}
END_TEST

START_TEST(a_probe_finds_out_what_the_server_does)
{
	g_autoptr(GError) error = NULL;
	VkS3Traits traits = {0};
	guint left[2] = {0};

	expect(vk_s3_probe(s3, "tmp/", &traits, &error), error);
	ck_assert(traits.has_condition && traits.has_suffix && traits.has_md5);
	set_faults("- unconditional PUT *\n- whole GET *\n- retag * *");
	expect(vk_s3_probe(s3, "tmp/", &traits, &error), error);
	ck_assert(!traits.has_condition && !traits.has_suffix && !traits.has_md5);
	/* It knows them from now on. */
	set_faults("- unconditional PUT *\n- retag * *");
	expect(put("a", &error), error);
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, "'a'");
	expect(vk_s3_list(s3, "tmp/", FALSE, count, left, &error), error);
	ck_assert_uint_eq(left[0], 0);
	set_faults("- stale GET *");
	ck_assert(!vk_s3_probe(s3, "tmp/", &traits, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "no vault can be kept there");
	set_faults("");
	expect(vk_s3_list(s3, "tmp/", FALSE, count, left, &error), error);
	ck_assert_uint_eq(left[0], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("s3-client");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_was_put_is_got);
	tcase_add_test(tcase, empty_and_short_objects_are_what_they_are);
	tcase_add_test(tcase, an_answer_that_is_cut_short_is_asked_for_again);
	tcase_add_test(tcase, the_last_bytes_are_got_at_once);
	tcase_add_test(tcase, listings_have_pages);
	tcase_add_test(tcase, an_answer_that_is_lost_does_not_matter);
	tcase_add_test(tcase, what_became_of_a_put_is_never_guessed);
	tcase_add_test(tcase, a_put_is_checked);
	tcase_add_test(tcase, reads_are_tried_again);
	tcase_add_test(tcase, a_server_may_lack_put_if_absent);
	tcase_add_test(tcase, a_probe_finds_out_what_the_server_does);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
