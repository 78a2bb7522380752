/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What earlier runs left on arrays: a run that was killed, or one whose snapshot expired while the
 * array held it. To be called with the guest's lock held. Threads: free.
 */
#pragma once

#include "array.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/*
 * Removes the leftovers of the guest UUID beside DISK. Keeps what a snapshot needs that is listed,
 * or forgotten and not expired. An array snapshot that guests share is removed only when it is old,
 * because other hosts may still use it.
 */
gboolean vk_array_leftovers_settle(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
				   const char *uuid, GError **error);

/*
 * The leftovers (VkArraySnapshot*): the marked ones whose snapshot is not listed, and the ones
 * without the mark. New array.
 */
GPtrArray *vk_array_leftovers_list(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
				   const char *uuid, GError **error);

/*
 * Marks the copies of SNAPSHOT as leftovers: later runs come back to them, and remove the mark
 * where a listed snapshot needs one. One that is gone already is no error.
 */
gboolean vk_array_leftovers_mark(VkArrays *arrays, const VkSnapshot *snapshot, GError **error);

/*
 * Settles the copies of SNAPSHOT, which are marked, once it is not in the vault any more, not even
 * forgotten. Needs no lock.
 */
gboolean vk_array_leftovers_settle_copies(VkArrays *arrays, VkVault *vault,
					  const VkSnapshot *snapshot, GError **error);
