/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCount: counts what will be read of a source or an image, for a progress that is drawn, while
 * reading has begun. Threads: one at a time.
 */
#pragma once

#include "image.h"
#include "progress.h"
#include "source.h"

#include <glib.h>

typedef struct VkCount VkCount;

/*
 * Begins to add the data of SOURCE, or IMAGE, to PROGRESS's total, in a thread. PROGRESS awaits
 * that; once all is counted, it does not any more. Both are borrowed until the end; PROGRESS may be
 * NULL.
 */
VkCount *vk_count_source(VkSource *source, VkProgress *progress);
VkCount *vk_count_image(VkImage *image, VkProgress *progress);

/* Waits for it. */
void vk_count_end(VkCount *count);

/*
 * Stops it, when what was counted failed after DONE bytes of it: they are its share of the total,
 * and nothing of it is awaited any more.
 */
void vk_count_cut(VkCount *count, guint64 done);
