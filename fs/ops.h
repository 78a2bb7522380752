/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The FUSE operations: a thin translation between the kernel's requests and VkTree and VkFile. It is
 * one of the two files that know libfuse; main.c, which owns the session, is the other.
 */
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "oncelog.h"
#include "vault.h"
#include "watch.h"

/* What the operations work with; the session's user data. All borrowed. */
typedef struct VkOps {
	VkVault *vault;
	VkWatch *watch;
	VkOnceLog *log;
	struct fuse_session *session; /* for the notifications */
	uid_t uid;                    /* owner of all nodes */
	gid_t gid;
	guint workers;
} VkOps;

extern const struct fuse_lowlevel_ops vk_fuse_ops;

/* The callbacks by which the watch tells the kernel what to forget. */
VkWatchCalls vk_ops_watch_calls(VkOps *ops);
