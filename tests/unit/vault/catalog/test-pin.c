/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pin protects from, and how long. */
#include "catalog-pin.h"

#include "checked-json.h"
#include "errors.h"
#include "io.h"
#include "vault-parts.h"
#include "vault-dir.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define DAY1 "20261121T120000Z"

static VaultDir dir;
static VkVault *vault;
static VkSnapshotKey *key;
static gint64 now;

static void setup(void)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, DAY1, vk_image_record_new(0));
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autofree char *name = vk_snapshot_key_object(UUID, DAY1, snapshot->id);

	vault = vault_dir_new(&dir);
	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
	key = vk_catalog_find_key(vault, UUID, NULL);
	ck_assert_ptr_nonnull(key);
	now = g_get_real_time() / G_USEC_PER_SEC;
}

static void teardown(void)
{
	vk_snapshot_key_free(key);
	vault_dir_clear(&dir);
}

static void pin(gint64 until, const char *reason)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_catalog_pin(vault, key, until, reason, &error), "%s",
		      error ? error->message : "");
}

static VkPin *load_pin(void)
{
	VkPin *loaded = NULL;

	ck_assert(vk_catalog_load_pin(vault, key, &loaded, NULL));
	return loaded;
}

static void expect_until(gint64 until)
{
	g_autoptr(VkPin) loaded = load_pin();

	ck_assert_ptr_nonnull(loaded);
	ck_assert_int_eq(loaded->until, until);
}

static gboolean is_marked_pinned(void)
{
	g_autoptr(VkSnapshotKey) listed = vk_catalog_find_key_all(vault, UUID, NULL);

	return listed->pinned;
}

static void expect_refused(const char *text)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_catalog_forget(vault, key, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
	ck_assert(strstr(error->message, "'virtkeep unpin guest@" DAY1 "'") != NULL);
}

/* How many objects of the snapshot there are, its own included. */
static guint count_objects(void)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "snaps/" UUID, NULL);

	return names->len;
}

START_TEST(a_pinned_snapshot_is_not_forgotten)
{
	g_autoptr(VkPin) loaded = NULL;

	ck_assert_ptr_null(load_pin());
	ck_assert(!is_marked_pinned());
	pin(VK_PIN_FOR_GOOD, "before the move");
	ck_assert(is_marked_pinned());
	loaded = load_pin();
	ck_assert_int_eq(loaded->until, VK_PIN_FOR_GOOD);
	ck_assert_str_eq(loaded->reason, "before the move");
	ck_assert_str_eq(loaded->host, g_get_host_name());
	ck_assert_int_ge(loaded->since, now);
	expect_refused("is pinned: before the move and");
	ck_assert(vk_catalog_unpin(vault, key, NULL));
	ck_assert(!is_marked_pinned());
	ck_assert(vk_catalog_unpin(vault, key, NULL)); /* there is none */
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
}
END_TEST

START_TEST(the_last_one_replaces_the_others)
{
	pin(VK_PIN_FOR_GOOD, NULL);
	pin(now + 1000, "for a while");
	expect_until(now + 1000);
	ck_assert_uint_eq(count_objects(), 2);
	expect_refused(" until ");
}
END_TEST

START_TEST(a_pin_ends_at_its_date)
{
	pin(now - 1, NULL);
	ck_assert_ptr_null(load_pin());
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	/* A collector would go by its name. */
	ck_assert_uint_eq(count_objects(), 2);
	ck_assert(!is_marked_pinned());
}
END_TEST

static ssize_t fail_to_write(int fd, const void *buf, size_t length, off_t offset)
{
	errno = EIO;
	return -1;
}

/* Nothing is written for that. */
START_TEST(what_is_forgotten_is_not_pinned)
{
	g_autoptr(GError) error = NULL;
	VkIo real = vk_io;

	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	vk_io.pwrite = fail_to_write;
	ck_assert(!vk_catalog_pin(vault, key, VK_PIN_FOR_GOOD, NULL, &error));
	vk_io = real;
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_ptr_nonnull(strstr(error->message, "'virtkeep unforget guest@" DAY1 "'"));
	ck_assert_uint_eq(count_objects(), 2);
}
END_TEST

static const VkStoreOps *plain;
static const char *beside; /* what another one puts right after the pin */

static gboolean finishing(VkNewObject *object, const char *name, VkPutMode mode, GError **error)
{
	g_autofree char *other =
		g_strdup_printf("snaps/%s/%s-%s.%s", UUID, key->time, key->id, beside);

	if (!plain->finish(object, name, mode, error))
		return FALSE;
	vault->store->ops = plain;
	return vk_store_put(vault->store, other, NULL, 0, VK_PUT_NOW, error);
}

static gboolean pin_against(const char *mark, GError **error)
{
	VkStoreOps ops = *vault->store->ops;
	gboolean done;

	plain = vault->store->ops;
	beside = mark;
	ops.finish = finishing;
	vault->store->ops = &ops;
	done = vk_catalog_pin(vault, key, now + 1000, NULL, error);
	vault->store->ops = plain;
	return done;
}

START_TEST(it_may_be_forgotten_meanwhile)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!pin_against("del", &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_uint_eq(count_objects(), 2);
}
END_TEST

START_TEST(of_two_who_pin_at_once_neither_unpins)
{
	ck_assert(pin_against("pin-0123456789abcdef", NULL));
	ck_assert_uint_eq(count_objects(), 3);
	/* That of the other one cannot be read. */
	expect_until(VK_PIN_FOR_GOOD);
	ck_assert(vk_catalog_unpin(vault, key, NULL));
	ck_assert_uint_eq(count_objects(), 1);
}
END_TEST

START_TEST(what_is_not_there_is_not_pinned)
{
	g_autoptr(GError) error = NULL;
	VkPin *loaded = NULL;

	ck_assert(vk_catalog_delete(vault, key, NULL));
	ck_assert(!vk_catalog_pin(vault, key, VK_PIN_FOR_GOOD, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert(!vk_catalog_unpin(vault, key, NULL));
	ck_assert(!vk_catalog_load_pin(vault, key, &loaded, NULL));
	ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

/* The time in its name is that of whoever took it. */
START_TEST(the_store_knows_when_it_was_stored)
{
	const struct timespec times[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autofree char *path = test_vault_path(vault, object);
	g_autoptr(GError) error = NULL;
	gint64 stored = 0;

	ck_assert(vk_catalog_stored_time(vault, key, &stored, NULL));
	ck_assert_int_le(ABS(stored - now), 60);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	ck_assert(vk_catalog_stored_time(vault, key, &stored, NULL));
	ck_assert_int_eq(stored, 1000000000);
	ck_assert(vk_catalog_delete(vault, key, NULL));
	ck_assert(!vk_catalog_stored_time(vault, key, &stored, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

static Suite *pin_suite(void)
{
	Suite *suite = suite_create("pin");
	TCase *cases = tcase_create("pin");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_pinned_snapshot_is_not_forgotten);
	tcase_add_test(cases, the_last_one_replaces_the_others);
	tcase_add_test(cases, a_pin_ends_at_its_date);
	tcase_add_test(cases, what_is_forgotten_is_not_pinned);
	tcase_add_test(cases, it_may_be_forgotten_meanwhile);
	tcase_add_test(cases, of_two_who_pin_at_once_neither_unpins);
	tcase_add_test(cases, what_is_not_there_is_not_pinned);
	tcase_add_test(cases, the_store_knows_when_it_was_stored);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(pin_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
