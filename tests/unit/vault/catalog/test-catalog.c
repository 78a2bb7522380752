/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog.h"

#include "checked-json.h"
#include "vault-dir.h"
#include "vault-parts.h"
#include "view.h"

#include "errors.h"

#include <check.h>
#include <string.h>

#define UUID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define UUID_B "bbbbbbbb-0000-4000-8000-000000000002"
#define UUID_C "cccccccc-0000-4000-8000-000000000003"
#define DAY1   "20261121T120000Z"
#define DAY2   "20261122T120000Z"

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

static VkSnapshot *new_snapshot(const char *uuid, const char *name, const char *time)
{
	VkSnapshot *snapshot = vk_snapshot_new();

	snapshot->uuid = g_strdup(uuid);
	snapshot->name = g_strdup(name);
	snapshot->time = g_strdup(time);
	snapshot->host = g_strdup("host");
	snapshot->consistency = g_strdup("offline");
	snapshot->tool = g_strdup("virtkeep test");
	snapshot->state = g_strdup("shut off");
	snapshot->domain_xml = g_strdup("<domain/>");
	return snapshot;
}

/* Puts a snapshot. Returns its object's name, a new string. */
static char *put(const char *uuid, const char *name, const char *time)
{
	g_autoptr(VkSnapshot) snapshot = new_snapshot(uuid, name, time);
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	char *object_name = vk_snapshot_key_object(uuid, time, snapshot->id);

	ck_assert(vk_checked_json_put(vault->store, object_name, object, VK_PUT_HINT, NULL));
	return object_name;
}

/* Overwrites the object with LENGTH bytes. */
static void spoil_bytes(const char *object, const char *bytes, gsize length)
{
	g_autofree char *path = test_vault_path(vault, object);

	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

static void spoil(const char *object, const char *text)
{
	spoil_bytes(object, text, strlen(text));
}

static void check_view_names(const char *const *expected)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(vault, NULL);

	ck_assert_ptr_nonnull(guests);
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		ck_assert_ptr_nonnull(expected[i]);
		ck_assert_str_eq(guest->view_name, expected[i]);
	}
	ck_assert_ptr_null(expected[guests->len]);
}

static void check_found(const char *reference, const char *uuid, const char *time)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_find(vault, reference, &error);

	ck_assert_msg(snapshot != NULL, "%s", error ? error->message : "");
	ck_assert_str_eq(snapshot->uuid, uuid);
	ck_assert_str_eq(snapshot->time, time);
}

static void check_not_found(const char *reference, VkErrorCode code, const char *text)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_catalog_find(vault, reference, &error));
	ck_assert_int_eq(error->code, code);
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
}

START_TEST(empty_vault_has_no_guests)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, NULL, NULL);
	const char *none[] = {NULL};

	ck_assert_uint_eq(keys->len, 0);
	check_view_names(none);
	check_not_found("web", VK_ERROR_NOT_FOUND, "no guest 'web'");
}
END_TEST

START_TEST(snapshots_are_listed_in_order)
{
	g_autofree char *b = put(UUID_B, "web", DAY1);
	g_autofree char *a2 = put(UUID_A, "db", DAY2);
	g_autofree char *a1 = put(UUID_A, "db", DAY1);
	g_autoptr(GPtrArray) all = vk_catalog_list(vault, NULL, NULL);
	g_autoptr(GPtrArray) one = vk_catalog_list(vault, UUID_B, NULL);
	g_autoptr(GPtrArray) none = vk_catalog_list(vault, "../packs", NULL);
	const char *expected[] = {a1, a2, b};

	ck_assert_uint_eq(all->len, 3);
	for (guint i = 0; i < 3; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(all, i);
		g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);

		ck_assert_str_eq(name, expected[i]);
	}
	ck_assert_uint_eq(one->len, 1);
	ck_assert_uint_eq(none->len, 0);
}
END_TEST

START_TEST(other_names_are_passed_over)
{
	static const char *const names[] = {
		"snaps/" UUID_A "/" DAY1 "-0123456789abcdeX.json",
		"snaps/" UUID_A "/" DAY1 "-0123456789abcdef.json~",
		"snaps/" UUID_A "/20261321T120000Z-0123456789abcdef.json",
		"snaps/" UUID_A "/README",
		"snaps/notes/" DAY1 "-0123456789abcdef.json",
	};
	char byte = 0;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	g_autoptr(GPtrArray) keys = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		ck_assert(vk_store_put(vault->store, names[i], &part, 1, VK_PUT_HINT, NULL));
	keys = vk_catalog_list(vault, NULL, NULL);
	ck_assert_uint_eq(keys->len, 0);
}
END_TEST

