/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parity.h"

#include "crc.h"
#include "pack-trailer.h"
#include "parity-code.h"

/*
 * How long the pack becomes is known at its end only. So its parity is made for each size of shards
 * at once, as long as the pack is not too long for it: a third more work than for the largest
 * alone.
 */
#define N_SIZES   4u
#define LOG2_STEP 2u
G_STATIC_ASSERT(VK_PARITY_LOG2_MIN + (N_SIZES - 1) * LOG2_STEP == VK_PARITY_LOG2_MAX);

typedef struct Shards {
	gsize size;
	guint64 longest; /* pack */
	guint8 *parity[VK_PARITY_SHARDS];
	guint32 crc32c[VK_PARITY_DATA_MAX];
} Shards;

struct VkParity {
	guint32 seed; /* of all checksums */
	guint64 length;
	Shards sizes[N_SIZES]; /* smallest first */
};

static guint shard_log2(guint number)
{
	return VK_PARITY_LOG2_MIN + LOG2_STEP * number;
}

static guint64 longest_pack(guint number)
{
	guint64 shards = number == N_SIZES - 1 ? VK_PARITY_DATA_MAX : VK_PARITY_DATA_GOAL;

	return shards << shard_log2(number);
}

/* The number of the smallest size that does for LENGTH bytes; N_SIZES: there is none. */
static guint choose_size(guint64 length)
{
	guint number = 0;

	while (number < N_SIZES && length > longest_pack(number))
		number++;
	return number;
}

static guint64 align(guint64 length)
{
	return (length + VK_PARITY_ALIGN - 1) / VK_PARITY_ALIGN * VK_PARITY_ALIGN;
}

guint64 vk_parity_total(guint64 length)
{
	guint number = choose_size(align(length));

	if (number == N_SIZES)
		return length + sizeof(VkPackTrailer);
	return align(length) + 2 * sizeof(VkParityEnd) +
	       ((guint64)VK_PARITY_SHARDS << shard_log2(number));
}

VkParity *vk_parity_new(const VkPackContext *context, const VkPackId *id)
{
	VkParity *parity = g_new0(VkParity, 1);

	parity->seed = vk_pack_context_crc(context, id);
	for (guint number = 0; number < N_SIZES; number++) {
		Shards *shards = &parity->sizes[number];

		shards->size = (gsize)1 << shard_log2(number);
		shards->longest = longest_pack(number);
		for (guint row = 0; row < VK_PARITY_SHARDS; row++)
			shards->parity[row] = g_malloc0(shards->size);
		for (guint i = 0; i < VK_PARITY_DATA_MAX; i++)
			shards->crc32c[i] = parity->seed;
	}
	return parity;
}

void vk_parity_free(VkParity *parity)
{
	if (!parity)
		return;
	for (guint number = 0; number < N_SIZES; number++)
		for (guint row = 0; row < VK_PARITY_SHARDS; row++)
			g_free(parity->sizes[number].parity[row]);
	g_free(parity);
}

/* LENGTH bytes at the offset AT of the pack, which is not too long for it. */
static void add_to_shards(Shards *shards, guint64 at, const guint8 *bytes, gsize length)
{
	while (length > 0) {
		guint shard = (guint)(at / shards->size);
		gsize within = (gsize)(at % shards->size);
		gsize n = MIN(length, shards->size - within);

		vk_parity_code_add(shards->parity[0] + within, shards->parity[1] + within, shard,
				   bytes, n);
		shards->crc32c[shard] = vk_crc32c(shards->crc32c[shard], bytes, n);
		at += n;
		bytes += n;
		length -= n;
	}
}

void vk_parity_add(VkParity *parity, const void *bytes, gsize length)
{
	for (guint number = 0; number < N_SIZES; number++) {
		Shards *shards = &parity->sizes[number];

		if (parity->length + length <= shards->longest)
			add_to_shards(shards, parity->length, bytes, length);
	}
	parity->length += length;
}

static void pad(VkParity *parity, GByteArray *end)
{
	static const guint8 zeros[VK_PARITY_ALIGN];
	gsize length = (gsize)(align(parity->length) - parity->length);

	g_byte_array_append(end, zeros, (guint)length);
	vk_parity_add(parity, zeros, length);
}

void vk_parity_finish(VkParity *parity, VkPackTrailer *trailer, GByteArray *end)
{
	guint number = choose_size(align(parity->length));
	const Shards *shards = &parity->sizes[MIN(number, N_SIZES - 1)];
	g_autofree VkParityEnd *record = g_new0(VkParityEnd, 1);
	guint data;

	if (number == N_SIZES) {
		vk_pack_trailer_seal(trailer);
		g_byte_array_append(end, (const guint8 *)trailer, sizeof(*trailer));
		return;
	}
	pad(parity, end);
	data = (guint)((parity->length + shards->size - 1) / shards->size);
	for (guint i = 0; i < data; i++)
		record->crc32c[i] = GUINT32_TO_LE(shards->crc32c[i]);
	for (guint row = 0; row < VK_PARITY_SHARDS; row++)
		record->crc32c[data + row] =
			GUINT32_TO_LE(vk_crc32c(parity->seed, shards->parity[row], shards->size));
	trailer->parity_shard_log2 = (guint8)shard_log2(number);
	trailer->parity_data = (guint8)data;
	trailer->parity_shards = VK_PARITY_SHARDS;
	trailer->parity_offset = GUINT64_TO_LE(parity->length);
	trailer->parity_crc32c =
		GUINT32_TO_LE(vk_crc32c(parity->seed, record->crc32c, sizeof(record->crc32c)));
	vk_pack_trailer_seal(trailer);
	record->trailer = *trailer;
	g_byte_array_append(end, (const guint8 *)record, sizeof(*record));
	for (guint row = 0; row < VK_PARITY_SHARDS; row++)
		g_byte_array_append(end, shards->parity[row], (guint)shards->size);
	g_byte_array_append(end, (const guint8 *)record, sizeof(*record));
}
