/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkImageChange: an image of a vault beside an earlier one of the same disk. The runs that both
 * have are not read, so that the cost follows what is different. Memory: none but the vault's
 * caches. Threads: free, but for new and free.
 */
#pragma once

#include "extent.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkImageChange VkImageChange;

/* BASE, of the same size, may be NULL: all is different then. All are borrowed until the free. */
VkImageChange *vk_image_change_new(VkVault *vault, const VkImageRecord *image,
				   const VkImageRecord *base);
void vk_image_change_free(VkImageChange *change); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkImageChange, vk_image_change_free)

/*
 * What holds BLOCK and how many after it: *RET begins at BLOCK. *RET_SAME: the base has the same
 * there, and of *RET only the count is set. Neighbours may have more of it. VK_ERROR_DAMAGE when a
 * page of a map is damaged.
 */
gboolean vk_image_change_look(VkImageChange *change, guint32 block, VkExtent *ret,
			      gboolean *ret_same, GError **error);
