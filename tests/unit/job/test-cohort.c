/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cohort.h"

#include <check.h>
#include <stdlib.h>

static void add_guest(GPtrArray *guests, const char *volumes)
{
	g_auto(GStrv) names = volumes ? g_strsplit(volumes, " ", -1) : NULL;
	GPtrArray *list = NULL;

	if (names) {
		list = g_ptr_array_new_with_free_func(g_free);
		for (char **name = names; *name; name++)
			g_ptr_array_add(list, g_strdup(*name));
	}
	g_ptr_array_add(guests, list);
}

static void free_list(gpointer list)
{
	if (list)
		g_ptr_array_unref(list);
}

static guint number_of(const GArray *numbers, guint guest)
{
	return g_array_index(numbers, guint, guest);
}

START_TEST(guests_that_share_a_volume_belong_together)
{
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_list);
	g_autoptr(GArray) numbers = NULL;

	add_guest(guests, "a b");
	add_guest(guests, "c");
	add_guest(guests, NULL); /* in the vault */
	add_guest(guests, "b");
	add_guest(guests, ""); /* on an array, alone */
	add_guest(guests, "d d");
	numbers = vk_cohorts_of_volumes(guests);
	ck_assert_uint_ne(number_of(numbers, 0), 0);
	ck_assert_uint_eq(number_of(numbers, 0), number_of(numbers, 3));
	ck_assert_uint_eq(number_of(numbers, 1), 0);
	ck_assert_uint_eq(number_of(numbers, 2), 0);
	ck_assert_uint_eq(number_of(numbers, 5), 0);
}
END_TEST

/* One that comes later may join two groups. */
START_TEST(a_guest_joins_groups)
{
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_list);
	g_autoptr(GArray) numbers = NULL;

	add_guest(guests, "a");
	add_guest(guests, "b");
	add_guest(guests, "a");
	add_guest(guests, "b");
	add_guest(guests, "c");
	add_guest(guests, "c a b");
	numbers = vk_cohorts_of_volumes(guests);
	for (guint i = 1; i < guests->len; i++)
		ck_assert_uint_eq(number_of(numbers, i), number_of(numbers, 0));
	ck_assert_uint_ne(number_of(numbers, 0), 0);
}
END_TEST

START_TEST(groups_that_share_nothing_stay_apart)
{
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_list);
	g_autoptr(GArray) numbers = NULL;

	add_guest(guests, "a");
	add_guest(guests, "b");
	add_guest(guests, "a");
	add_guest(guests, "b");
	numbers = vk_cohorts_of_volumes(guests);
	ck_assert_uint_eq(number_of(numbers, 0), number_of(numbers, 2));
	ck_assert_uint_eq(number_of(numbers, 1), number_of(numbers, 3));
	ck_assert_uint_ne(number_of(numbers, 0), number_of(numbers, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cohort");
	TCase *cases = tcase_create("cohort");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, guests_that_share_a_volume_belong_together);
	tcase_add_test(cases, a_guest_joins_groups);
	tcase_add_test(cases, groups_that_share_nothing_stay_apart);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
