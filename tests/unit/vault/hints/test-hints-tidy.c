/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a garbage collection leaves of the hints. */
#include "hints-tidy.h"

#include "hint-keys.h"
#include "hints-object.h"
#include "hints.h"
#include "pack-name.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static VaultDir dir;
static VkVault *vault;

static void setup(void)
{
	vault = vault_dir_new(&dir);
}

static void teardown(void)
{
	vault_dir_clear(&dir);
}

static VkHints *open_hints(void)
{
	VkHintsPlace place = vk_vault_hints_place(vault);

	return vk_hints_open(&place, NULL);
}

static void put_pack(guint32 number)
{
	const VkPackId pack = pack_of(number);
	g_autofree char *object = vk_pack_object(&pack, 0);

	ck_assert(vk_store_put(vault->store, object, NULL, 0, VK_PUT_NOW, NULL));
}

/* One hint file with a key in each of PACKS packs, of which THERE exist. */
static void commit_packs(guint32 packs, guint32 there)
{
	VkHints *hints = open_hints();

	for (guint32 i = 0; i < packs; i++) {
		const VkBlockId id = id_of(i);
		const VkPackId pack = pack_of(i + 1);

		vk_hints_add(hints, &id, &pack, i);
		if (i < there)
			put_pack(i + 1);
	}
	ck_assert(vk_hints_commit(hints, NULL));
	vk_hints_free(hints);
}

static guint count_hint_files(void)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "hints", NULL);

	return names->len;
}

static guint64 hint_bytes(void)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "hints", NULL);
	g_autofree char *name = g_build_filename("hints", names->pdata[0], NULL);
	guint64 size;

	ck_assert(vault->store->ops->head(vault->store, name, &size, NULL, NULL));
	return size;
}

START_TEST(hints_of_packs_that_are_gone_go)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);
	guint64 before;
	VkHints *hints;

	commit_packs(30, 10);
	before = hint_bytes();
	vk_hints_tidy(&place);
	ck_assert_uint_eq(count_hint_files(), 1);
	ck_assert_uint_eq(before - hint_bytes(), 20 * (sizeof(VkPackId) + sizeof(VkHintEntry)));
	hints = open_hints();
	for (guint32 i = 0; i < 30; i++) {
		const VkBlockId id = id_of(i);
		const VkPackId expected = pack_of(i + 1);
		VkPackId pack;
		guint32 slot;
		gboolean found = vk_hints_lookup(hints, &id, &pack, &slot);

		ck_assert_int_eq(found, i < 10);
		ck_assert(!found || (vk_pack_id_equal(&pack, &expected) && slot == i));
	}
	vk_hints_free(hints);
}
END_TEST

START_TEST(hints_that_lead_nowhere_are_removed)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);

	commit_packs(30, 0);
	vk_hints_tidy(&place);
	ck_assert_uint_eq(count_hint_files(), 0);
}
END_TEST

/* Whoever can write to a vault could have root read other files. */
START_TEST(hints_behind_a_link_are_not_read)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);
	g_autofree char *folder = vk_hints_place_folder(&place);
	g_autofree char *hints = g_build_filename(place.directory, "hints", NULL);
	g_autofree char *moved = g_strconcat(place.directory, ".moved", NULL);
	g_autoptr(GPtrArray) names = NULL;
	g_autoptr(GError) error = NULL;
	VkHintsFile *file;

	commit_packs(3, 3);
	names = vk_hints_objects_list(vault->store, NULL);
	ck_assert_uint_eq(names->len, 1);
	file = vk_hints_object_open(&place, names->pdata[0], folder, NULL);
	ck_assert_ptr_nonnull(file);
	vk_hints_file_free(file);
	ck_assert_int_eq(rename(hints, moved), 0);
	ck_assert_int_eq(symlink(moved, hints), 0);
	ck_assert_ptr_null(vk_hints_object_open(&place, names->pdata[0], folder, &error));
	ck_assert_ptr_nonnull(error);
}
END_TEST

/* A newer file knows a better place of key number 5. */
static void commit_newer(guint32 pack_number)
{
	const VkBlockId id = id_of(5);
	const VkPackId pack = pack_of(pack_number);
	VkHints *hints = open_hints();

	vk_hints_add(hints, &id, &pack, 0);
	put_pack(pack_number);
	ck_assert(vk_hints_commit(hints, NULL));
	vk_hints_free(hints);
}

START_TEST(a_file_written_anew_is_as_old_as_before)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);
	const VkPackId newer = pack_of(100);
	const VkBlockId id = id_of(5);
	VkHints *hints;
	VkPackId pack;
	guint32 slot;

	commit_packs(30, 10);
	commit_newer(100);
	ck_assert_uint_eq(count_hint_files(), 2);
	vk_hints_tidy(&place);
	ck_assert_uint_eq(count_hint_files(), 2);
	hints = open_hints();
	ck_assert(vk_hints_lookup(hints, &id, &pack, &slot));
	ck_assert(vk_pack_id_equal(&pack, &newer));
	vk_hints_free(hints);
}
END_TEST

/* Where most are left it does not pay. */
START_TEST(hints_that_are_half_good_stay)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);
	guint64 before;

	commit_packs(30, 15);
	before = hint_bytes();
	vk_hints_tidy(&place);
	ck_assert_uint_eq(hint_bytes(), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hints-tidy");
	TCase *cases = tcase_create("hints-tidy");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, hints_of_packs_that_are_gone_go);
	tcase_add_test(cases, hints_that_lead_nowhere_are_removed);
	tcase_add_test(cases, hints_behind_a_link_are_not_read);
	tcase_add_test(cases, a_file_written_anew_is_as_old_as_before);
	tcase_add_test(cases, hints_that_are_half_good_stay);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
