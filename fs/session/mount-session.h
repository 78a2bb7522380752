/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMountSession: a FUSE file system of this process, from the fork into the background to its last
 * user: the mount, what the process gives up, signals, and the end. Threads: one at a time.
 */
#pragma once

#include "mount-options.h"

#include <glib.h>

struct fuse_lowlevel_ops;
struct fuse_session;

typedef struct VkMountSession VkMountSession;

/*
 * Goes into the background unless FOREGROUND, as vk_daemon_start(), and blocks the signals that end
 * a mount. To be called before any thread runs. Messages go to the terminal until the mount serves.
 */
VkMountSession *vk_mount_session_new(gboolean foreground, GError **error);

/* The mount is left if it is still there. Takes NULL. */
void vk_mount_session_free(VkMountSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMountSession, vk_mount_session_free)

/* All is borrowed until the free. */
typedef struct VkMountSetup {
	const char *subtype;    /* VK_MOUNT_SUBTYPE, VK_FILES_SUBTYPE */
	const char *source;     /* what the list of mounts shows as mounted */
	const char *mountpoint; /* resolved */
	const VkMountOptions *options;
	const struct fuse_lowlevel_ops *ops;
	gpointer data;       /* of the operations */
	guint workers;       /* that serve at most */
	gboolean keep_admin; /* the vault's copies on arrays need CAP_SYS_ADMIN */
	/* Called before the mount vanishes because of a signal; nullable. */
	void (*stop)(gpointer data);
} VkMountSetup;

/*
 * Mounts. After that this process lacks the capabilities that only mounting needs. To be called
 * before any other thread runs, because each has its own.
 */
gboolean vk_mount_session_mount(VkMountSession *session, const VkMountSetup *setup, GError **error);

/* For notifications. Borrowed; NULL before the mount. */
struct fuse_session *vk_mount_session_fuse(VkMountSession *session);

/*
 * Until the mount serves, its signals are blocked. In between they may interrupt what takes long.
 */
void vk_mount_session_let_interrupt(VkMountSession *session, gboolean let);

/* Serves until the mount is gone. */
gboolean vk_mount_session_serve(VkMountSession *session, GError **error);
