/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generations of a pack that come and go while they are read, as a collector replaces them. */
#include "generation-bed.h"

#include <glib/gstdio.h>

/* The collector: one generation goes when the next is there. */
static void replace_first(const char *name)
{
	if (!g_str_has_suffix(name, ".0"))
		return;
	bed.meddle = NULL;
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
}

START_TEST(the_first_may_vanish_before_a_frame_is_read)
{
	g_autoptr(VkPackTable) table = NULL;

	prepare();
	table = vk_pack_cache_get(bed.reader->packs, &bed.pack, NULL);
	ck_assert_ptr_nonnull(table);
	bed.meddle = replace_first;
	expect_readable();
	ck_assert_ptr_null(bed.meddle);
	finish();
}
END_TEST

START_TEST(the_first_may_vanish_while_its_table_is_read)
{
	prepare();
	bed.meddle = replace_first;
	expect_readable();
	ck_assert_ptr_null(bed.meddle);
	finish();
}
END_TEST

static void replace_listed(const char *name)
{
	if (!g_str_has_suffix(name, ".1-0a"))
		return;
	bed.meddle = NULL;
	g_autofree char *old = path_of("1-0a");
	g_autofree char *fresh = path_of("2-0b");

	ck_assert_int_eq(g_rename(old, fresh), 0);
}

START_TEST(a_listed_one_may_vanish)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	bed.meddle = replace_listed;
	expect_readable();
	ck_assert_ptr_null(bed.meddle);
	ck_assert_uint_eq(bed.listings, 2);
	finish();
}
END_TEST

/* The old one was removed, and the new one put, while the names were read. */
START_TEST(a_listing_may_show_none)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	bed.blind = 1;
	expect_readable();
	ck_assert_uint_eq(bed.listings, 2);
	finish();
}
END_TEST

START_TEST(one_that_is_gone_is_missing)
{
	prepare();
	drop_generation("0");
	expect_failure(0, "is missing from the vault");
	ck_assert_uint_le(bed.listings, 10);
	finish();
}
END_TEST

/* Whatever is read is gone, and the next one is there. */
static void always_replace(const char *name)
{
	static guint number;
	g_autofree char *old = g_build_filename(directory, name, NULL);
	g_autofree char *generation = g_strdup_printf("%u-0a", ++number);
	g_autofree char *fresh = path_of(generation);

	ck_assert_int_eq(g_rename(old, fresh), 0);
}

START_TEST(the_search_has_an_end)
{
	prepare();
	bed.meddle = always_replace;
	expect_failure(0, "is missing from the vault");
	ck_assert_uint_le(bed.listings, 10);
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, the_first_may_vanish_before_a_frame_is_read);
	tcase_add_test(tcase, the_first_may_vanish_while_its_table_is_read);
	tcase_add_test(tcase, a_listed_one_may_vanish);
	tcase_add_test(tcase, a_listing_may_show_none);
	tcase_add_test(tcase, one_that_is_gone_is_missing);
	tcase_add_test(tcase, the_search_has_an_end);
}

int main(void)
{
	return run_image_tests("pack-races", add_tests);
}
