/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The FUSE operations: a thin translation between the kernel's requests and VkTree and VkFile.
 * Besides ops*.c, only main.c, which owns the session, and passthrough.c know libfuse. Threads:
 * the operations are free.
 */
#pragma once

#include "once-log.h"
#include "vault.h"
#include "watch.h"

#include <sys/types.h>

/* What the operations work with; the session's user data. All borrowed. */
typedef struct VkOps {
	VkVault *vault;
	VkWatch *watch;
	VkOnceLog *log;
	struct fuse_session *session; /* for the notifications */
	uid_t uid;                    /* owner of all nodes */
	gid_t gid;
	mode_t umask; /* what their modes lack */
	guint workers;
	struct VkPassthrough *passthrough; /* NULL where libfuse has none */
} VkOps;

extern const struct fuse_lowlevel_ops vk_fuse_ops;

/* The callbacks that make the kernel forget what the watch reports. */
VkWatchCalls vk_ops_watch_calls(VkOps *ops);