START_TEST(guests_are_found_by_what_people_write)
{
	g_autofree char *a1 = put(UUID_A, "db old", DAY1);
	g_autofree char *a2 = put(UUID_A, "Büro 1", DAY2);
	const char *names[] = {"Büro 1", NULL};

	check_view_names(names);
	check_found("Büro 1", UUID_A, DAY2);
	check_found("Büro 1@latest", UUID_A, DAY2);
	check_found("Büro 1@" DAY1, UUID_A, DAY1);
	check_found(UUID_A "@" DAY1, UUID_A, DAY1);
	check_found("AAAAAAAA-0000-4000-8000-000000000001", UUID_A, DAY2);
	check_not_found("db old", VK_ERROR_NOT_FOUND, "no guest 'db old'");
	check_not_found("Büro 1@20200101T000000Z", VK_ERROR_NOT_FOUND,
			"no snapshot at '20200101T000000Z'");
	check_not_found("Büro 1@20200101T000000Z", VK_ERROR_NOT_FOUND, "Büro 1@" DAY2);
	check_not_found("Büro 1@tomorrow", VK_ERROR_USAGE, "tomorrow");
	check_not_found("Buro 1@latest", VK_ERROR_NOT_FOUND, "did you mean 'Büro 1'?");
	check_found("Büro 1@2100-01-01", UUID_A, DAY2);
	check_found("Büro 1@-1", UUID_A, DAY1);
}
END_TEST

START_TEST(guests_of_one_name_are_told_apart)
{
	g_autofree char *a = put(UUID_A, "web", DAY1);
	g_autofree char *b = put(UUID_B, "web", DAY1);
	g_autofree char *c = put(UUID_C, "web~aaaaaaaa", DAY1);
	const char *names[] = {"web~" UUID_A, "web~aaaaaaaa~cccccccc", "web~bbbbbbbb", NULL};

	check_view_names(names);
	check_not_found("web", VK_ERROR_USAGE, "'web~" UUID_A "' or 'web~bbbbbbbb'");
	check_found("web~bbbbbbbb@latest", UUID_B, DAY1);
	check_found("web~aaaaaaaa", UUID_C, DAY1);
}
END_TEST

START_TEST(view_names_are_safe)
{
	g_autofree char *a = put(UUID_A, "a/b\nc\x7f", DAY1);
	g_autofree char *b = put(UUID_B, "..", DAY1);
	const char *names[] = {"_..", "a_b_c_", NULL};

	check_view_names(names);
	check_found("a/b\nc\x7f", UUID_A, DAY1);
	check_found("a_b_c_", UUID_A, DAY1);
}
END_TEST

START_TEST(long_view_names_are_cut)
{
	GString *name = g_string_new(NULL);
	g_autoptr(GPtrArray) guests = NULL;

	for (guint i = 0; i < 200; i++)
		g_string_append(name, "ü");
	g_autofree char *a = put(UUID_A, name->str, DAY1);
	g_autofree char *b = put(UUID_B, name->str, DAY1);
	g_string_free(name, TRUE);
	guests = vk_catalog_guests(vault, NULL);
	ck_assert_uint_eq(guests->len, 2);
	for (guint i = 0; i < 2; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		ck_assert_uint_eq(strlen(guest->view_name), 255);
		ck_assert(g_utf8_validate(guest->view_name, -1, NULL));
		ck_assert(g_str_has_suffix(guest->view_name, i ? "~bbbbbbbb" : "~aaaaaaaa"));
	}
}
END_TEST

START_TEST(a_damaged_guest_is_not_called_unknown)
{
	g_autofree char *object = put(UUID_A, "web", DAY1);

	spoil(object, "{}");
	check_not_found("web", VK_ERROR_DAMAGE, UUID_A);
	check_not_found(UUID_A, VK_ERROR_DAMAGE, "damaged");
}
END_TEST

START_TEST(damage_hides_no_guest)
{
	g_autofree char *a1 = put(UUID_A, "db", DAY1);
	g_autofree char *a2 = put(UUID_A, "db", DAY2);
	g_autofree char *b = put(UUID_B, "web", DAY1);
	const char *names[] = {UUID_B, "db", NULL};

	spoil(a2, "{\"format\":1}\n{\"sha256\":\"00\"}\n");
	spoil(b, "{\"format\":1");
	check_view_names(names);
	check_found("db@" DAY1, UUID_A, DAY1);
	check_not_found("db", VK_ERROR_DAMAGE, a2);
	check_not_found(UUID_B, VK_ERROR_DAMAGE, b);
}
END_TEST

