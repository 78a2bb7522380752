/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which snapshot the next backup builds on. */
#include "last-snapshot.h"

#include "catalog.h"
#include "session.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define T1   "20260101T000000Z"
#define T2   "20260102T000000Z"

static char *directory;
static VkVault *vault;

static void setup(void)
{
	directory = temp_directory_new();
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
}

static void teardown(void)
{
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

static void list_snapshot(const char *time)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, time, vk_image_record_new(0));

	ck_assert(vk_session_commit(session, snapshot, NULL));
}

static void expect_last(const char *time)
{
	g_autoptr(VkSnapshot) last = NULL;

	ck_assert(vk_last_snapshot_load(vault, UUID, &last, NULL));
	ck_assert_str_eq(last ? last->time : "none", time);
}

/* Its packs may be removed while the backup refers to them. */
START_TEST(a_forgotten_one_is_not_built_on)
{
	g_autoptr(VkSnapshotKey) first = NULL;
	g_autoptr(VkSnapshotKey) second = NULL;

	list_snapshot(T1);
	list_snapshot(T2);
	first = vk_catalog_find_key(vault, UUID "@" T1, NULL);
	second = vk_catalog_find_key(vault, UUID "@" T2, NULL);
	expect_last(T2);
	ck_assert(vk_catalog_forget(vault, second, NULL, NULL));
	expect_last(T1);
	ck_assert(vk_catalog_forget(vault, first, NULL, NULL));
	expect_last("none");
	ck_assert(vk_catalog_unforget(vault, second, NULL));
	expect_last(T2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("last-snapshot");
	TCase *tcase = tcase_create("last-snapshot");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_forgotten_one_is_not_built_on);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
