/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a pack with parity, as it is found again. Threads: free. */
#pragma once

#include "store.h"
#include "format.h"
#include "pack-context.h"

#include <glib.h>

typedef struct VkParityLayout {
	guint64 covered;  /* bytes of all data shards, from the beginning of the pack on */
	gsize shard_size; /* of all but the last data shard, which may be shorter */
	guint data;       /* data shards; the parity shards have the next numbers */
} VkParityLayout;

guint64 vk_parity_shard_offset(const VkParityLayout *layout, guint shard);
gsize vk_parity_shard_length(const VkParityLayout *layout, guint shard);

/*
 * Finds a sound copy of the end of OBJECT, a generation of the pack ID, though its length may have
 * changed. *RET_WHOLE: both copies are sound. VK_ERROR_NOT_FOUND when there is none; the store's
 * error when one may lie in what cannot be read, or when it gave so many that the search ended.
 */
gboolean vk_parity_end_find(VkStore *store, const VkPackContext *context, const VkPackId *id,
			    const char *object, VkParityEnd *ret, VkParityLayout *ret_layout,
			    gboolean *ret_whole, GError **error);
