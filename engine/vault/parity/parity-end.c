/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parity-end.h"

#include "crc.h"
#include "pack-trailer.h"

#include "errors.h"
#include "interrupt.h"

#include <string.h>

/* No copy of the end lies further before the end of the pack. */
#define REACH (((guint64)VK_PARITY_SHARDS << VK_PARITY_LOG2_MAX) + 2 * sizeof(VkParityEnd))

static guint64 parity_offset(const VkParityLayout *layout)
{
	return layout->covered + sizeof(VkParityEnd);
}

/* Where the copy of the end lies that is the last in the pack. */
static guint64 last_end_offset(const VkParityLayout *layout)
{
	return parity_offset(layout) + VK_PARITY_SHARDS * layout->shard_size;
}

guint64 vk_parity_shard_offset(const VkParityLayout *layout, guint shard)
{
	return shard < layout->data ? (guint64)shard * layout->shard_size
				    : parity_offset(layout) +
					      (guint64)(shard - layout->data) * layout->shard_size;
}

gsize vk_parity_shard_length(const VkParityLayout *layout, guint shard)
{
	guint64 offset = vk_parity_shard_offset(layout, shard);

	return shard < layout->data ? (gsize)MIN(layout->shard_size, layout->covered - offset)
				    : layout->shard_size;
}

/* What the trailer says, if it can be. */
static gboolean read_layout(const VkPackTrailer *trailer, VkParityLayout *ret)
{
	guint64 covered = GUINT64_FROM_LE(trailer->parity_offset);
	guint log2 = trailer->parity_shard_log2;

	if (trailer->parity_shards != VK_PARITY_SHARDS || log2 < VK_PARITY_LOG2_MIN ||
	    log2 > VK_PARITY_LOG2_MAX || covered < sizeof(VkPackHeader) ||
	    covered > (guint64)VK_PARITY_DATA_MAX << log2 || covered % VK_PARITY_ALIGN != 0)
		return FALSE;
	*ret = (VkParityLayout){.covered = covered, .shard_size = (gsize)1 << log2};
	ret->data = (guint)((covered + ret->shard_size - 1) / ret->shard_size);
	return ret->data == trailer->parity_data;
}

static gboolean is_end(const VkPackContext *context, const VkPackId *id, const VkParityEnd *end,
		       guint64 offset, VkParityLayout *ret)
{
	return vk_pack_trailer_is_sound(&end->trailer) && read_layout(&end->trailer, ret) &&
	       (offset == ret->covered || offset == last_end_offset(ret)) &&
	       GUINT32_FROM_LE(end->trailer.parity_crc32c) ==
		       vk_crc32c(vk_pack_context_crc(context, id), end->crc32c,
				 sizeof(end->crc32c));
}

/* The other copy is the same. */
static gboolean is_there_twice(VkStore *store, const char *object, const VkParityEnd *end,
			       const VkParityLayout *layout, guint64 offset)
{
	g_autofree VkParityEnd *other = g_new(VkParityEnd, 1);
	guint64 at = offset == layout->covered ? last_end_offset(layout) : layout->covered;

	return store->ops->get(store, object, at, other, sizeof(*other), NULL) &&
	       memcmp(other, end, sizeof(*other)) == 0;
}

/* Notes the first error of the storage in TROUBLE: what is only missing is damage. */
static void note_trouble(GError **trouble, GError *error)
{
	if (*trouble || g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE))
		g_error_free(error);
	else
		*trouble = error;
}

static gboolean fail_without(const char *object, GError *trouble, GError **error)
{
	if (!trouble)
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "'%s' has no parity, or both copies of its end are damaged; check "
			       "the storage that the vault lies on",
			       object);
	g_propagate_error(error, trouble);
	return FALSE;
}

gboolean vk_parity_end_find(VkStore *store, const VkPackContext *context, const VkPackId *id,
			    const char *object, VkParityEnd *ret, VkParityLayout *ret_layout,
			    gboolean *ret_whole, GError **error)
{
	const guint64 step = sizeof(VkParityEnd);
	GError *trouble = NULL;
	guint64 size, first, last;

	if (!store->ops->head(store, object, &size, NULL, error))
		return FALSE;
	if (size < step || size > VK_PACK_TOTAL_MAX)
		return fail_without(object, NULL, error);
	last = size / step - 1;
	first = last - MIN(last, REACH / step);
	for (guint64 at = last + 1; at-- > first && !vk_interrupted();) {
		guint64 offset = at * step;
		GError *failure = NULL;

		if (!store->ops->get(store, object, offset, ret, sizeof(*ret), &failure)) {
			note_trouble(&trouble, failure);
			continue;
		}
		if (!is_end(context, id, ret, offset, ret_layout))
			continue;
		*ret_whole = is_there_twice(store, object, ret, ret_layout, offset);
		g_clear_error(&trouble);
		return TRUE;
	}
	if (vk_interrupted()) {
		g_clear_error(&trouble);
		return vk_fail_interrupted(error);
	}
	return fail_without(object, trouble, error);
}
