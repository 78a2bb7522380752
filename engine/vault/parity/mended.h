/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMended: a pack as its parity gives it back. All shards are read and those that are damaged are
 * computed from the others. Nothing is written. Immutable. Threads: free.
 */
#pragma once

#include "store.h"
#include "format.h"
#include "pack-context.h"

#include <glib.h>

typedef struct VkMended VkMended;

/* What was found. */
typedef struct VkMendedFacts {
	guint shards;  /* in all */
	guint damaged; /* of them */
	guint unread;  /* of them: the storage gave errors, which may pass */
	gboolean end;  /* a copy of the end is damaged, or cannot be read */
} VkMendedFacts;

/* If more shards are damaged or unread, parity gives back none. The end may be of use nevertheless.
 */
#define VK_MENDED_MAX VK_PARITY_SHARDS
gboolean vk_mended_is_too_much(const VkMendedFacts *facts);

/*
 * Reads OBJECT, a generation of the pack ID, but no further when too much is unread.
 * VK_ERROR_NOT_FOUND when it has no parity or both copies of its end are damaged; VK_ERROR_DAMAGE
 * when what it gives back is wrong; all else may pass.
 */
VkMended *vk_mended_new(VkStore *store, const VkPackContext *context, const VkPackId *id,
			const char *object, VkMendedFacts *ret_facts, GError **error);
void vk_mended_free(VkMended *mended); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMended, vk_mended_free)

const VkPackTrailer *vk_mended_trailer(const VkMended *mended);

/* How many bytes from the beginning of the pack on the parity covers. */
guint64 vk_mended_covered(const VkMended *mended);

/* As the store's get: what is damaged there comes from memory. */
gboolean vk_mended_get(const VkMended *mended, VkStore *store, const char *object, guint64 offset,
		       void *buf, gsize length, GError **error);
