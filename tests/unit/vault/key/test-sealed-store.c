/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store of an encrypted vault: contents of all sizes, what the store underneath sees, damage.
 */
#include "errors.h"
#include "layout.h"
#include "sealed-store.h"
#include "temp-vault.h"

#include <check.h>
#include <string.h>

#define UUID   "11111111-2222-4333-8444-555555555555"
#define OBJECT "snaps/" UUID "/20260102T030405Z-0123456789abcdef.json"

static const guint8 vault_id[] = "vault-id-16bytes";
static char *directory;
static VkKeyring *keyring;
static VkStore *plain, *sealed;

static void set_up(void)
{
	directory = temp_directory_new();
	keyring = vk_keyring_generate(vault_id);
	plain = vk_store_dir_new(directory, vk_vault_folders, NULL);
	sealed = vk_sealed_store_new(vk_store_dir_new(directory, NULL, NULL), keyring);
}

static void tear_down(void)
{
	plain->ops->free(plain);
	sealed->ops->free(sealed);
	vk_keyring_free(keyring);
	temp_directory_remove(directory);
	g_clear_pointer(&directory, g_free);
}

static void put(const char *name, const void *bytes, gsize length)
{
	g_autoptr(GError) error = NULL;
	VkNewObject *object = sealed->ops->begin(sealed, name, &error);

	ck_assert_ptr_nonnull(object);
	/* In pieces that do not fit the parts. */
	for (gsize at = 0; at < length; at += 1000)
		ck_assert(sealed->ops->append(object, (const guint8 *)bytes + at,
					      MIN(length - at, 1000), &error));
	ck_assert_msg(sealed->ops->finish(object, name, VK_PUT_NOW, &error), "%s",
		      error ? error->message : "");
}

/* The only object below FOLDER of the store underneath, with its path. New string. */
static char *find_inside(const char *folder)
{
	g_autoptr(GPtrArray) names = plain->ops->list(plain, folder, NULL);
	g_autofree char *path = NULL;

	ck_assert_uint_eq(names->len, 1);
	path = g_build_filename(folder, names->pdata[0], NULL);
	if (!g_str_has_suffix(path, "/"))
		return g_steal_pointer(&path);
	path[strlen(path) - 1] = '\0';
	return find_inside(path);
}

static const gsize sizes[] = {0, 1, 999, 65535, 65536, 65537, 131072, 200001};

START_TEST(contents_of_all_sizes_come_back)
{
	gsize size = sizes[_i];
	g_autofree guint8 *content = g_malloc(size + 1), *buf = g_malloc(size + 1);
	g_autoptr(GBytes) all = NULL;
	guint64 head;

	for (gsize i = 0; i < size; i++)
		content[i] = (guint8)(i * 7 + i / 256);
	put("hints/abc", content, size);
	ck_assert(sealed->ops->head(sealed, "hints/abc", &head, NULL, NULL));
	ck_assert_uint_eq(head, size);
	all = vk_store_get_all(sealed, "hints/abc", 1 << 20, NULL);
	ck_assert_ptr_nonnull(all);
	ck_assert_uint_eq(g_bytes_get_size(all), size);
	ck_assert(size == 0 || memcmp(g_bytes_get_data(all, NULL), content, size) == 0);
	for (gsize at = 0; at < size; at += 40000) {
		gsize n = MIN(size - at, 70000);

		ck_assert(sealed->ops->get(sealed, "hints/abc", at, buf, n, NULL));
		ck_assert_mem_eq(buf, content + at, n);
	}
	ck_assert(!sealed->ops->get(sealed, "hints/abc", size, buf, 1, NULL));
}
END_TEST

START_TEST(names_and_contents_are_hidden)
{
	static const char text[] = "the guest is called secretguest";
	g_autofree char *inside = NULL;
	g_autoptr(GBytes) stored = NULL;
	g_autoptr(GPtrArray) guests = NULL;

	put(OBJECT, text, sizeof(text));
	inside = find_inside("snaps");
	ck_assert_ptr_null(strstr(inside, "1111"));
	ck_assert_ptr_nonnull(strstr(inside, "/20260102T030405Z-0123456789abcdef.json"));
	stored = vk_store_get_all(plain, inside, 1 << 20, NULL);
	ck_assert_ptr_null(memmem(g_bytes_get_data(stored, NULL), g_bytes_get_size(stored),
				  "secretguest", 11));
	guests = sealed->ops->list(sealed, "snaps", NULL);
	ck_assert_uint_eq(guests->len, 1);
	ck_assert_str_eq(guests->pdata[0], UUID "/");
	g_clear_pointer(&guests, g_ptr_array_unref);
	guests = sealed->ops->list(sealed, "snaps/" UUID, NULL);
	ck_assert_uint_eq(guests->len, 1);
	ck_assert(sealed->ops->delete (sealed, OBJECT, NULL));
	ck_assert(!g_file_test(inside, G_FILE_TEST_EXISTS));
}
END_TEST

static gboolean reads(const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) all = vk_store_get_all(sealed, name, 1 << 20, &error);

	if (!all)
		ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	return all != NULL;
}

/* Replaces what the store underneath has under NAME. */
static void replace(const char *name, const void *bytes, gsize length)
{
	struct iovec part = {.iov_base = g_memdup2(bytes, length), .iov_len = length};

	ck_assert(plain->ops->delete (plain, name, NULL));
	ck_assert(sealed->ops->delete (sealed, OBJECT, NULL));
	ck_assert(vk_store_put(plain, name, &part, 1, VK_PUT_HINT, NULL));
	g_free(part.iov_base);
}

