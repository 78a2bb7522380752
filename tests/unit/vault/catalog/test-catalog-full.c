/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marks on a vault that has room for no name any more, until the reserve and the hints are removed.
 */
#include "catalog-expire.h"
#include "catalog-pin.h"
#include "catalog.h"
#include "checked-json.h"
#include "errors.h"
#include "io.h"
#include "read-lease.h"
#include "vault-dir.h"
#include "vault-leases.h"
#include "vault-parts.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define DAY  "20261121T120000Z"
#define HINT "hints/0123456789abcdef0123456789abcdef"

static VaultDir dir;
static VkVault *vault;
static VkIo real;
static int trouble; /* an errno */
static gboolean (*is_full)(void);

static gboolean has_hint(void)
{
	guint64 size;

	return vault->store->ops->head(vault->store, HINT, &size, NULL, NULL);
}

static guint count_reserve(void)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "reserve", NULL);

	return names->len;
}

static gboolean has_half_the_reserve(void)
{
	return count_reserve() >= 2;
}

static gboolean is_full_for_good(void)
{
	return TRUE;
}

static void setup(void)
{
	real = vk_io;
	is_full = has_hint;
	vault = vault_dir_new(&dir);
}

static void teardown(void)
{
	vk_io = real;
	vault_dir_clear(&dir);
}

static int open_on_full_disk(int dirfd, const char *path, int flags, mode_t mode)
{
	if (!(flags & O_CREAT) || !is_full())
		return real.openat(dirfd, path, flags, mode);
	errno = trouble;
	return -1;
}

/* Of no image, so that the vault has all of it. */
static VkSnapshot *put(void)
{
	VkSnapshot *snapshot = make_snapshot(UUID, DAY, vk_image_record_new(0));
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autofree char *name = vk_snapshot_key_object(UUID, DAY, snapshot->id);

	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
	return snapshot;
}

static void fill(int errno_value)
{
	ck_assert(vk_store_put(vault->store, HINT, NULL, 0, VK_PUT_NOW, NULL));
	trouble = errno_value;
	vk_io.openat = open_on_full_disk;
}

static gboolean forget(const VkSnapshotKey *key, VkSnapshot *snapshot, GError **error)
{
	return vk_catalog_forget(vault, key, NULL, error);
}

static gboolean unforget(const VkSnapshotKey *key, VkSnapshot *snapshot, GError **error)
{
	return vk_catalog_unforget(vault, key, error);
}

static gboolean pin(const VkSnapshotKey *key, VkSnapshot *snapshot, GError **error)
{
	return vk_catalog_pin(vault, key, VK_PIN_FOR_GOOD, NULL, error);
}

static gboolean expire(const VkSnapshotKey *key, VkSnapshot *snapshot, GError **error)
{
	gboolean done;

	return vk_catalog_expire(vault, key, snapshot, &done, error);
}

static const struct {
	gboolean (*run)(const VkSnapshotKey *key, VkSnapshot *snapshot, GError **error);
	gboolean begins_forgotten;
} acts[] = {{forget, FALSE}, {unforget, TRUE}, {pin, FALSE}, {expire, FALSE}};

/* Runs the act number ACT on a vault where no object can be made because of ERRNO_VALUE. */
static gboolean run(int act, int errno_value, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = put();
	g_autoptr(VkSnapshotKey) key = vk_catalog_find_key(vault, UUID, NULL);

	ck_assert(!acts[act].begins_forgotten || vk_catalog_forget(vault, key, NULL, NULL));
	fill(errno_value);
	return acts[act].run(key, snapshot, error);
}

START_TEST(a_full_vault_gets_the_room_of_its_hints)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(run(_i, _i == 0 ? EDQUOT : ENOSPC, &error), "%s",
		      error ? error->message : "");
	ck_assert(!has_hint());
}
END_TEST

START_TEST(the_reserve_goes_before_the_hints)
{
	g_autoptr(GError) error = NULL;

	is_full = has_half_the_reserve;
	ck_assert_msg(run(_i, ENOSPC, &error), "%s", error ? error->message : "");
	ck_assert_uint_eq(count_reserve(), 1);
	ck_assert(has_hint());
}
END_TEST

START_TEST(a_vault_that_fails_keeps_its_hints)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!run(_i, EIO, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert(has_hint());
	ck_assert_uint_eq(count_reserve(), 4);
}
END_TEST

/* A person has to know what to do. */
START_TEST(what_finds_no_room_says_so)
{
	g_autoptr(GError) error = NULL;

	is_full = is_full_for_good;
	ck_assert(!run(_i, ENOSPC, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FULL));
	ck_assert_ptr_nonnull(strstr(error->message, "make room there and try again"));
}
END_TEST

START_TEST(who_reads_a_full_vault_has_a_lease)
{
	g_autoptr(VkSnapshot) snapshot = put();
	g_autoptr(VkSnapshotKey) key = vk_catalog_find_key(vault, UUID, NULL);
	g_autoptr(GPtrArray) leases = NULL;
	VkReadLease *lease;

	fill(ENOSPC);
	lease = vk_read_lease_begin(vault, key, NULL);
	ck_assert_ptr_nonnull(lease);
	leases = vk_vault_leases(vault, NULL);
	ck_assert_uint_eq(leases->len, 1);
	vk_read_lease_end(lease);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("catalog-full");
	TCase *cases = tcase_create("catalog-full");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, a_full_vault_gets_the_room_of_its_hints, 0, G_N_ELEMENTS(acts));
	tcase_add_loop_test(cases, the_reserve_goes_before_the_hints, 0, G_N_ELEMENTS(acts));
	tcase_add_loop_test(cases, a_vault_that_fails_keeps_its_hints, 0, G_N_ELEMENTS(acts));
	tcase_add_loop_test(cases, what_finds_no_room_says_so, 0, G_N_ELEMENTS(acts));
	tcase_add_test(cases, who_reads_a_full_vault_has_a_lease);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
