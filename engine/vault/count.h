/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCount: counts what of a source will be read, for a progress that is drawn, while the source is
 * read already.
 */
#pragma once

#include "progress.h"
#include "source.h"

#include <glib.h>

typedef struct VkCount VkCount;

/*
 * Begins to add the data of SOURCE to PROGRESS's total, in a thread. PROGRESS awaits that; once all
 * is counted, it does not any more. Both are borrowed until the end; PROGRESS may be NULL.
 */
VkCount *vk_count_begin(VkSource *source, VkProgress *progress);

/* Stops it, if it is not done, and forgets it. */
void vk_count_end(VkCount *count);
