/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of the FUSE operations, for the files ops*.c. Threads: free. */
#pragma once

#include "ops.h"

#include <fuse_lowlevel.h>

/*
 * The errno for trouble with the node INO: NOT_FOUND if TREE does not have it, which is normal,
 * else EIO, and it is logged.
 */
int vk_ops_node_trouble(VkOps *ops, const VkTree *tree, fuse_ino_t ino, const GError *error,
			int not_found);

void vk_ops_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void vk_ops_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
