/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source as an image: what a backup reads can be read back like a snapshot. Threads: free.
 */
#pragma once

#include "image.h"
#include "source.h"

#include <glib.h>

/*
 * An image of what SOURCE gives; takes it over. FD, taken over too, is a file with the same bytes,
 * or -1. Readers of the source are opened as threads need them, and kept.
 */
VkImage *vk_source_image_new(VkSource *source, int fd);
