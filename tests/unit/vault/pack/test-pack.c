/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packs: what was put can be found and read; any flipped bit, any truncation, and any pack or frame
 * in the place of another is noticed.
 */
#include "codec.h"
#include "crc.h"
#include "errors.h"
#include "frame.h"
#include "hasher.h"
#include "pack-cache.h"
#include "pack-name.h"
#include "pack-writer.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define N_BLOCKS 20

static const VkPackContext context = {.vault_id = "vault-id-16bytes"};
static const guint8 session_id[VK_ID_SIZE] = "session-id-16byt";

static GRand *seeded;
static char *directory;
static VkStore *store;
static guint8 blocks[N_BLOCKS][VK_BLOCK_SIZE];
static gsize lengths[N_BLOCKS];
static VkPackId pack;
static guint told;
static guint done, lost;

static void count_slot(gpointer user, const VkBlockId *id, const VkPackId *of, guint32 slot)
{
	told++;
}

static void count_pack(gpointer user, const VkPackId *of, gboolean ok)
{
	if (ok)
		done++;
	else
		lost++;
}

static const VkPackCalls calls = {.on_slot = count_slot, .on_done = count_pack};

static void write_pack(void)
{
	g_autoptr(GError) error = NULL;
	VkPackWriter *writer = vk_pack_writer_new(store, &context, session_id, &calls, NULL);
	g_autoptr(VkHasher) hasher = vk_hasher_new(NULL);
	VkCodec *codec = vk_codec_new(1);

	pack = vk_pack_writer_id(writer);
	for (guint i = 0; i < N_BLOCKS; i++) {
		VkNewSlot slot = {.kind = VK_SLOT_KIND_DATA, .block = i};
		VkPackId in;
		guint32 found;

		lengths[i] = i == N_BLOCKS - 1 ? 1234 : VK_BLOCK_SIZE;
		for (gsize j = 0; j < lengths[i]; j++)
			blocks[i][j] = (guint8)(i % 2 ? g_rand_int(seeded) : j / 64 + i);
		slot.length = lengths[i];
		slot.id = vk_hasher_id(hasher, blocks[i], lengths[i]);
		ck_assert(!vk_pack_writer_find(writer, &slot.id, &in, &found));
		slot.bytes = vk_codec_encode(codec, blocks[i], lengths[i], &slot.stored_length,
					     &slot.compression);
		ck_assert_int_eq(slot.compression,
				 i % 2 ? VK_COMPRESSION_NONE : VK_COMPRESSION_ZSTD);
		ck_assert_uint_eq(vk_pack_writer_append(writer, &slot), i);
		ck_assert(vk_pack_writer_find(writer, &slot.id, &in, &found));
		ck_assert_uint_eq(found, i);
		ck_assert(vk_pack_id_equal(&in, &pack));
	}
	told = done = lost = 0;
	ck_assert(vk_pack_writer_send(writer, &error));
	ck_assert(vk_pack_writer_wait(writer, &error));
	ck_assert_uint_eq(told, N_BLOCKS);
	ck_assert_uint_eq(done, 1);
	ck_assert_uint_eq(lost, 0);
	vk_codec_free(codec);
	vk_pack_writer_free(writer);
}

static void setup(void)
{
	static const char *const folders[] = {"packs", "tmp", NULL};

	directory = temp_directory_new();
	store = vk_store_dir_new(directory, folders, NULL);
	write_pack();
}

static void teardown(void)
{
	store->ops->free(store);
	temp_directory_remove(directory);
	g_free(directory);
}

/* How many of the pack's blocks can be read. What is read must be right. */
static guint count_readable(const VkPackContext *of_vault, const VkPackId *id)
{
	/* A store of its own: nothing comes from an earlier look at the file. */
	VkStore *fresh = vk_store_dir_new(directory, NULL, NULL);
	VkPackCache *cache = vk_pack_cache_new(fresh, of_vault);
	g_autoptr(GError) error = NULL;
	g_autoptr(VkPackTable) table = vk_pack_cache_get(cache, id, &error);
	guint8 buf[VK_BLOCK_SIZE];
	guint readable = 0;

	for (guint i = 0; table && i < N_BLOCKS; i++) {
		gsize length;
		g_autoptr(GError) trouble = NULL;

		if (vk_frame_read(fresh, of_vault, table, i, VK_SLOT_KIND_DATA, buf, &length,
				  &trouble)) {
			ck_assert_uint_eq(length, lengths[i]);
			ck_assert(memcmp(buf, blocks[i], length) == 0);
			readable++;
		} else {
			ck_assert(g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE));
		}
	}
	vk_pack_cache_free(cache);
	fresh->ops->free(fresh);
	return readable;
}

