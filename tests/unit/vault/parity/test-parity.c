/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parity of a pack as it is made: the shards, their checksums and where they lie. */
#include "crc.h"
#include "pack-trailer.h"
#include "parity-code.h"
#include "parity.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const VkPackContext context = {.vault_id = "vault-id-16bytes"};

static GRand *seeded;

/* In GF(2^8) with the polynomial 0x11d, bit by bit. */
static guint8 multiply(guint8 a, guint8 b)
{
	guint product = 0, shifted = a;

	for (; b; b >>= 1, shifted <<= 1) {
		if (shifted & 0x100)
			shifted ^= 0x11d;
		if (b & 1)
			product ^= shifted;
	}
	return (guint8)product;
}

/* As format.h says it, byte by byte. */
static void compute(const guint8 *pack, gsize length, gsize size, guint8 *p, guint8 *q)
{
	guint8 power = 1, times[256];

	memset(p, 0, size);
	memset(q, 0, size);
	for (gsize at = 0; at < length; at += size, power = multiply(power, 2)) {
		for (guint i = 0; i < 256; i++)
			times[i] = multiply(power, (guint8)i);
		for (gsize i = 0; i < MIN(size, length - at); i++) {
			p[i] ^= pack[at + i];
			q[i] ^= times[pack[at + i]];
		}
	}
}

static void fill(guint8 *bytes, gsize length)
{
	guint32 state = g_rand_int(seeded);

	for (gsize i = 0; i < length; i++) {
		state = state * 1664525u + 1013904223u;
		bytes[i] = (guint8)(state >> 24);
	}
}

/* In portions of any length. */
static GByteArray *make_parity(const guint8 *pack, gsize length, VkPackTrailer *trailer)
{
	VkPackId id = {"pack-id-16-bytes"};
	g_autoptr(VkParity) parity = vk_parity_new(&context, &id);
	GByteArray *end = g_byte_array_new();

	for (gsize at = 0; at < length;) {
		gsize portion =
			(gsize)g_rand_int_range(seeded, 1, g_rand_boolean(seeded) ? 100 : 1 << 21);

		portion = MIN(portion, length - at);
		vk_parity_add(parity, pack + at, portion);
		at += portion;
	}
	vk_parity_finish(parity, trailer, end);
	return end;
}

typedef struct Size {
	gsize length;
	guint log2, data; /* expected */
} Size;

static const Size sizes[] = {
	{300, 12, 1},
	{4096, 12, 1},
	{4097, 12, 2},
	{512 << 10, 12, 128},
	{(512 << 10) + 1, 14, 33},
	{2 << 20, 14, 128},
	{(2 << 20) + 1, 16, 33},
	{8 << 20, 16, 128},
	{(8 << 20) + 4097, 18, 33},
	{(32 << 20) + 200000, 18, 129},
};

START_TEST(the_shards_are_what_the_format_says)
{
	const Size *expected = &sizes[_i];
	const gsize shard = (gsize)1 << expected->log2;
	gsize covered = (expected->length + 4095) / 4096 * 4096;
	g_autofree guint8 *pack = g_malloc0(covered);
	g_autofree guint8 *p = g_malloc(shard), *q = g_malloc(shard);
	VkPackTrailer trailer = {.magic = GUINT32_TO_LE(VK_TRAILER_MAGIC)};
	VkPackId id = {"pack-id-16-bytes"};
	guint32 seed = vk_pack_context_crc(&context, &id);
	g_autoptr(GByteArray) end = NULL;
	g_autofree VkParityEnd *first = g_new(VkParityEnd, 1);
	const guint8 *parity;

	fill(pack, expected->length);
	end = make_parity(pack, expected->length, &trailer);
	ck_assert_uint_eq(vk_parity_total(expected->length), expected->length + end->len);
	ck_assert_uint_eq(end->len, covered - expected->length + 2 * (4096 + shard));
	ck_assert_uint_eq(trailer.parity_shard_log2, expected->log2);
	ck_assert_uint_eq(trailer.parity_data, expected->data);
	ck_assert_uint_eq(GUINT64_FROM_LE(trailer.parity_offset), covered);
	ck_assert(vk_pack_trailer_is_sound(&trailer));

	compute(pack, covered, shard, p, q);
	/* It lies at an odd place in the buffer. */
	memcpy(first, end->data + (covered - expected->length), sizeof(*first));
	parity = end->data + (covered - expected->length) + 4096;
	ck_assert(memcmp(parity, p, shard) == 0);
	ck_assert(memcmp(parity + shard, q, shard) == 0);
	ck_assert(memcmp(first, end->data + end->len - 4096, sizeof(*first)) == 0);
	ck_assert(memcmp(&first->trailer, &trailer, sizeof(trailer)) == 0);
	for (guint i = 0; i < expected->data; i++) {
		gsize at = i * shard;

		ck_assert_uint_eq(GUINT32_FROM_LE(first->crc32c[i]),
				  vk_crc32c(seed, pack + at, MIN(shard, covered - at)));
	}
	ck_assert_uint_eq(GUINT32_FROM_LE(first->crc32c[expected->data]),
			  vk_crc32c(seed, p, shard));
	ck_assert_uint_eq(GUINT32_FROM_LE(first->crc32c[expected->data + 1]),
			  vk_crc32c(seed, q, shard));
}
END_TEST

