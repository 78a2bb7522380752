/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The retention of array snapshots, with a vault and an array that does not do what it is told. */
#include "array-leftovers.h"
#include "catalog.h"
#include "expire.h"
#include "ontap-nas.h"
#include "session.h"
#include "temp-vault.h"
#include "timestamp.h"
#include "vault-copy.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SECTION                        \
	"[array c1]\n"                 \
	"url = https://127.0.0.1:%\n"  \
	"user = admin\n"               \
	"password_file = @/password\n" \
	"ca_file = @/state/ca.pem\n"   \
	"[array]\n"                    \
	"NTAP_SNAPSHOT_RETENTIONS = daily:1\n"
#define SIZE 512
#define DAY  ((gint64)24 * 60 * 60)

static VkVault *vault;

static void setup(void)
{
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;

	nas_setup();
	bed_write(bed, "vmstore/mail.raw", "mail");
	bed_configure(bed, SECTION);
	path = bed_path(bed, "vaultdir");
	vault = vk_vault_init(path, &error);
	bed_succeed(vault != NULL, error);
}

static void teardown(void)
{
	vk_vault_free(vault);
	nas_teardown();
}

static const char *const guests[] = {WEB, MAIL};
static const char *const images[] = {"vmstore/data.raw", "vmstore/mail.raw"};

static void list_snapshot(const char *uuid, gint64 seconds, json_t *copy)
{
	g_autofree char *time = vk_time_format(seconds);
	g_autoptr(VkSnapshot) snapshot =
		make_snapshot(uuid, time, vk_image_record_new_on_array(SIZE, SIZE, copy));
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(GError) error = NULL;

	snapshot->label = g_strdup("daily");
	bed_succeed(vk_session_commit(session, snapshot, &error), error);
	vk_session_free(session);
}

/* The array snapshot of COPY gets the name that it would have, had it been taken at SECONDS. */
static char *antedate(json_t *copy, gint64 seconds)
{
	json_t *layer = json_array_get(json_object_get(copy, "layers"), 0);
	const char *name = vk_json_optional_string(layer, "snapshot");
	g_auto(GStrv) parts = g_strsplit(name, "_", -1);
	g_autofree char *time = vk_time_format(seconds);
	char *older = g_strdup_printf("%s_%s_%s_%s", parts[0], parts[1], time, parts[3]);
	g_autofree char *snapshots = bed_path(bed, "vmstore/.snapshot");
	g_autofree char *from = g_build_filename(snapshots, name, NULL);
	g_autofree char *to = g_build_filename(snapshots, older, NULL);

	json_decref(bed_control(bed, "POST", "set",
				json_pack("{s:s, s:{s:s}, s:{s:s}}", "kind", "snapshots", "where",
					  "name", name, "set", "name", older)));
	ck_assert_int_eq(rename(from, to), 0);
	json_object_set_new(layer, "snapshot", json_string(older));
	return older;
}

/* One array snapshot of the volume for the first COUNT guests, listed as if taken AGE ago. */
static void back_up(guint count, gint64 age)
{
	g_autoptr(VkSnapshotSet) set =
		vk_snapshot_set_new(bed->arrays, vk_vault_id(vault), "daily");
	gint64 seconds = g_get_real_time() / G_USEC_PER_SEC - age;
	g_autoptr(GError) error = NULL;
	json_t *copies[G_N_ELEMENTS(guests)];

	for (guint i = 0; i < count; i++) {
		vk_snapshot_set_join(set, guests[i], ID);
		vk_snapshot_set_add(set, guests[i], "vda", nas_probe(images[i]));
	}
	bed_succeed(nas_run_set(set, &error), error);
	for (guint i = 0; i < count; i++) {
		copies[i] = vk_snapshot_set_copy(set, guests[i], "vda");
		bed_succeed(vk_snapshot_set_keep(set, guests[i], &error), error);
		vk_snapshot_set_leave(set, guests[i]);
	}
	g_autofree char *older = antedate(copies[0], seconds);
	for (guint i = 0; i < count; i++) {
		json_object_set_new(json_array_get(json_object_get(copies[i], "layers"), 0),
				    "snapshot", json_string(older));
		list_snapshot(guests[i], seconds, copies[i]);
	}
}

