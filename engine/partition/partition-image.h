/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A partition as an image of its own: a window of the disk's image. Threads: free. */
#pragma once

#include "image.h"

#include <glib.h>

/* SIZE bytes from START on, which must lie within DISK. Takes DISK. */
VkImage *vk_partition_image_new(VkImage *disk, guint64 start, guint64 size);
