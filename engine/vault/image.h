/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkImage: a snapshot's disk, to be read back. Opening reads nothing but the record, whatever the
 * disk's size. Every byte returned matched its checksum; VK_ERROR_DAMAGE otherwise, and the rest
 * stays readable. The vault must outlive its images. Threads: free.
 */
#pragma once

#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkImage VkImage;

/* RECORD is borrowed until vk_image_free(). */
VkImage *vk_image_open(VkVault *vault, const VkImageRecord *record, GError **error);
void vk_image_free(VkImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkImage, vk_image_free)

guint64 vk_image_size(const VkImage *image); /* bytes */

/* Reads exactly LENGTH bytes. The range must lie within the image. */
gboolean vk_image_read(VkImage *image, guint64 offset, void *buf, gsize length, GError **error);

/*
 * What starts at OFFSET (< size): *RET_IS_DATA, and how far it reaches in *RET_LENGTH (>= 1,
 * ending at most at the image's end). Neighbours of one sort are one extent.
 */
gboolean vk_image_extent(VkImage *image, guint64 offset, gboolean *ret_is_data, guint64 *ret_length,
			 GError **error);