START_TEST(every_bit_counts)
{
	static const char text[] = "what is in it";
	g_autofree char *inside = NULL;
	g_autofree guint8 *bytes = NULL;
	g_autoptr(GBytes) stored = NULL;
	gsize size;

	put(OBJECT, text, sizeof(text));
	inside = find_inside("snaps");
	stored = vk_store_get_all(plain, inside, 1 << 20, NULL);
	size = g_bytes_get_size(stored);
	bytes = g_memdup2(g_bytes_get_data(stored, NULL), size);
	ck_assert(reads(OBJECT));
	for (gsize i = 0; i < size * 8; i++) {
		bytes[i / 8] ^= (guint8)(1 << i % 8);
		replace(inside, bytes, size);
		ck_assert_msg(!reads(OBJECT), "bit %zu", i);
		bytes[i / 8] ^= (guint8)(1 << i % 8);
	}
	replace(inside, bytes, size - 1);
	ck_assert(!reads(OBJECT));
	replace(inside, bytes, size);
	ck_assert(reads(OBJECT));
}
END_TEST

START_TEST(a_part_cannot_be_cut_off)
{
	g_autofree guint8 *content = g_malloc0(200000);
	g_autofree char *inside = NULL;
	g_autoptr(GBytes) stored = NULL;
	gsize header = sizeof(VkSealedHeader), part = VK_SEALED_PART + VK_TAG_SIZE;

	put(OBJECT, content, 200000);
	inside = find_inside("snaps");
	stored = vk_store_get_all(plain, inside, 1 << 20, NULL);
	for (guint parts = 1; parts < 4; parts++) {
		replace(inside, g_bytes_get_data(stored, NULL), header + parts * part);
		ck_assert(!reads(OBJECT));
	}
}
END_TEST

START_TEST(an_object_cannot_take_the_place_of_another)
{
	static const char text[] = "what is in it";
	g_autofree char *inside = NULL, *other = NULL;
	g_autoptr(GBytes) stored = NULL;
	struct iovec part;

	put(OBJECT, text, sizeof(text));
	inside = find_inside("snaps");
	stored = vk_store_get_all(plain, inside, 1 << 20, NULL);
	other = g_strdup(inside);
	/* Another time for the same guest. */
	*strstr(other, "20260102T") = '3';
	part.iov_base = g_memdup2(g_bytes_get_data(stored, NULL), g_bytes_get_size(stored));
	part.iov_len = g_bytes_get_size(stored);
	ck_assert(vk_store_put(plain, other, &part, 1, VK_PUT_HINT, NULL));
	ck_assert(reads(OBJECT));
	ck_assert(!reads("snaps/" UUID "/30260102T030405Z-0123456789abcdef.json"));
	g_free(part.iov_base);
}
END_TEST

START_TEST(packs_keys_and_the_description_pass)
{
	static const char *const names[] = {"packs/ab/abc.0", "keys/abc.json", "vault.json"};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GBytes) stored = NULL;

		put(names[i], "as it is", 8);
		stored = vk_store_get_all(plain, names[i], 100, NULL);
		ck_assert_uint_eq(g_bytes_get_size(stored), 8);
		ck_assert_mem_eq(g_bytes_get_data(stored, NULL), "as it is", 8);
	}
}
END_TEST

START_TEST(what_says_something_by_its_name_stays_empty)
{
	guint64 size = 1;

	put("leases/abc.end", NULL, 0);
	ck_assert(plain->ops->head(plain, "leases/abc.end", &size, NULL, NULL));
	ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(an_error_says_of_which_guest_it_is)
{
	g_autoptr(GError) error = NULL;
	guint64 size;

	ck_assert(!sealed->ops->head(sealed, OBJECT, &size, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert_msg(g_str_has_prefix(error->message, "'" OBJECT "': "), "%s", error->message);
	/* And where it should be. */
	ck_assert_ptr_nonnull(strstr(error->message, directory));
}
END_TEST

static const VkStoreOps *real_ops;
static guint reads_inside, looks_inside;

static gboolean count_get(VkStore *store, const char *name, guint64 offset, void *buf, gsize length,
			  GError **error)
{
	reads_inside++;
	return real_ops->get(store, name, offset, buf, length, error);
}

static gboolean count_head(VkStore *store, const char *name, guint64 *ret_size, gint64 *ret_stored,
			   GError **error)
{
	looks_inside++;
	return real_ops->head(store, name, ret_size, ret_stored, error);
}

START_TEST(a_small_object_costs_one_read)
{
	VkStore *inner = vk_store_dir_new(directory, NULL, NULL);
	VkStore *counted = vk_sealed_store_new(inner, keyring);
	VkStoreOps counting = *inner->ops;
	g_autoptr(GBytes) all = NULL;

	put(OBJECT, "what is in it", 13);
	real_ops = inner->ops;
	counting.get = count_get;
	counting.head = count_head;
	inner->ops = &counting;
	all = vk_store_get_all(counted, OBJECT, 1 << 20, NULL);
	ck_assert_uint_eq(g_bytes_get_size(all), 13);
	ck_assert_uint_eq(looks_inside, 1);
	ck_assert_uint_eq(reads_inside, 1);
	counted->ops->free(counted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sealed-store");
	TCase *tcase = tcase_create("sealed-store");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, contents_of_all_sizes_come_back, 0, G_N_ELEMENTS(sizes));
	tcase_add_test(tcase, names_and_contents_are_hidden);
	tcase_add_test(tcase, every_bit_counts);
	tcase_add_test(tcase, a_part_cannot_be_cut_off);
	tcase_add_test(tcase, an_object_cannot_take_the_place_of_another);
	tcase_add_test(tcase, packs_keys_and_the_description_pass);
	tcase_add_test(tcase, what_says_something_by_its_name_stays_empty);
	tcase_add_test(tcase, an_error_says_of_which_guest_it_is);
	tcase_add_test(tcase, a_small_object_costs_one_read);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
