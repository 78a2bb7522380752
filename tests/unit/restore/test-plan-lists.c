/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans and the lists of what is missing: which go, and what else makes room for them. */
#include "errors.h"
#include "plan-bed.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* The disk with a file beside it that has a list's name. */
static void put_beside(const char *content)
{
	g_autofree char *path = path_in("vda");
	g_autofree char *list = path_in("vda.missing");
	g_autofree char *part = g_strdup_printf("vda=%s", path);

	set_list(&bed.options.disks, part);
	ck_assert(g_file_set_contents(list, content, -1, NULL));
}

START_TEST(the_list_of_an_earlier_restore_goes)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_beside("0 65536\n131072 5\n");
	made = must_plan();
	ck_assert(item_at(made, 0)->has_list);
	ck_assert_uint_eq(made->notes->len, 1);
}
END_TEST

START_TEST(a_file_with_the_name_of_a_list_stays)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_beside("0 65536 131072\n");
	bed.options.force = TRUE;
	made = must_plan();
	ck_assert(!item_at(made, 0)->has_list);
	ck_assert_uint_eq(made->notes->len, 0);
}
END_TEST

START_TEST(a_list_takes_a_name_only_with_force)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_beside("notes\n");
	bed.options.skip_damaged = TRUE;
	assert_refused(VK_ERROR_EXISTS, "vda.missing");
	bed.options.force = TRUE;
	made = must_plan();
	ck_assert(item_at(made, 0)->list_exists);
	ck_assert(!item_at(made, 0)->has_list);
	ck_assert_uint_eq(made->notes->len, 1);
	ck_assert_ptr_null(strstr(g_ptr_array_index(made->notes, 0), "earlier restore"));
}
END_TEST

START_TEST(a_list_takes_no_name_of_what_is_no_file)
{
	g_autofree char *list = path_in("vda.missing");

	put_beside("0 65536\n");
	ck_assert_int_eq(g_unlink(list), 0);
	ck_assert_int_eq(symlink("elsewhere", list), 0);
	bed.options.skip_damaged = TRUE;
	bed.options.force = TRUE;
	assert_refused(VK_ERROR_EXISTS, "not a regular file");
	ck_assert_int_eq(g_unlink(list), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_list_of_an_earlier_restore_goes,
		a_file_with_the_name_of_a_list_stays,
		a_list_takes_a_name_only_with_force,
		a_list_takes_no_name_of_what_is_no_file,
	};

	return run_plan_tests("plan-lists", tests, G_N_ELEMENTS(tests));
}
