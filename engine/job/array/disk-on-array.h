/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's disk on the array that it lies on. Threads: free. */
#pragma once

#include "array.h"
#include "domain.h"
#include "host.h"
#include "snapshot.h"

#include <glib.h>

/* VK_ERROR_FAILED says why no array can take the disk. */
VkArrayDisk *vk_array_disk_find(VkArrays *arrays, VkHost *host, const VkDomainDisk *disk,
				GError **error);

/* Whether a copy of SNAPSHOT lies in ARRAY; TRUE when that cannot be known. */
gboolean vk_array_disk_lies_in(VkArrays *arrays, const VkSnapshot *snapshot,
			       const VkArraySnapshot *array);
