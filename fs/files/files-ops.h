/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The FUSE operations of the files of a guest. All is immutable, so the kernel keeps what it was
 * told for ever. Threads: the operations are free.
 */
#pragma once

#include "guest-node.h"
#include "guest-worker.h"
#include "inodes.h"
#include "nodes.h"
#include "once-log.h"

#include <glib.h>
#include <sys/types.h>

/* The user of a file is the guest's. */
#define VK_AS_IN_GUEST ((uid_t)-1)

/* What the operations work with; the session's user data. All borrowed but what is marked. */
typedef struct VkFilesOps {
	VkGuestWorker *worker;
	VkNodes *nodes;
	VkInodes *inodes;
	VkOnceLog *log;
	VkPlace place; /* without its path */
	uid_t uid;     /* owner of all, who then can read all; or VK_AS_IN_GUEST */
	gid_t gid;
	mode_t umask; /* what all modes lack */
	struct VkAttributeCache {
		GMutex lock;
		guint64 node; /* 0: none */
		GHashTable *attributes;
	} cache;
} VkFilesOps;

extern const struct fuse_lowlevel_ops vk_files_fuse_ops;

/* The stat of an entry. */
void vk_files_fill_stat(VkFilesOps *ops, const VkEntry *entry, struct stat *st);

/* What is at PATH of the mounted place, as a call to the worker. The entry is to be cleared. */
gboolean vk_files_look(VkFilesOps *ops, const char *path, VkEntry *ret, GError **error);
