/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cache-bed.h"

#include "checked-json.h"
#include "json.h"
#include "vault-parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

VaultDir dir;
char *cache_directory, *cache_file;
VkSnapshotKey keys[2 * DAYS];
static const VkStoreOps *plain;
guint reads;

char *path_of(const char *name)
{
	return test_vault_path(dir.vault, name);
}

void age(const char *name)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	g_autofree char *path = path_of(name);

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

void age_folders(void)
{
	age("snaps/" UUID_A);
	age("snaps/" UUID_B);
	age("snaps");
}

void put(VkSnapshotKey *key, const char *uuid, const char *name, const char *time)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(uuid, time, vk_image_record_new(65536));
	g_autofree char *object = vk_snapshot_key_object(uuid, time, snapshot->id);
	g_autoptr(json_t) json = NULL;

	g_free(snapshot->name);
	snapshot->name = g_strdup(name);
	json = vk_snapshot_to_json(snapshot);
	ck_assert(vk_checked_json_put(dir.vault->store, object, json, VK_PUT_HINT, NULL));
	age(object);
	*key = (VkSnapshotKey){
		.uuid = g_strdup(uuid), .time = g_strdup(time), .id = g_strdup(snapshot->id)};
}

void clear_key(VkSnapshotKey *key)
{
	g_free(key->uuid);
	g_free(key->time);
	g_free(key->id);
}

void setup(void)
{
	vault_dir_new(&dir);
	cache_directory = g_build_filename(dir.path, "cache", NULL);
	cache_file = g_strdup_printf("%s/%s.sqlite", cache_directory, vk_vault_id(dir.vault));
	for (int i = 0; i < DAYS; i++) {
		g_autofree char *time = g_strdup_printf("202601%02dT120000Z", i + 1);

		put(&keys[i], UUID_A, "web", time);
		put(&keys[DAYS + i], UUID_B, "db", time);
	}
	age_folders();
}

void teardown(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
		clear_key(&keys[i]);
	g_free(cache_file);
	g_free(cache_directory);
	vault_dir_clear(&dir);
}

static gboolean counting_get(VkStore *store, const char *name, guint64 offset, void *buf,
			     gsize length, GError **error)
{
	reads += g_str_has_prefix(name, "snaps/");
	return plain->get(store, name, offset, buf, length, error);
}

static char *describe(VkVault *vault)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guest_names(vault, FALSE, NULL);
	GString *text = g_string_new(NULL);

	ck_assert_ptr_nonnull(guests);
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);
		g_autoptr(GPtrArray) list = vk_catalog_list(vault, guest->uuid, NULL);

		g_string_append_printf(text, "%s %s\n", guest->uuid, guest->view_name);
		for (guint j = 0; j < list->len; j++) {
			const VkSnapshotKey *key = g_ptr_array_index(list, j);
			g_autoptr(VkSnapshotSummary) summary =
				vk_catalog_summarize(vault, key, NULL);
			g_autoptr(json_t) report = vk_catalog_report(vault, key, NULL);
			g_autofree char *text_of_report =
				report ? vk_json_line(report) : g_strdup("");

			g_string_append_printf(text, "%s %s %s %" G_GUINT64_FORMAT "\n",
					       summary ? summary->name : "damaged",
					       summary ? summary->grade : "", text_of_report,
					       summary ? summary->size : 0);
		}
	}
	return g_string_free(text, FALSE);
}

char *look(void)
{
	g_autoptr(VkVault) vault =
		vk_vault_open(vk_vault_directory(dir.vault), VK_VAULT_READ, NULL);
	VkStoreOps ops = *vault->store->ops;
	char *text;

	vk_vault_set_cache_directory(vault, cache_directory);
	plain = vault->store->ops;
	ops.get = counting_get;
	ops.get_all = NULL; /* by get() */
	vault->store->ops = &ops;
	reads = 0;
	text = describe(vault);
	g_clear_pointer(&vault->catalog, vk_catalog_cache_free);
	vault->store->ops = plain;
	return text;
}

char *look_uncached(void)
{
	g_autoptr(VkVault) vault =
		vk_vault_open(vk_vault_directory(dir.vault), VK_VAULT_READ, NULL);

	return describe(vault);
}

void expect_right(void)
{
	g_autofree char *expected = look_uncached();
	g_autofree char *seen = look();

	ck_assert_msg(strcmp(seen, expected) == 0, "%.500s\ninstead of\n%.500s", seen, expected);
}

void warm_up(void)
{
	expect_right();
	expect_right();
	ck_assert_uint_eq(reads, 0);
}

int run_cache_tests(const char *name, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
