/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a snapshot in a bucket is read by one process after another, by the log of the stand-in. */
#include "image-bed.h"
#include "pack-name.h"
#include "vault-image.h"

#include <string.h>

#define SIZE (8u << 20)

static char *cache;
static gsize log_length;

/* How many requests of METHOD, or with "" of any, were made for packs since it was called last. */
static guint count_packs(const char *method)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	gsize length;
	guint count = 0;

	ck_assert(g_file_get_contents(g_getenv("VK_TEST_S3_LOG"), &text, &length, NULL));
	lines = g_strsplit(text + log_length, "\n", -1);
	log_length = length;
	for (guint i = 0; lines[i]; i++)
		count += g_str_has_prefix(lines[i], method) && strstr(lines[i], "packs/");
	return count;
}

static VkVault *open_reader(void)
{
	VkVault *reader = vk_vault_open(directory, VK_VAULT_READ, NULL);

	ck_assert_ptr_nonnull(reader);
	vk_vault_keep_reads(reader, cache, (guint64)64 << 20, TRUE);
	return reader;
}

static void read_all(const VkSnapshot *snapshot, const MemSource *source)
{
	g_autoptr(VkVault) reader = open_reader();

	check_image(reader, image_of(snapshot), source);
}

/* Its end, its beginning, and each of its windows. */
START_TEST(the_second_reader_asks_for_nothing)
{
	MemSource *source = mem_source_new(SIZE);
	VkPackId pack;
	g_autoptr(VkSnapshot) snapshot = commit_one_pack(source, &pack);

	count_packs("");
	read_all(snapshot, source);
	ck_assert_uint_le(count_packs("GET"), 1 + 1 + SIZE / (1u << 20) + 1);
	read_all(snapshot, source);
	ck_assert_uint_eq(count_packs(""), 0);
	vk_source_free(&source->base);
}
END_TEST

static void flip(const VkPackId *pack, gsize at)
{
	g_autofree char *object = vk_pack_object(pack, 0);
	g_autofree char *path = test_vault_path(vault, object);
	g_autofree char *bytes = NULL;
	gsize length;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	bytes[at] ^= 1;
	ck_assert(g_file_set_contents_full(path, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE,
					   0600, NULL));
}

/* The window was read for its sound part. */
START_TEST(what_was_damaged_in_the_bucket_is_read_once_it_is_sound)
{
	MemSource *source = mem_source_new(SIZE);
	VkPackId pack;
	g_autoptr(VkSnapshot) snapshot = commit_one_pack(source, &pack);
	g_autofree guint8 *bytes = g_malloc(SIZE);
	VkVault *reader = open_reader();
	VkImage *image = vk_vault_image_open(reader, image_of(snapshot), NULL);

	flip(&pack, (4u << 20) + 500000);
	ck_assert(vk_image_read(image, 4u << 20, bytes, 1, NULL));
	vk_image_free(image);
	vk_vault_free(reader);
	flip(&pack, (4u << 20) + 500000);
	read_all(snapshot, source);
	vk_source_free(&source->base);
}
END_TEST

START_TEST(what_is_damaged_in_the_bucket_is_told)
{
	MemSource *source = mem_source_new(SIZE);
	VkPackId pack;
	g_autoptr(VkSnapshot) snapshot = commit_one_pack(source, &pack);
	g_autofree guint8 *bytes = g_malloc(SIZE);

	flip(&pack, (4u << 20) + 500000);
	for (guint i = 0; i < 2; i++) {
		g_autoptr(VkVault) reader = open_reader();
		g_autoptr(VkImage) image = vk_vault_image_open(reader, image_of(snapshot), NULL);
		g_autoptr(GError) error = NULL;

		ck_assert(!vk_image_read(image, 0, bytes, SIZE, &error));
		ck_assert(strstr(error->message, "damaged") != NULL);
		ck_assert(vk_image_read(image, 0, bytes, 1 << 20, NULL));
	}
	vk_source_free(&source->base);
}
END_TEST

static void set_up_cache(void)
{
	cache = temp_directory_new();
}

static void tear_down_cache(void)
{
	temp_directory_remove(cache);
	g_free(cache);
}

static void add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, set_up_cache, tear_down_cache);
	tcase_add_test(tcase, the_second_reader_asks_for_nothing);
	tcase_add_test(tcase, what_was_damaged_in_the_bucket_is_read_once_it_is_sound);
	tcase_add_test(tcase, what_is_damaged_in_the_bucket_is_told);
}

int main(void)
{
	return run_image_tests("reads", add_tests);
}
