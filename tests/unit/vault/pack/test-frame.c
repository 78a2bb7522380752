/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading many blocks at once: the bytes are those of one block after another, in few requests, and
 * a damaged block is named.
 */
#include "block-cache.h"
#include "codec.h"
#include "errors.h"
#include "frame.h"
#include "hasher.h"
#include "pack-writer.h"
#include "temp-vault.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_BLOCKS 60u
#define SHORT    (N_BLOCKS - 1) /* shorter than a block */
#define MAP      (N_BLOCKS - 2) /* of kind MAP */
#define WHOLE    (N_BLOCKS - 2) /* how many whole data blocks come first */

static const VkPackContext context = {.vault_id = "vault-id-16bytes"};
static const guint8 session_id[VK_ID_SIZE] = "session-id-16byt";

static GRand *seeded;
static char *directory;
static VkStore *store;
static VkStoreOps counting;
static const VkStoreOps *uncounted;
static guint requests;
static guint64 largest;
static VkPackCache *packs;
static VkBlockCache *cache;
static VkPackTable *table;
static VkPackId pack;
static guint8 *blocks, *buf;

static gboolean counted_get(VkStore *of, const char *name, guint64 offset, void *to, gsize length,
			    GError **error)
{
	requests++;
	largest = MAX(largest, length);
	return uncounted->get(of, name, offset, to, length, error);
}

static void ignore_slot(gpointer user, const VkBlockId *id, const VkPackId *of, guint32 slot)
{
}

static void ignore_pack(gpointer user, const VkPackId *of, gboolean ok)
{
}

/* Half of the blocks compress. */
static void write_pack(void)
{
	static const VkPackCalls calls = {.on_slot = ignore_slot, .on_done = ignore_pack};
	VkPackWriter *writer = vk_pack_writer_new(store, &context, session_id, &calls, NULL);
	g_autoptr(VkHasher) hasher = vk_hasher_new(NULL);
	VkCodec *codec = vk_codec_new(1);

	pack = vk_pack_writer_id(writer);
	for (guint i = 0; i < N_BLOCKS; i++) {
		guint8 *block = blocks + (gsize)i * VK_BLOCK_SIZE;
		VkNewSlot slot = {.kind = i == MAP ? VK_SLOT_KIND_MAP : VK_SLOT_KIND_DATA,
				  .length = i == SHORT ? 1234 : VK_BLOCK_SIZE};

		for (gsize j = 0; j < slot.length; j++)
			block[j] = (guint8)(i % 2 ? g_rand_int(seeded) : j / 64 + i);
		slot.id = vk_hasher_id(hasher, block, slot.length);
		slot.bytes = vk_codec_encode(codec, block, slot.length, &slot.stored_length,
					     &slot.compression);
		ck_assert_uint_eq(vk_pack_writer_append(writer, &slot), i);
	}
	ck_assert(vk_pack_writer_send(writer, NULL));
	ck_assert(vk_pack_writer_wait(writer, NULL));
	vk_codec_free(codec);
	vk_pack_writer_free(writer);
}

