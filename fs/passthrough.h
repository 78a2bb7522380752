/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPassthrough: lets the kernel read files by itself that have all of their bytes in one plain
 * file. The kernel requires that all opens of an inode at one time are alike; this type remembers
 * how the first one was. It needs libfuse 3.17, CAP_SYS_ADMIN and Linux 6.9. Threads: free.
 */
#pragma once

#include "file.h"

struct fuse_conn_info;
struct fuse_file_info;
struct fuse_req;

typedef struct VkPassthrough VkPassthrough;

/* NULL where libfuse is older; all other calls take NULL. */
VkPassthrough *vk_passthrough_new(void);
void vk_passthrough_free(VkPassthrough *passthrough);

/* During the session's init. */
void vk_passthrough_ask(VkPassthrough *passthrough, struct fuse_conn_info *connection);

/* FILE is being opened as INO: sets INFO up to pass its reads through if that can be. */
void vk_passthrough_enter(VkPassthrough *passthrough, struct fuse_req *req, guint64 ino,
			  const VkFile *file, struct fuse_file_info *info);

/* Once for each enter. */
void vk_passthrough_leave(VkPassthrough *passthrough, struct fuse_req *req, guint64 ino);
