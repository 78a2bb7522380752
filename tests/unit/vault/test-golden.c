/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Vaults that earlier versions wrote: all that is in them is read for ever. */
#include "catalog.h"
#include "catalog-pin.h"
#include "errors.h"
#include "golden.h"
#include "temp-vault.h"
#include "damages.h"
#include "vault-image.h"

#include <check.h>
#include <string.h>

#undef vk_vault_open

typedef struct {
	const char *name;
	const char *secrets[3]; /* each opens it and reads all; NULL at the end */
} Golden;

static const Golden goldens[] = {
	{"1-plain", {"unused"}},
	{"1-encrypted", {GOLDEN_FULL, GOLDEN_RESTORE}},
	{"1-parity", {"unused"}},
};

static char *directory; /* a copy, for readers put leases */

static void set_up(void)
{
	directory = temp_directory_new();
}

static void tear_down(void)
{
	temp_directory_remove(directory);
	g_clear_pointer(&directory, g_free);
}

static VkSecret *find_secret(gconstpointer text, const char *url, GError **error)
{
	return vk_secret_new(text, strlen(text));
}

static VkVault *open_copy(const Golden *golden, const char *secret)
{
	const VkUnlock unlock = {.ask = find_secret, .user = secret};
	g_autofree char *from = g_build_filename(g_getenv("VK_TEST_GOLDEN"), golden->name, NULL);
	g_autofree char *to = g_build_filename(directory, golden->name, NULL);
	g_autoptr(GError) error = NULL;
	VkVault *vault;

	if (!g_file_test(to, G_FILE_TEST_EXISTS))
		temp_directory_copy(from, to);
	vault = vk_vault_open_locked(to, VK_VAULT_READ, &unlock, &error);
	ck_assert_msg(vault != NULL, "%s: %s", golden->name, error ? error->message : "");
	return vault;
}

static void check_content(VkVault *vault, const VkSnapshotKey *key, guint number)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, &error);
	g_autofree guint8 *bytes = g_malloc(GOLDEN_SIZE);
	MemSource *expected = golden_image(number);
	g_autoptr(VkImage) image = NULL;

	ck_assert_msg(snapshot != NULL, "%s", error ? error->message : "");
	ck_assert_str_eq(snapshot->name, "guest");
	ck_assert_str_eq(snapshot->domain_xml, "<domain/>");
	image = vk_vault_image_open(vault, ((VkDiskRecord *)snapshot->disks->pdata[0])->image,
				    &error);
	ck_assert_msg(image != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(image->size, GOLDEN_SIZE);
	ck_assert_msg(vk_image_read(image, 0, bytes, GOLDEN_SIZE, &error), "%s",
		      error ? error->message : "");
	ck_assert(memcmp(bytes, expected->bytes, GOLDEN_SIZE) == 0);
	vk_source_free(&expected->base);
}

static void check_list(VkVault *vault)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, NULL);

	ck_assert_ptr_nonnull(keys);
	ck_assert_uint_eq(keys->len, GOLDEN_SNAPSHOTS);
	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = keys->pdata[i];

		ck_assert_str_eq(key->uuid, GOLDEN_UUID);
		ck_assert_str_eq(key->time, golden_times[i]);
		ck_assert_int_eq(key->forgotten, i == 2);
		ck_assert_int_eq(key->pinned, i == 0);
		check_content(vault, key, i);
	}
}

START_TEST(all_is_read)
{
	const Golden *golden = &goldens[_i];

	for (guint i = 0; golden->secrets[i]; i++) {
		g_autoptr(VkVault) vault = open_copy(golden, golden->secrets[i]);
		g_autoptr(VkCheckResult) result = NULL;
		g_autoptr(GError) error = NULL;

		check_list(vault);
		result = check_guests(vault, NULL, TRUE, &error);
		ck_assert_msg(result != NULL, "%s", error ? error->message : "");
		ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
		ck_assert_uint_eq(result->snapshots, GOLDEN_SNAPSHOTS - 1);
		ck_assert_uint_gt(result->blocks, GOLDEN_BLOCKS);
	}
}
END_TEST

static void damage_pack(const char *path)
{
	g_autofree char *bytes = NULL;
	gsize length;

	if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
		g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
		const char *name;

		while ((name = g_dir_read_name(dir))) {
			g_autofree char *part = g_build_filename(path, name, NULL);

			damage_pack(part);
		}
		return;
	}
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	bytes[100] ^= 1;
	bytes[length - 1] ^= 1;
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

/* Header and trailer of each pack. */
START_TEST(parity_gives_back_what_is_damaged)
{
	const Golden *golden = &goldens[2];
	g_autofree char *packs = g_build_filename(directory, golden->name, "packs", NULL);
	g_autoptr(VkVault) vault = open_copy(golden, "unused");
	g_autoptr(VkCheckResult) result = NULL;

	damage_pack(packs);
	check_list(vault);
	result = check_guests(vault, NULL, TRUE, NULL);
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	ck_assert_uint_eq(result->mended->len, GOLDEN_SNAPSHOTS);
}
END_TEST

/* The directory still does not show what is in it, and one who only appends cannot read it. */
START_TEST(a_key_of_role_append_reads_no_block)
{
	g_autoptr(VkVault) vault = open_copy(&goldens[1], GOLDEN_APPEND);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, NULL, NULL);
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, keys->pdata[0], NULL);
	g_autoptr(GError) error = NULL;
	guint8 byte;
	g_autoptr(VkImage) image = vk_vault_image_open(
		vault, ((VkDiskRecord *)snapshot->disks->pdata[0])->image, &error);

	ck_assert(!image || !vk_image_read(image, 0, &byte, 1, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DENIED));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("golden");
	TCase *tcase = tcase_create("golden");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, all_is_read, 0, G_N_ELEMENTS(goldens));
	tcase_add_test(tcase, parity_gives_back_what_is_damaged);
	tcase_add_test(tcase, a_key_of_role_append_reads_no_block);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
