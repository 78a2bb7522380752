/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel is told to forget, because the vault has changed. */
#include "ops-priv.h"

#include <string.h>

/* The kernel answers ENOENT for what it does not remember, which is just as well. */
static void forget_inode(void *data, guint64 ino)
{
	const VkOps *ops = data;

	fuse_lowlevel_notify_inval_inode(ops->session, ino, 0, 0);
}

static void forget_entry(void *data, guint64 parent, const char *name)
{
	const VkOps *ops = data;

	fuse_lowlevel_notify_inval_entry(ops->session, parent, name, strlen(name));
}

VkWatchCalls vk_ops_watch_calls(VkOps *ops)
{
	return (VkWatchCalls){.inode = forget_inode, .entry = forget_entry, .data = ops};
}