static void setup(void)
{
	static const char *const folders[] = {"packs", "tmp", NULL};

	blocks = g_malloc0((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	buf = g_malloc0((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	directory = temp_directory_new();
	store = vk_store_dir_new(directory, folders, NULL);
	write_pack();
	packs = vk_pack_cache_new(store, &context);
	cache = vk_block_cache_new(packs);
	table = vk_pack_cache_get(packs, &pack, NULL);
	ck_assert_ptr_nonnull(table);
	uncounted = store->ops;
	counting = *uncounted;
	counting.get = counted_get;
	store->ops = &counting;
	requests = 0;
	largest = 0;
}

static void teardown(void)
{
	store->ops = uncounted;
	vk_pack_table_unref(table);
	vk_block_cache_free(cache);
	vk_pack_cache_free(packs);
	store->ops->free(store);
	temp_directory_remove(directory);
	g_free(directory);
	g_free(buf);
	g_free(blocks);
}

static gboolean is_right(guint32 first, guint32 count)
{
	return memcmp(buf, blocks + (gsize)first * VK_BLOCK_SIZE, (gsize)count * VK_BLOCK_SIZE) ==
	       0;
}

static void fails_at(guint32 slot, guint32 first, guint32 count)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *words = g_strdup_printf("in slot %u:", slot);

	ck_assert(!vk_frames_read_blocks(store, &context, table, first, count, buf, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_msg(strstr(error->message, words) != NULL, "%s", error->message);
}

START_TEST(any_blocks_are_those_that_were_put)
{
	for (guint32 first = 0; first < WHOLE; first += 7)
		for (guint32 count = 0; first + count <= WHOLE; count += 3) {
			memset(buf, 0xee, (gsize)N_BLOCKS * VK_BLOCK_SIZE);
			ck_assert(vk_frames_read_blocks(store, &context, table, first, count, buf,
							NULL));
			ck_assert(is_right(first, count));
			ck_assert_uint_eq(buf[(gsize)count * VK_BLOCK_SIZE], 0xee);
		}
}
END_TEST

START_TEST(neighbours_are_few_requests_of_bounded_size)
{
	guint64 bytes = 0;

	for (guint32 i = 0; i < WHOLE; i++)
		bytes += vk_pack_table_length(table, i);
	ck_assert(vk_frames_read_blocks(store, &context, table, 0, WHOLE, buf, NULL));
	ck_assert_uint_le(largest, VK_FRAMES_REQUEST_MAX);
	ck_assert_uint_gt(largest, VK_FRAMES_REQUEST_MAX - 2 * VK_BLOCK_SIZE);
	ck_assert_uint_le(requests, bytes / VK_FRAMES_REQUEST_MAX + 2);
}
END_TEST

/* As compaction leaves a pack: the slots between have no frame. */
START_TEST(blocks_that_lie_apart_are_read)
{
	table->entries[5].length_flags = 0;
	ck_assert(vk_frames_read_blocks(store, &context, table, 0, 5, buf, NULL));
	ck_assert(is_right(0, 5));
	fails_at(5, 0, 10);
	/* Slot 6 claims to be where slot 30 is: what is there is not slot 6. */
	table->entries[6].offset16 = table->entries[30].offset16;
	fails_at(6, 6, 3);
	/* The table's order need not be the pack's. */
	ck_assert(vk_frames_read_blocks(store, &context, table, 7, 3, buf, NULL));
	ck_assert(is_right(7, 3));
}
END_TEST

START_TEST(a_damaged_block_among_many_is_named)
{
	g_autofree char *path = g_build_filename(directory, table->object, NULL);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t at = (off_t)table->entries[9].offset16 * VK_FRAME_ALIGN + 100;
	guint8 byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 4;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
	fails_at(9, 0, 20);
	ck_assert(is_right(0, 9));
}
END_TEST

START_TEST(what_is_no_whole_data_block_is_refused)
{
	fails_at(MAP, MAP - 3, 4);
	fails_at(SHORT, SHORT, 1);
	fails_at(N_BLOCKS, N_BLOCKS, 1);
}
END_TEST

/* Kept blocks are wrong on purpose: so it shows where each one came from. */
/* A mebibyte of zeros, as zstd writes it. */
static const guint8 bomb[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x48, 0x54, 0x00, 0x00, 0x10,
			      0x00, 0x00, 0x01, 0x00, 0xfb, 0xff, 0x39, 0xc0, 0x02, 0x02,
			      0x00, 0x10, 0x00, 0x02, 0x00, 0x10, 0x00, 0x02, 0x00, 0x10,
			      0x00, 0x02, 0x00, 0x10, 0x00, 0x02, 0x00, 0x10, 0x00, 0x02,
			      0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0x00};

START_TEST(what_unpacks_to_more_than_a_block_is_refused)
{
	gsize length;

	memset(blocks, 0xee, 2 * (gsize)VK_BLOCK_SIZE);
	ck_assert(!vk_decode(VK_COMPRESSION_ZSTD, bomb, sizeof(bomb), blocks, &length));
	ck_assert(!vk_decode(VK_COMPRESSION_NONE, buf, VK_BLOCK_SIZE + 1, blocks, &length));
	for (guint i = 0; i < VK_BLOCK_SIZE; i++)
		ck_assert_uint_eq(blocks[VK_BLOCK_SIZE + i], 0xee);
}
END_TEST

START_TEST(kept_blocks_are_not_read_again)
{
	static const guint32 kept[] = {3, 4, 11, 20};
	g_autofree guint8 *other = g_malloc(VK_BLOCK_SIZE);

	memset(other, 0xab, VK_BLOCK_SIZE);
	for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
		g_autoptr(GBytes) bytes = g_bytes_new(other, VK_BLOCK_SIZE);

		vk_block_cache_pin(cache, &pack, kept[i], bytes);
		memcpy(blocks + (gsize)kept[i] * VK_BLOCK_SIZE, other, VK_BLOCK_SIZE);
	}
	requests = 0;
	ck_assert(vk_block_cache_read(cache, &pack, 3, 18, buf, NULL));
	ck_assert(is_right(3, 18));
	/* 5 to 10 and 12 to 19. */
	ck_assert_uint_eq(requests, 2);
	ck_assert(vk_block_cache_read(cache, &pack, 0, 30, buf, NULL));
	ck_assert(is_right(0, 30));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("frame");
	TCase *tcase = tcase_create("frame");
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, any_blocks_are_those_that_were_put);
	tcase_add_test(tcase, neighbours_are_few_requests_of_bounded_size);
	tcase_add_test(tcase, blocks_that_lie_apart_are_read);
	tcase_add_test(tcase, a_damaged_block_among_many_is_named);
	tcase_add_test(tcase, what_is_no_whole_data_block_is_refused);
	tcase_add_test(tcase, what_unpacks_to_more_than_a_block_is_refused);
	tcase_add_test(tcase, kept_blocks_are_not_read_again);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
