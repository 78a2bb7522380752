/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's disk on the array that it lies on, and what earlier runs left there. Threads: free. */
#pragma once

#include "array.h"
#include "domain.h"
#include "host.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/* VK_ERROR_FAILED says why no array can take the disk. */
VkArrayDisk *vk_arraydisk_find(VkArrays *arrays, VkHost *host, const VkDomainDisk *disk,
			       GError **error);

/* Whether a copy of SNAPSHOT lies in ARRAY; TRUE when that cannot be known. */
gboolean vk_arraydisk_lies_in(VkArrays *arrays, const VkSnapshot *snapshot,
			      const VkArraySnapshot *array);

/*
 * What a killed run left of the guest UUID beside DISK, or what the array held when it expired, is
 * removed or, where its snapshot is listed, kept. What guests share is so only when it is old, for
 * other hosts may be at work. To be called with the guest's lock held.
 */
gboolean vk_arraydisk_settle(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
			     const char *uuid, GError **error);

/*
 * Tells such leftovers: VkArraySnapshot*, those with the mark whose snapshot is not listed, and those
 * without it.
 */
GPtrArray *vk_arraydisk_leftovers(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
				  const char *uuid, GError **error);
