/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mended.h"

#include "crc.h"
#include "parity-code.h"
#include "parity-end.h"

#include "errors.h"
#include "interrupt.h"

#include <string.h>

struct VkMended {
	VkPackTrailer trailer;
	VkParityLayout layout;
	guint count; /* of the data shards that were lost */
	guint shards[VK_PARITY_SHARDS];
	guint8 *bytes[VK_PARITY_SHARDS]; /* of these */
};

/* A pack that is read for it. Borrows all but SUMS and SHARD. */
typedef struct Reading {
	VkStore *store;
	const VkPackContext *context;
	const VkPackId *id;
	const char *object;
	VkParityEnd end;
	VkParityLayout layout;
	guint8 *shard;                   /* the one that is read */
	guint8 *sums[VK_PARITY_SHARDS];  /* parity, and the data shards that are sound */
	gboolean lost[VK_PARITY_SHARDS]; /* parity shards */
	VkMendedFacts *facts;
} Reading;

gboolean vk_mended_is_too_much(const VkMendedFacts *facts)
{
	return facts->damaged + facts->unread > VK_MENDED_MAX;
}

void vk_mended_free(VkMended *mended)
{
	if (!mended)
		return;
	for (guint i = 0; i < mended->count; i++)
		g_free(mended->bytes[i]);
	g_free(mended);
}

static gboolean is_sound(const Reading *reading, guint shard, const guint8 *bytes)
{
	gsize length = vk_parity_shard_length(&reading->layout, shard);

	return GUINT32_FROM_LE(reading->end.crc32c[shard]) ==
	       vk_crc32c(vk_pack_context_crc(reading->context, reading->id), bytes, length);
}

/* Reads a shard into BYTES. FALSE: it is lost, as it is damaged or cannot be read. */
static gboolean read_shard(const Reading *reading, guint shard, guint8 *bytes)
{
	const VkParityLayout *layout = &reading->layout;
	g_autoptr(GError) trouble = NULL;

	if (!reading->store->ops->get(reading->store, reading->object,
				      vk_parity_shard_offset(layout, shard), bytes,
				      vk_parity_shard_length(layout, shard), &trouble) &&
	    !g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
		reading->facts->unread++;
		return FALSE;
	}
	if (!trouble && is_sound(reading, shard, bytes))
		return TRUE;
	reading->facts->damaged++;
	return FALSE;
}

/* A store that is away is not asked for each shard. */
static gboolean may_go_on(const Reading *reading)
{
	return reading->facts->unread <= VK_MENDED_MAX && !vk_interrupted();
}

/* Sums up what is sound, and notes which data shards are lost; the first two of them. */
static void read_shards(Reading *reading, VkMended *mended)
{
	for (guint row = 0; row < VK_PARITY_SHARDS; row++)
		reading->lost[row] =
			!read_shard(reading, reading->layout.data + row, reading->sums[row]);
	for (guint shard = 0; shard < reading->layout.data && may_go_on(reading); shard++) {
		if (read_shard(reading, shard, reading->shard))
			vk_parity_code_add(reading->sums[0], reading->sums[1], shard,
					   reading->shard,
					   vk_parity_shard_length(&reading->layout, shard));
		else if (mended->count < VK_PARITY_SHARDS)
			mended->shards[mended->count++] = shard;
	}
}

/* Computes the data shards that are lost, if that can be. */
static gboolean solve(const Reading *reading, VkMended *mended, GError **error)
{
	const gsize size = reading->layout.shard_size;
	VkParityLoss loss = {.count = mended->count, .from_q = reading->lost[0]};

	if (vk_mended_is_too_much(reading->facts))
		mended->count = 0;
	if (mended->count == 0)
		return TRUE;
	for (guint i = 0; i < mended->count; i++)
		mended->bytes[i] = g_malloc(size);
	memcpy(loss.shards, mended->shards, sizeof(loss.shards));
	memcpy(loss.sums, reading->sums, sizeof(loss.sums));
	memcpy(loss.result, mended->bytes, sizeof(loss.result));
	vk_parity_code_solve(&loss, size);
	for (guint i = 0; i < mended->count; i++)
		if (!is_sound(reading, mended->shards[i], mended->bytes[i]))
			return vk_fail(error, VK_ERROR_DAMAGE,
				       "'%s' is damaged: its parity is of something else",
				       reading->object);
	return TRUE;
}

static gboolean read_pack(Reading *reading, VkMended *mended, GError **error)
{
	gboolean whole, done;

	if (!vk_parity_end_find(reading->store, reading->context, reading->id, reading->object,
				&reading->end, &reading->layout, &whole, error))
		return FALSE;
	*reading->facts = (VkMendedFacts){
		.shards = reading->layout.data + VK_PARITY_SHARDS,
		.end = !whole,
	};
	mended->trailer = reading->end.trailer;
	mended->layout = reading->layout;
	reading->shard = g_malloc(reading->layout.shard_size);
	for (guint row = 0; row < VK_PARITY_SHARDS; row++)
		reading->sums[row] = g_malloc(reading->layout.shard_size);
	read_shards(reading, mended);
	done = vk_interrupted() ? vk_fail_interrupted(error) : solve(reading, mended, error);
	for (guint row = 0; row < VK_PARITY_SHARDS; row++)
		g_free(reading->sums[row]);
	g_free(reading->shard);
	return done;
}

VkMended *vk_mended_new(VkStore *store, const VkPackContext *context, const VkPackId *id,
			const char *object, VkMendedFacts *ret_facts, GError **error)
{
	g_autoptr(VkMended) mended = g_new0(VkMended, 1);
	g_autofree Reading *reading = g_new0(Reading, 1);

	reading->store = store;
	reading->context = context;
	reading->id = id;
	reading->object = object;
	reading->facts = ret_facts;
	return read_pack(reading, mended, error) ? g_steal_pointer(&mended) : NULL;
}

const VkPackTrailer *vk_mended_trailer(const VkMended *mended)
{
	return &mended->trailer;
}

guint64 vk_mended_covered(const VkMended *mended)
{
	return mended->layout.covered;
}

/* The bytes of the shard if it was lost. */
static const guint8 *find_shard(const VkMended *mended, guint shard)
{
	for (guint i = 0; i < mended->count; i++)
		if (mended->shards[i] == shard)
			return mended->bytes[i];
	return NULL;
}

gboolean vk_mended_get(const VkMended *mended, VkStore *store, const char *object, guint64 offset,
		       void *buf, gsize length, GError **error)
{
	const gsize size = mended->layout.shard_size;
	guint8 *out = buf;

	while (length > 0) {
		gsize within = (gsize)(offset % size);
		gsize n = MIN(length, size - within);
		const guint8 *bytes = find_shard(mended, (guint)(offset / size));

		if (bytes)
			memcpy(out, bytes + within, n);
		else if (!store->ops->get(store, object, offset, out, n, error))
			return FALSE;
		out += n;
		offset += n;
		length -= n;
	}
	return TRUE;
}