START_TEST(moved_objects_are_damage)
{
	g_autofree char *a = put(UUID_A, "db", DAY1);
	g_autofree char *content = NULL;
	g_autofree char *path = test_vault_path(vault, a);
	g_autofree char *b = put(UUID_A, "db", DAY2);
	gsize length;

	ck_assert(g_file_get_contents(path, &content, &length, NULL));
	spoil_bytes(b, content, length);
	check_not_found("db@" DAY2, VK_ERROR_DAMAGE, b);
	check_found("db@" DAY1, UUID_A, DAY1);
}
END_TEST

START_TEST(altered_objects_are_damage)
{
	g_autofree char *a = put(UUID_A, "db", DAY1);
	g_autofree char *path = test_vault_path(vault, a);
	g_autofree char *content = NULL;
	gsize length;

	ck_assert(g_file_get_contents(path, &content, &length, NULL));
	content[length / 2] ^= 1;
	spoil_bytes(a, content, length);
	check_not_found(UUID_A, VK_ERROR_DAMAGE, test_is_encrypted() ? "sealed" : "checksum");
}
END_TEST

START_TEST(stamp_changes_with_the_snapshots)
{
	guint64 before, after;
	g_autofree char *a = put(UUID_A, "db", DAY1);

	ck_assert(vk_catalog_stamp(vault, &before, NULL));
	g_autofree char *b = put(UUID_A, "db", DAY2);
	ck_assert(vk_catalog_stamp(vault, &after, NULL));
	ck_assert_uint_ne(before, after);
}
END_TEST

START_TEST(view_names_files)
{
	static const char *const names[] = {"domain.xml", "snapshot.json", "vda.raw",
					    "nvram.fd",   "_vda.raw",      NULL};
	VkSnapshot *snapshot = new_snapshot(UUID_A, "db", DAY1);
	VkDiskRecord *disk = vk_disk_record_new();
	g_autoptr(VkView) view = NULL;

	disk->target = g_strdup("vda");
	disk->image = vk_image_record_new(1 << 20);
	g_ptr_array_add(snapshot->disks, disk);
	for (guint i = 4; i > 2; i--) {
		VkFileRecord *file = vk_file_record_new();

		file->name = g_strdup(i == 3 ? "nvram.fd" : "vda.raw");
		file->image = vk_image_record_new(i);
		g_ptr_array_add(snapshot->files, file);
	}
	view = vk_view_new(vault, snapshot);
	for (guint i = 0; names[i]; i++) {
		const VkViewFile *file = g_ptr_array_index(vk_view_files(view), i);

		ck_assert_str_eq(file->name, names[i]);
		ck_assert_ptr_eq(vk_view_find(view, names[i]), file);
	}
	ck_assert_uint_eq(vk_view_files(view)->len, 5);
	ck_assert_uint_eq(vk_view_find(view, "vda.raw")->size, 1 << 20);
	ck_assert_str_eq(vk_view_find(view, "domain.xml")->text, "<domain/>");
	ck_assert(g_str_has_suffix(vk_view_find(view, "snapshot.json")->text, "}\n"));
	ck_assert_ptr_null(vk_view_find(view, "live.xml"));
}
END_TEST

static Suite *catalog_suite(void)
{
	Suite *suite = suite_create("catalog");
	TCase *cases = tcase_create("catalog");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, empty_vault_has_no_guests);
	tcase_add_test(cases, snapshots_are_listed_in_order);
	tcase_add_test(cases, other_names_are_passed_over);
	tcase_add_test(cases, guests_are_found_by_what_people_write);
	tcase_add_test(cases, guests_of_one_name_are_told_apart);
	tcase_add_test(cases, view_names_are_safe);
	tcase_add_test(cases, long_view_names_are_cut);
	tcase_add_test(cases, damage_hides_no_guest);
	tcase_add_test(cases, a_damaged_guest_is_not_called_unknown);
	tcase_add_test(cases, moved_objects_are_damage);
	tcase_add_test(cases, altered_objects_are_damage);
	tcase_add_test(cases, stamp_changes_with_the_snapshots);
	tcase_add_test(cases, view_names_files);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(catalog_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
