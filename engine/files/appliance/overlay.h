/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkOverlay: an image that can be written to. What is written is kept until the free, and never
 * gets into the image: a journal is replayed in it. Threads: free.
 */
#pragma once

#include "image.h"

#include <glib.h>

typedef struct VkOverlay VkOverlay;

/* Keeps at most LIMIT bytes of what is written. Takes IMAGE. */
VkOverlay *vk_overlay_new(VkImage *image, guint64 limit, GError **error);
void vk_overlay_free(VkOverlay *overlay); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkOverlay, vk_overlay_free)

guint64 vk_overlay_size(const VkOverlay *overlay); /* bytes, of the image */

/* Reads exactly LENGTH bytes, which lie within the image. Errors as of the image. */
gboolean vk_overlay_read(VkOverlay *overlay, guint64 offset, void *buf, gsize length,
			 GError **error);

/* Writes LENGTH bytes, which lie within the image. VK_ERROR_FAILED when the limit is reached. */
gboolean vk_overlay_write(VkOverlay *overlay, guint64 offset, const void *buf, gsize length,
			  GError **error);
