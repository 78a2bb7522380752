/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much room a backup leaves for what is written until it has ended. */
#include "backup-names-priv.h"
#include "backup-scratch-priv.h"

#include <check.h>
#include <stdlib.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (G_GUINT64_CONSTANT(1) << 30)

START_TEST(a_part_of_the_room_within_bounds)
{
	ck_assert_uint_eq(vk_scratch_reserve(0, 0), 64 * MIB);
	ck_assert_uint_eq(vk_scratch_reserve(100 * MIB, 0), 64 * MIB);
	ck_assert_uint_eq(vk_scratch_reserve(4 * GIB, 0), GIB / 2);
	ck_assert_uint_eq(vk_scratch_reserve(1000 * GIB, 0), GIB);
}
END_TEST

/* What it writes within two seconds, if that is more. */
START_TEST(more_for_a_fast_writer)
{
	ck_assert_uint_eq(vk_scratch_reserve(100 * MIB, 32 * MIB), 64 * MIB);
	ck_assert_uint_eq(vk_scratch_reserve(100 * MIB, 33 * MIB), 66 * MIB);
	ck_assert_uint_eq(vk_scratch_reserve(1000 * GIB, 3 * GIB), 6 * GIB);
	ck_assert_uint_eq(vk_scratch_reserve(100 * MIB, G_MAXUINT64), G_MAXUINT64);
}
END_TEST

START_TEST(its_name_says_whose_it_is)
{
	const char *uuid = "6c1a4b3e-8f52-4f0d-9d3b-2f7c1e5a9b10";
	g_autofree char *path = vk_backup_scratch_path("/scratch", uuid, "vda");
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *owner = vk_backup_scratch_owner(name);
	g_autofree char *other = g_strconcat(name, ".old", NULL);

	ck_assert_str_eq(owner, uuid);
	ck_assert_ptr_null(vk_backup_scratch_owner(other));
	ck_assert_ptr_null(vk_backup_scratch_owner("vda.qcow2"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backup-scratch");
	TCase *tests = tcase_create("backup-scratch");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_part_of_the_room_within_bounds);
	tcase_add_test(tests, more_for_a_fast_writer);
	tcase_add_test(tests, its_name_says_whose_it_is);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
