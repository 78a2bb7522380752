/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether two snapshots have the same on their disks, by their maps alone. Threads: free. */
#pragma once

#include "snapshot.h"

/* FALSE means nothing: equal disks may have been stored in other ways. */
gboolean vk_same_disks(const VkSnapshot *one, const VkSnapshot *other);
