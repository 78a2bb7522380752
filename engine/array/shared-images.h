/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images of copies on arrays. All users of an open image share it, because a process may serve it.
 * Threads: free, but for new and free.
 */
#pragma once

#include "image.h"

#include <glib.h>
#include <jansson.h>

typedef VkImage *(*VkImageOpener)(gpointer data, const json_t *copy, GError **error);

typedef struct VkSharedImages VkSharedImages;

VkSharedImages *vk_shared_images_new(void);

/* After the last image. */
void vk_shared_images_free(VkSharedImages *images);

/*
 * The image of COPY. OPEN is called if it is not open yet. Waits only while another thread opens
 * the same. IMAGES must outlive the image.
 */
VkImage *vk_shared_images_open(VkSharedImages *images, const json_t *copy, VkImageOpener open,
			       gpointer data, GError **error);