/* A snapshot whose disk lies on a volume that is no more. */
static void list_lost(gint64 age)
{
	json_t *copy = nas_listed_copy(FALSE);
	json_t *layer = json_array_get(json_object_get(copy, "layers"), 0);

	json_object_set_new(layer, "volume", json_string(MAIL));
	json_object_set_new(layer, "below", json_string("no.raw"));
	list_snapshot(WEB, g_get_real_time() / G_USEC_PER_SEC - age, copy);
}

static gboolean expire(const char *uuid, GError **error)
{
	return vk_expire_copies(vault, bed->arrays, bed->settings, uuid, "daily", error);
}

static guint count_listed(const char *uuid)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, uuid, NULL);

	return keys->len;
}

static void set_owners(json_t *owners)
{
	json_decref(bed_control(bed, "POST", "set",
				json_pack("{s:s, s:{}, s:{s:o}}", "kind", "snapshots", "where",
					  "set", "owners", owners)));
}

static void settle(const char *uuid)
{
	VkArrayDisk *disk = nas_probe(images[0]);
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_array_leftovers_settle(bed->arrays, disk, vault, uuid, &error), error);
	vk_array_disk_free(disk);
}

/* Nobody lists it any more when it can be removed at last. */
START_TEST(comes_back_to_what_was_held)
{
	g_autoptr(GError) error = NULL;

	back_up(2, 20 * DAY);
	back_up(2, 10 * DAY);
	set_owners(json_pack("[s]", "snapmirror"));
	for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
		bed_succeed(expire(guests[i], &error), error);
		ck_assert_uint_eq(count_listed(guests[i]), 1);
	}
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 2);
	set_owners(json_array());
	settle(WEB);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	ck_assert_uint_eq(count_listed(WEB), 1);
}
END_TEST

/* Nobody can read what is listed of the guest. */
static void spoil_listed(const char *uuid)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, uuid, NULL);

	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);
		g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
		g_autofree char *name = g_strconcat("vaultdir/", object, NULL);

		bed_write(bed, name, "spoilt");
	}
}

/* Of what another run took nothing lies in it. */
START_TEST(asks_nothing_of_other_runs)
{
	g_autoptr(GError) error = NULL;

	back_up(2, 20 * DAY);
	back_up(2, 10 * DAY);
	set_owners(json_pack("[s]", "snapmirror"));
	for (guint i = 0; i < G_N_ELEMENTS(guests); i++)
		bed_succeed(expire(guests[i], &error), error);
	spoil_listed(MAIL);
	set_owners(json_array());
	settle(WEB);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
}
END_TEST

static guint count_unlisted(void)
{
	VkArrayDisk *disk = nas_probe(images[0]);
	g_autoptr(GPtrArray) found =
		vk_arrays_list(bed->arrays, disk, vk_vault_id(vault), WEB, NULL);
	guint count = 0;

	for (guint i = 0; i < found->len; i++)
		count += ((VkArraySnapshot *)g_ptr_array_index(found, i))->is_unlisted;
	vk_array_disk_free(disk);
	return count;
}

/* A run was killed before it took the snapshot off the list, or another guest needs it. */
START_TEST(keeps_what_is_still_listed)
{
	g_autoptr(GError) error = NULL;

	back_up(2, 20 * DAY);
	back_up(1, 10 * DAY);
	bed_succeed(expire(WEB, &error), error);
	ck_assert_uint_eq(count_listed(WEB), 1);
	ck_assert_uint_eq(count_unlisted(), 1);
	settle(WEB);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 2);
	ck_assert_uint_eq(count_unlisted(), 0);
}
END_TEST

/* It may be listed again. */
START_TEST(keeps_what_a_forgotten_snapshot_needs)
{
	g_autoptr(VkSnapshotKey) key = NULL;
	g_autoptr(GError) error = NULL;

	back_up(2, 20 * DAY);
	back_up(1, 10 * DAY);
	key = vk_catalog_find_key(vault, guests[1], &error);
	bed_succeed(key && vk_catalog_forget(vault, key, NULL, &error), error);
	bed_succeed(expire(WEB, &error), error);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 2);
	ck_assert_uint_eq(count_unlisted(), 1);
	settle(WEB);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 2);
	ck_assert_uint_eq(count_unlisted(), 1);
	bed_succeed(vk_catalog_unforget(vault, key, &error), error);
	settle(WEB);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 2);
	ck_assert_uint_eq(count_unlisted(), 0);
}
END_TEST

