/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Block ids: one by one, side by side, of whole blocks and of shorter ones. */
#include "hasher.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define N_BLOCKS (2 * VK_HASHER_LANES + VK_HASHER_LANES / 2 + 1)

static guint8 data[N_BLOCKS][VK_BLOCK_SIZE];

static void setup(void)
{
	g_autoptr(GRand) seeded = g_rand_new_with_seed(5);

	for (guint i = 0; i < N_BLOCKS; i++)
		for (gsize j = 0; j < VK_BLOCK_SIZE; j++)
			data[i][j] = (guint8)g_rand_int(seeded);
}

static const VkKey key = {.bytes = "the key of the keyed block ids!"};

/* The test runs twice: for plain ids and for keyed ones. */
static const VkKey *key_of(int is_keyed)
{
	return is_keyed ? &key : NULL;
}

/* By GLib, which has its own SHA-256 and HMAC. */
static void check_id(const VkHashed *block, int is_keyed)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, key.bytes, sizeof(key));
	guint8 expected[VK_BLOCK_ID_SIZE];
	gsize length = sizeof(expected);

	g_checksum_update(checksum, block->data, (gssize)block->length);
	g_hmac_update(hmac, block->data, (gssize)block->length);
	if (is_keyed)
		g_hmac_get_digest(hmac, expected, &length);
	else
		g_checksum_get_digest(checksum, expected, &length);
	ck_assert_mem_eq(block->id.bytes, expected, sizeof(expected));
}

START_TEST(any_number_of_whole_blocks)
{
	g_autoptr(VkHasher) hasher = vk_hasher_new(key_of(_i));
	VkHashed blocks[N_BLOCKS];

	for (guint count = 0; count <= N_BLOCKS; count++) {
		for (guint i = 0; i < count; i++)
			blocks[i] = (VkHashed){.data = data[i], .length = VK_BLOCK_SIZE};
		vk_hasher_run(hasher, blocks, count);
		for (guint i = 0; i < count; i++)
			check_id(&blocks[i], _i);
	}
}
END_TEST

START_TEST(shorter_blocks_among_whole_ones)
{
	static const gsize lengths[] = {1, 55, 56, 63, 64, 4096, 65471, 65472, 65534, 65535};
	g_autoptr(VkHasher) hasher = vk_hasher_new(key_of(_i));
	VkHashed blocks[VK_HASHER_LANES];

	for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
		for (guint j = 0; j < VK_HASHER_LANES; j++)
			blocks[j] = (VkHashed){.data = data[j], .length = VK_BLOCK_SIZE};
		blocks[i].length = lengths[i];
		vk_hasher_run(hasher, blocks, VK_HASHER_LANES);
		for (guint j = 0; j < VK_HASHER_LANES; j++)
			check_id(&blocks[j], _i);
	}
}
END_TEST

START_TEST(one_block)
{
	g_autoptr(VkHasher) hasher = vk_hasher_new(key_of(_i));
	VkHashed block = {.data = "abc", .length = 3};

	block.id = vk_hasher_id(hasher, block.data, block.length);
	check_id(&block, _i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hasher");
	TCase *tcase = tcase_create("ids");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, any_number_of_whole_blocks, 0, 2);
	tcase_add_loop_test(tcase, shorter_blocks_among_whole_ones, 0, 2);
	tcase_add_loop_test(tcase, one_block, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
