/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the catalogue costs, in calls to the store: no clock is asked. */
#include "catalog.h"

#include "checked-json.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define GUESTS 20
#define EACH   50

static VaultDir dir;
static const VkStoreOps *plain;
static guint gets, lists; /* atomic: several threads read */

static char *uuid_of(guint guest)
{
	return g_strdup_printf("aaaaaaaa-0000-4000-8000-%012u", guest);
}

static void age(const char *name)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	g_autofree char *path = test_vault_path(dir.vault, name);

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void put(guint guest, const char *time)
{
	g_autofree char *uuid = uuid_of(guest);
	g_autofree char *folder = g_strconcat("snaps/", uuid, NULL);
	g_autoptr(VkSnapshot) snapshot = make_snapshot(uuid, time, vk_image_record_new(65536));
	g_autofree char *object = vk_snapshot_key_object(uuid, time, snapshot->id);
	g_autoptr(json_t) json = NULL;

	g_free(snapshot->name);
	snapshot->name = g_strdup_printf("guest%u", guest);
	json = vk_snapshot_to_json(snapshot);
	ck_assert(vk_checked_json_put(dir.vault->store, object, json, VK_PUT_HINT, NULL));
	age(object);
	age(folder);
	age("snaps");
}

static gboolean counting_get(VkStore *store, const char *name, guint64 offset, void *buf,
			     gsize length, GError **error)
{
	if (g_str_has_prefix(name, "snaps/"))
		g_atomic_int_inc(&gets);
	return plain->get(store, name, offset, buf, length, error);
}

static GPtrArray *counting_list(VkStore *store, const char *folder, GError **error)
{
	if (g_str_has_prefix(folder, "snaps"))
		g_atomic_int_inc(&lists);
	return plain->list(store, folder, error);
}

static void setup(void)
{
	vault_dir_new(&dir);
	for (guint guest = 0; guest < GUESTS; guest++)
		for (guint i = 0; i < EACH; i++) {
			g_autofree char *time =
				g_strdup_printf("2026%02u%02uT120000Z", 1 + i / 25, 1 + i % 25);

			put(guest, time);
		}
}

static void teardown(void)
{
	vault_dir_clear(&dir);
}

/* Of GUEST, or of all with NULL, as 'virtkeep list' does. Returns how many. */
static guint list(VkVault *vault, const char *name)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guest_names(vault, FALSE, NULL);
	guint found = 0;

	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);
		g_autoptr(GPtrArray) keys = NULL;
		g_autoptr(GPtrArray) summaries = NULL;

		if (name && strcmp(guest->name, name) != 0)
			continue;
		keys = vk_catalog_list(vault, guest->uuid, NULL);
		summaries = vk_catalog_summarize_all(vault, keys);
		for (guint j = 0; j < summaries->len; j++)
			found += g_ptr_array_index(summaries, j) != NULL;
	}
	return found;
}

/* As a new program: what it finds, with the calls counted. */
static guint list_anew(const char *name)
{
	g_autoptr(VkVault) vault =
		vk_vault_open(vk_vault_directory(dir.vault), VK_VAULT_READ, NULL);
	g_autofree char *cache = g_build_filename(dir.path, "cache", NULL);
	VkStoreOps ops = *vault->store->ops;
	guint found;

	vk_vault_set_cache_directory(vault, cache);
	plain = vault->store->ops;
	ops.get = counting_get;
	ops.get_all = NULL; /* by get() */
	ops.list = counting_list;
	vault->store->ops = &ops;
	gets = lists = 0;
	found = list(vault, name);
	g_clear_pointer(&vault->catalog, vk_catalog_cache_free);
	vault->store->ops = plain;
	return found;
}

START_TEST(each_object_is_read_once)
{
	ck_assert_uint_eq(list_anew(NULL), GUESTS * EACH);
	ck_assert_uint_eq(gets, GUESTS * EACH);
	ck_assert_uint_eq(list_anew(NULL), GUESTS * EACH);
	ck_assert_uint_eq(gets, 0);
	ck_assert_uint_eq(lists, 1 + GUESTS);
}
END_TEST

START_TEST(one_guest_costs_nothing_of_the_others)
{
	list_anew(NULL);
	ck_assert_uint_eq(list_anew("guest7"), EACH);
	ck_assert_uint_eq(gets, 0);
	ck_assert_uint_eq(lists, 2); /* the guests, and this one */
}
END_TEST

START_TEST(a_new_snapshot_is_read_alone)
{
	list_anew(NULL);
	put(3, "20260401T120000Z");
	ck_assert_uint_eq(list_anew(NULL), GUESTS * EACH + 1);
	ck_assert_uint_eq(gets, 1);
	put(4, "20260401T120000Z");
	ck_assert_uint_eq(list_anew("guest7"), EACH);
	ck_assert_uint_eq(gets, 1); /* its guest may have another name now */
	ck_assert_uint_eq(lists, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("catalog-scale");
	TCase *tcase = tcase_create("catalog-scale");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_object_is_read_once);
	tcase_add_test(tcase, one_guest_costs_nothing_of_the_others);
	tcase_add_test(tcase, a_new_snapshot_is_read_alone);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
