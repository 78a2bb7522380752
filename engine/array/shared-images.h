/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images of copies on arrays that are opened once for all who have them open at a time: a process
 * may serve them. Threads: free, but for new and free.
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
 * The image of COPY, by OPEN if nobody has it. Waits for nobody but one who opens the same. IMAGES must
 * outlive what is returned.
 */
VkImage *vk_shared_images_open(VkSharedImages *images, const json_t *copy, VkImageOpener open,
			       gpointer data, GError **error);
