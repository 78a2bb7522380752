/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMending: one generation of a pack as it is read: from the store, and once something of it was
 * found damaged, with what its parity gives back. That is computed once, and told once; while the
 * storage gives errors that may pass, it is tried again, but not at once. Threads: free.
 */
#pragma once

#include "mended.h"
#include "pack-context.h"
#include "store.h"

#include <glib.h>

typedef struct VkMending VkMending;

VkMending *vk_mending_new(void);
void vk_mending_free(VkMending *mending); /* takes NULL */

/* As the store's get. */
gboolean vk_mending_get(VkMending *mending, VkStore *store, const char *object, guint64 offset,
			void *buf, gsize length, GError **error);

/* Its parity's view of the pack, borrowed; NULL: it was not needed until now. */
const VkMended *vk_mending_mended(VkMending *mending);

/*
 * Something of OBJECT, a generation of the pack ID, could not be read: TROUBLE. TRUE if it may be
 * read now, because of its parity: TROUBLE is cleared.
 */
gboolean vk_mending_try(VkMending *mending, VkStore *store, const VkPackContext *context,
			const VkPackId *id, const char *object, GError **trouble);

/*
 * Reads all of OBJECT, if the vault has parity, and tells if that is needed, damaged or missing.
 * VK_ERROR_DAMAGE: more is damaged than it gives back. Other errors are of the storage.
 */
gboolean vk_mending_check(VkStore *store, const VkPackContext *context, const VkPackId *id,
			  const char *object, GError **error);
