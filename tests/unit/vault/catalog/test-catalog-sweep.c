/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is removed beside snapshots, and what stays. */
#include "catalog-sweep.h"

#include "catalog.h"
#include "checked-json.h"
#include "lease.h"
#include "vault-dir.h"
#include "vault-leases.h"
#include "vault-parts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define DAY1 "20261121T120000Z"
#define DAY2 "20261122T120000Z"
#define DEAD "0123456789abcdef0123456789abcdef"

static VaultDir dir;
static VkVault *vault;
static const VkStoreOps *plain;
static VkStoreOps hooked;
static VkSnapshotKey *key;

/* A snapshot without an image. */
static VkSnapshotKey *put(const char *time)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, time, vk_image_record_new(0));
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autofree char *name = vk_snapshot_key_object(UUID, time, snapshot->id);
	g_autofree char *reference = g_strdup_printf("%s@%s", UUID, time);

	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
	return vk_catalog_find_key(vault, reference, NULL);
}

static void setup(void)
{
	vault = vault_dir_new(&dir);
	plain = vault->store->ops;
	hooked = *plain;
	key = put(DAY1);
	ck_assert_ptr_nonnull(key);
}

static void teardown(void)
{
	vault->store->ops = plain;
	vk_snapshot_key_free(key);
	vault_dir_clear(&dir);
}

static char *beside(const VkSnapshotKey *snapshot, const char *kind)
{
	return g_strdup_printf("snaps/" UUID "/%s-%s.%s", snapshot->time, snapshot->id, kind);
}

static void put_beside(const VkSnapshotKey *snapshot, const char *kind)
{
	g_autofree char *name = beside(snapshot, kind);

	ck_assert(vk_store_put(vault->store, name, NULL, 0, VK_PUT_NOW, NULL));
}

static gboolean has_beside(const VkSnapshotKey *snapshot, const char *kind)
{
	g_autofree char *name = beside(snapshot, kind);
	guint64 size;

	return vault->store->ops->head(vault->store, name, &size, NULL, NULL);
}

static void sweep(void)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_catalog_sweep(vault, &error), "%s", error ? error->message : "");
}

/* As if the object had been removed, and its collector killed then. */
static void lose_object(void)
{
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);

	ck_assert(vault->store->ops->delete (vault->store, object, NULL));
}

static const char *const kinds[] = {"del", "pin-01", "before-" DAY2, "back-" DEAD, "gone-" DEAD};

START_TEST(what_a_killed_removal_left_goes)
{
	g_autofree char *copies = vk_snapshot_copies_object(key->uuid, key->time, key->id);
	guint64 size;

	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		put_beside(key, kinds[i]);
	put_beside(key, "unknown");
	ck_assert(vk_store_put(vault->store, copies, NULL, 0, VK_PUT_NOW, NULL));
	lose_object();
	sweep();
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		ck_assert(!has_beside(key, kinds[i]));
	ck_assert(!vault->store->ops->head(vault->store, copies, &size, NULL, NULL));
	ck_assert(has_beside(key, "unknown"));
}
END_TEST

START_TEST(what_lies_beside_a_snapshot_stays)
{
	g_autofree char *copies = vk_snapshot_copies_object(key->uuid, key->time, key->id);
	VkLease *lease = vk_lease_begin(vault->store, VK_LEASE_READ, NULL, NULL);
	g_autofree char *back = g_strconcat("back-", vk_lease_id(lease), NULL);
	g_autofree char *gone = g_strconcat("gone-", vk_lease_id(lease), NULL);
	const char *const stay[] = {"del", "pin-01", "before-" DAY2, back, gone, "gone-01"};
	guint64 size;

	for (guint i = 0; i < G_N_ELEMENTS(stay); i++)
		put_beside(key, stay[i]);
	put_beside(key, "back-" DEAD);
	put_beside(key, "gone-" DEAD);
	ck_assert(vk_store_put(vault->store, copies, NULL, 0, VK_PUT_NOW, NULL));
	sweep();
	for (guint i = 0; i < G_N_ELEMENTS(stay); i++)
		ck_assert(has_beside(key, stay[i]));
	ck_assert(vault->store->ops->head(vault->store, copies, &size, NULL, NULL));
	ck_assert(!has_beside(key, "back-" DEAD));
	ck_assert(!has_beside(key, "gone-" DEAD));
	vk_lease_end(lease);
}
END_TEST

/* The object was put after its place had been listed, and the pin before its own. */
static GPtrArray *list_late(VkStore *store, const char *folder, GError **error)
{
	GPtrArray *names = plain->list(store, folder, error);

	if (!strstr(folder, UUID))
		return names;
	vault->store->ops = plain;
	for (guint i = names->len; i > 0; i--)
		if (g_str_has_suffix(g_ptr_array_index(names, i - 1), ".json"))
			g_ptr_array_remove_index(names, i - 1);
	return names;
}

START_TEST(what_is_new_stays)
{
	put_beside(key, "pin-01");
	hooked.list = list_late;
	vault->store->ops = &hooked;
	sweep();
	ck_assert_ptr_eq(vault->store->ops, plain);
	ck_assert(has_beside(key, "pin-01"));
}
END_TEST

static gboolean die_after_mark(VkNewObject *object, const char *name, VkPutMode mode,
			       GError **error)
{
	if (plain->finish(object, name, mode, error) && strstr(name, ".back-"))
		_exit(0);
	return TRUE;
}

/* A process is killed while it unforgets. */
static void die_while_unforgetting(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		hooked.finish = die_after_mark;
		vault->store->ops = &hooked;
		vk_catalog_unforget(vault, key, NULL);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

static gboolean is_returning(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, NULL);

	ck_assert_uint_eq(keys->len, 1);
	return ((VkSnapshotKey *)g_ptr_array_index(keys, 0))->returning;
}

START_TEST(a_killed_unforget_keeps_nothing)
{
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	die_while_unforgetting();
	ck_assert(is_returning());
	sweep(); /* whether its lease is open is not for this to decide */
	ck_assert(is_returning());
	vk_vault_clear_leases(vault);
	ck_assert(!is_returning());
}
END_TEST

/* The mark was durable, and the name of the lease was not. */
START_TEST(a_power_cut_while_unforgetting_keeps_nothing)
{
	g_autoptr(GPtrArray) leases = NULL;

	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	die_while_unforgetting();
	leases = vault->store->ops->list(vault->store, "leases", NULL);
	ck_assert_uint_eq(leases->len, 1);
	{
		g_autofree char *lease = g_build_filename("leases", leases->pdata[0], NULL);

		ck_assert(vault->store->ops->delete (vault->store, lease, NULL));
	}
	sweep();
	ck_assert(!is_returning());
}
END_TEST

static Suite *catalog_sweep_suite(void)
{
	Suite *suite = suite_create("catalog-sweep");
	TCase *cases = tcase_create("catalog-sweep");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_a_killed_removal_left_goes);
	tcase_add_test(cases, what_lies_beside_a_snapshot_stays);
	tcase_add_test(cases, what_is_new_stays);
	tcase_add_test(cases, a_killed_unforget_keeps_nothing);
	tcase_add_test(cases, a_power_cut_while_unforgetting_keeps_nothing);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(catalog_sweep_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
