/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lies in a disk or a partition, by the marks that each type has at a fixed place. It says
 * what to try; it checks nothing else. Threads: free.
 */
#pragma once

#include "image.h"

#include <glib.h>

/*
 * *RET_TYPE is the type of what lies in SIZE bytes from START on, "ext4", "xfs", "lvm", ..., or
 * NULL: not known. Static. What is damaged has no marks.
 */
gboolean vk_volume_type(VkImage *disk, guint64 start, guint64 size, const char **ret_type,
			GError **error);