static char *pack_path(const VkPackId *id, guint32 generation)
{
	g_autofree char *object = vk_pack_object(id, generation);

	return g_build_filename(directory, object, NULL);
}

START_TEST(what_was_put_is_read)
{
	ck_assert_uint_eq(count_readable(&context, &pack), N_BLOCKS);
}
END_TEST

START_TEST(a_flipped_bit_is_noticed)
{
	g_autofree char *path = pack_path(&pack, 0);
	g_autofree guint8 *bytes = NULL;
	gsize length;
	guint unnoticed = 0;

	ck_assert(g_file_get_contents(path, (char **)&bytes, &length, NULL));
	for (guint i = 0; i < 400; i++) {
		/* Half of them at the ends, where header, table and trailer are. */
		gsize at = i % 2 ? (gsize)g_rand_int_range(seeded, 0, (gint32)length)
				 : (i % 4 ? length - 1 - (gsize)g_rand_int_range(seeded, 0, 1000)
					  : (gsize)g_rand_int_range(seeded, 0, 300));

		bytes[at] ^= 1 << (i % 8);
		ck_assert(g_file_set_contents(path, (char *)bytes, (gssize)length, NULL));
		if (count_readable(&context, &pack) == N_BLOCKS)
			unnoticed++;
		bytes[at] ^= 1 << (i % 8);
	}
	/* Only the padding between frames may be flipped without harm: under 16 bytes each. */
	ck_assert_uint_le(unnoticed, 4);
}
END_TEST

START_TEST(a_truncated_pack_is_noticed)
{
	g_autofree char *path = pack_path(&pack, 0);
	g_autofree char *bytes = NULL;
	gsize length;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	for (guint i = 0; i < 50; i++) {
		gsize kept = i < 10 ? length - 1 - i
				    : (gsize)g_rand_int_range(seeded, 0, (gint32)length);

		ck_assert(g_file_set_contents(path, bytes, (gssize)kept, NULL));
		ck_assert_uint_eq(count_readable(&context, &pack), 0);
	}
}
END_TEST

START_TEST(a_pack_cannot_stand_in_for_another)
{
	const VkPackContext other_vault = {.vault_id = "other-vault-16by"};
	VkPackId other = vk_pack_id_random();
	g_autofree char *path = pack_path(&pack, 0);
	g_autofree char *other_path = pack_path(&other, 0);
	g_autofree char *other_folder = g_path_get_dirname(other_path);
	g_autofree char *bytes = NULL;
	gsize length;

	ck_assert_uint_eq(count_readable(&other_vault, &pack), 0);
	ck_assert_uint_eq(count_readable(&context, &other), 0);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	g_mkdir_with_parents(other_folder, 0700);
	ck_assert(g_file_set_contents(other_path, bytes, (gssize)length, NULL));
	ck_assert_uint_eq(count_readable(&context, &other), 0);
}
END_TEST

START_TEST(a_later_generation_is_found)
{
	g_autofree char *path = pack_path(&pack, 0);
	g_autofree char *later = pack_path(&pack, 7);

	ck_assert_int_eq(rename(path, later), 0);
	ck_assert_uint_eq(count_readable(&context, &pack), N_BLOCKS);
}
END_TEST

START_TEST(crc32c_is_the_published_one)
{
	/* RFC 3720 appendix B.4 and the common check value. */
	const guint8 zeros[32] = {0};

	ck_assert_uint_eq(vk_crc32c(0, "123456789", 9), 0xe3069283u);
	ck_assert_uint_eq(vk_crc32c(0, zeros, 32), 0x8a9136aau);
	ck_assert_uint_eq(vk_crc32c(vk_crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pack");
	TCase *tcase = tcase_create("pack");
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_put_is_read);
	tcase_add_test(tcase, a_flipped_bit_is_noticed);
	tcase_add_test(tcase, a_truncated_pack_is_noticed);
	tcase_add_test(tcase, a_pack_cannot_stand_in_for_another);
	tcase_add_test(tcase, a_later_generation_is_found);
	tcase_add_test(tcase, crc32c_is_the_published_one);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
