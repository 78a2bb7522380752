/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSpareImage: an image, and the same one elsewhere, which is opened and read where the first one
 * is damaged. Threads: free.
 */
#pragma once

#include "image.h"

#include <glib.h>

typedef struct VkSpareCalls {
	/* The same image elsewhere, new; NULL: there is none, or it cannot be read. Called once. */
	VkImage *(*open)(gpointer user);
	void (*free)(gpointer user); /* of USER, after both images */
} VkSpareCalls;

/* Takes IMAGE and USER over. */
VkImage *vk_spare_image_new(VkImage *image, const VkSpareCalls *calls, gpointer user);