static gpointer expire_web(gpointer data)
{
	return GINT_TO_POINTER(expire(WEB, data));
}

/* As another process does it. */
static void copy(const char *uuid, guint number)
{
	g_autofree char *path = bed_path(bed, "vaultdir");
	g_autoptr(GError) error = NULL;
	VkVault *other = vk_vault_open(path, VK_VAULT_WRITE, &error);
	g_autoptr(GPtrArray) keys = vk_catalog_list(other, uuid, NULL);
	g_autoptr(VkSnapshot) snapshot =
		vk_catalog_load(other, g_ptr_array_index(keys, number), &error);

	bed_succeed(snapshot && vk_vault_copy(other, bed->arrays, snapshot, 1, NULL, &error),
		    error);
	vk_vault_free(other);
}

/* The array is slow to tell of replicas, and meanwhile the snapshot comes into the vault. */
START_TEST(keeps_what_is_copied_meanwhile)
{
	g_autoptr(GError) error = NULL;
	GThread *thread;

	back_up(1, 20 * DAY);
	back_up(1, 10 * DAY);
	bed_add_fault(bed, "hold", "GET", "/snapmirror/relationships", "before");
	thread = g_thread_new("expire", expire_web, &error);
	json_decref(bed_control(bed, "GET", "held", NULL));
	copy(WEB, 0);
	json_decref(bed_control(bed, "POST", "release", NULL));
	bed_succeed(GPOINTER_TO_INT(g_thread_join(thread)), error);
	ck_assert_uint_eq(count_listed(WEB), 2);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
}
END_TEST

/* Whatever lies behind us, a backup asks no more than for the latest of it. */
START_TEST(costs_little_over_history)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;

	for (gint64 days = 80; days > 20; days -= 10) {
		back_up(1, days * DAY);
		copy(WEB, count_listed(WEB) - 1);
	}
	bed_succeed(expire(WEB, &error), error);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	json_decref(bed_requests(bed));
	bed_succeed(expire(WEB, &error), error);
	ck_assert_uint_eq(count_listed(WEB), 6);
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "GET", "*/snapmirror/relationships*"), 0);
	/* One for each that is gone. */
	ck_assert_uint_eq(json_array_size(requests), 5);
}
END_TEST

/* Replicas that may be on a silent cluster: one question for all of them. */
START_TEST(asks_once_for_replicas)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;

	for (gint64 days = 60; days > 20; days -= 10)
		back_up(1, days * DAY);
	json_decref(
		bed_control(bed, "POST", "faults",
			    json_pack("{s:s, s:s, s:i, s:i}", "action", "status", "path",
				      "/snapmirror/relationships", "status", 500, "times", -1)));
	bed_succeed(expire(WEB, &error), error);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	ck_assert_uint_eq(count_listed(WEB), 4);
	json_decref(bed_requests(bed));
	bed_succeed(expire(WEB, &error), error);
	requests = bed_requests(bed);
	ck_assert_uint_eq(count_listed(WEB), 4);
	ck_assert_uint_eq(bed_count(requests, "GET", "*/snapmirror/relationships*"), 1);
	/* Nobody has them. */
	bed_clear_faults(bed);
	bed_succeed(expire(WEB, &error), error);
	ck_assert_uint_eq(count_listed(WEB), 1);
}
END_TEST

/* The volume of a disk was deleted on the array: what else is old goes all the same. */
START_TEST(goes_on_without_the_volume)
{
	g_autoptr(GError) error = NULL;

	back_up(1, 30 * DAY);
	list_lost(20 * DAY);
	back_up(1, 10 * DAY);
	bed_succeed(expire(WEB, &error), error);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	ck_assert_uint_eq(count_listed(WEB), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-expire");
	TCase *tcase = tcase_create("ontap-expire");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, comes_back_to_what_was_held);
	tcase_add_test(tcase, asks_nothing_of_other_runs);
	tcase_add_test(tcase, keeps_what_is_still_listed);
	tcase_add_test(tcase, keeps_what_a_forgotten_snapshot_needs);
	tcase_add_test(tcase, keeps_what_is_copied_meanwhile);
	tcase_add_test(tcase, costs_little_over_history);
	tcase_add_test(tcase, asks_once_for_replicas);
	tcase_add_test(tcase, goes_on_without_the_volume);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
