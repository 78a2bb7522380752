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

/* Where the end is looked for. All is borrowed but TROUBLE. */
typedef struct Search {
	VkStore *store;
	const VkPackContext *context;
	const VkPackId *id;
	const char *object;
	VkParityEnd *end;       /* what was read last */
	VkParityLayout *layout; /* what it says, if it is one */
	guint unread;           /* how often the storage gave an error */
	GError *trouble;        /* the first of these */
} Search;

/* The other copy is the same. */
static gboolean is_there_twice(const Search *search, guint64 offset)
{
	const VkParityLayout *layout = search->layout;
	g_autofree VkParityEnd *other = g_new(VkParityEnd, 1);
	guint64 at = offset == layout->covered ? last_end_offset(layout) : layout->covered;

	return search->store->ops->get(search->store, search->object, at, other, sizeof(*other),
				       NULL) &&
	       memcmp(other, search->end, sizeof(*other)) == 0;
}

/* What is only missing is damage. */
static void note_trouble(Search *search, GError *error)
{
	if (g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE)) {
		g_error_free(error);
		return;
	}
	search->unread++;
	if (search->trouble)
		g_error_free(error);
	else
		search->trouble = error;
}

/* A store that is away is not asked for each place. */
static gboolean may_go_on(const Search *search)
{
	return search->unread <= VK_PARITY_SHARDS && !vk_interrupted();
}

static gboolean look_at(Search *search, guint64 offset)
{
	GError *failure = NULL;

	if (search->store->ops->get(search->store, search->object, offset, search->end,
				    sizeof(*search->end), &failure))
		return is_end(search->context, search->id, search->end, offset, search->layout);
	note_trouble(search, failure);
	return FALSE;
}

/*
 * Looks where both copies lie in a pack of SIZE bytes that has its whole length. The first copy
 * lies before the shards of parity, of one size or another; a large one is tried first, since then
 * an end that cannot be read does not hide what is before it.
 */
static gboolean look_where_it_was(Search *search, guint64 size, guint64 *ret_offset)
{
	*ret_offset = size - sizeof(VkParityEnd);
	if (look_at(search, *ret_offset))
		return TRUE;
	for (guint log2 = VK_PARITY_LOG2_MAX; log2 >= VK_PARITY_LOG2_MIN; log2--) {
		guint64 behind = ((guint64)VK_PARITY_SHARDS << log2) + 2 * sizeof(VkParityEnd);

		if (size < behind || !may_go_on(search))
			continue;
		*ret_offset = size - behind;
		if (look_at(search, *ret_offset))
			return TRUE;
	}
	return FALSE;
}

/* Looks at all places from the end of SIZE bytes backwards. */
static gboolean look_everywhere(Search *search, guint64 size, guint64 *ret_offset)
{
	guint64 first = size - MIN(size, REACH);

	*ret_offset = size;
	while (*ret_offset > first && may_go_on(search)) {
		*ret_offset -= sizeof(VkParityEnd);
		if (look_at(search, *ret_offset))
			return TRUE;
	}
	return FALSE;
}

/* Takes over the trouble of SEARCH. */
static gboolean fail_without(Search *search, GError **error)
{
	if (vk_interrupted()) {
		g_clear_error(&search->trouble);
		return vk_fail_interrupted(error);
	}
	if (!search->trouble)
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "'%s' has no parity, or both copies of its end are damaged; check "
			       "the storage that the vault lies on",
			       search->object);
	g_propagate_error(error, g_steal_pointer(&search->trouble));
	return FALSE;
}

gboolean vk_parity_end_find(VkStore *store, const VkPackContext *context, const VkPackId *id,
			    const char *object, VkParityEnd *ret, VkParityLayout *ret_layout,
			    gboolean *ret_whole, GError **error)
{
	Search search = {.store = store,
			 .context = context,
			 .id = id,
			 .object = object,
			 .end = ret,
			 .layout = ret_layout};
	guint64 size, offset;

	if (!store->ops->head(store, object, &size, NULL, error))
		return FALSE;
	size -= size % sizeof(VkParityEnd);
	if (size == 0 || size > VK_PACK_TOTAL_MAX || vk_interrupted())
		return fail_without(&search, error);
	if (!look_where_it_was(&search, size, &offset) && !look_everywhere(&search, size, &offset))
		return fail_without(&search, error);
	g_clear_error(&search.trouble);
	*ret_whole = is_there_twice(&search, offset);
	return TRUE;
}
