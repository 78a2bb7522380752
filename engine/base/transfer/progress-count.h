/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCount: counts in the background how much of a source or an image will be read, for a progress
 * line. Threads: one at a time.
 */
#pragma once

#include "image.h"
#include "progress.h"
#include "source.h"

#include <glib.h>

typedef struct VkCount VkCount;

/*
 * Starts a thread that adds the data of SOURCE or IMAGE to the total of PROGRESS, which awaits it
 * until all is counted. Both are borrowed until the end; PROGRESS may be NULL.
 */
VkCount *vk_count_source(VkSource *source, VkProgress *progress);
VkCount *vk_count_image(VkImage *image, VkProgress *progress);

/* Waits for it. */
void vk_count_end(VkCount *count);

/*
 * Stops it because reading failed after DONE bytes. These are its share of the total, and it is not
 * awaited any more.
 */
void vk_count_cut(VkCount *count, guint64 done);