/* More than any reader takes. */
START_TEST(a_pack_that_is_too_long_has_none)
{
	gsize length = ((gsize)VK_PARITY_DATA_MAX << VK_PARITY_LOG2_MAX) + 1;
	g_autofree guint8 *pack = g_malloc0(length);
	VkPackTrailer trailer = {.magic = GUINT32_TO_LE(VK_TRAILER_MAGIC)};
	g_autoptr(GByteArray) end = make_parity(pack, length, &trailer);

	ck_assert_uint_eq(end->len, sizeof(trailer));
	ck_assert_uint_eq(trailer.parity_shards, 0);
	ck_assert(vk_pack_trailer_is_sound(&trailer));
	ck_assert_uint_eq(vk_parity_total(length), length + sizeof(trailer));
}
END_TEST

/* Each two of all that there can be. */
START_TEST(any_two_shards_come_back)
{
	enum { LENGTH = 80 };
	g_autofree guint8 *shards = g_malloc((gsize)VK_PARITY_DATA_MAX * LENGTH);
	guint8 p[LENGTH] = {0}, q[LENGTH] = {0};

	fill(shards, (gsize)VK_PARITY_DATA_MAX * LENGTH);
	for (guint i = 0; i < VK_PARITY_DATA_MAX; i++)
		vk_parity_code_add(p, q, i, shards + (gsize)i * LENGTH, LENGTH);
	for (guint a = 0; a < VK_PARITY_DATA_MAX; a++) {
		const guint8 *lost_a = shards + (gsize)a * LENGTH;

		for (guint b = a; b < VK_PARITY_DATA_MAX; b++) {
			const guint8 *lost_b = shards + (gsize)b * LENGTH;
			guint8 sum_p[LENGTH], sum_q[LENGTH], back_a[LENGTH], back_b[LENGTH];
			VkParityLoss loss = {.count = a == b ? 1 : 2,
					     .shards = {a, b},
					     .from_q = b % 2 != 0,
					     .sums = {sum_p, sum_q},
					     .result = {back_a, back_b}};

			/* Adding again takes away: what is left is the sum of what is lost. */
			memset(sum_p, 0, LENGTH);
			memset(sum_q, 0, LENGTH);
			vk_parity_code_add(sum_p, sum_q, a, lost_a, LENGTH);
			if (a != b)
				vk_parity_code_add(sum_p, sum_q, b, lost_b, LENGTH);
			vk_parity_code_solve(&loss, LENGTH);
			ck_assert(memcmp(back_a, lost_a, LENGTH) == 0);
			ck_assert(a == b || memcmp(back_b, lost_b, LENGTH) == 0);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parity");
	TCase *tcase = tcase_create("parity");
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, the_shards_are_what_the_format_says, 0, G_N_ELEMENTS(sizes));
	tcase_add_test(tcase, a_pack_that_is_too_long_has_none);
	tcase_add_test(tcase, any_two_shards_come_back);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
