/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "appliance-slot.h"

#include "errors.h"
#include "interrupt.h"
#include "io.h"
#include "log.h"
#include "polling.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#define WAIT_SEC 60

/* *RET_FD is the descriptor of the slot NUMBER; -1: another process has it. */
static gboolean try_slot(const char *run_dir, guint number, int *ret_fd, GError **error)
{
	g_autofree char *path = g_strdup_printf("%s/appliance-%u.lock", run_dir, number);
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, error);

	if (fd < 0)
		return FALSE;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		*ret_fd = g_steal_fd(&fd);
	else if (errno != EWOULDBLOCK)
		return vk_fail_errno(error, errno, "cannot lock '%s'", path);
	return TRUE;
}

/* *RET_FD is the descriptor of a slot that was free; -1: none was. */
static gboolean try_all(const char *run_dir, int *ret_fd, GError **error)
{
	for (guint i = 0; i < VK_APPLIANCE_SLOTS && *ret_fd < 0; i++)
		if (!try_slot(run_dir, i, ret_fd, error))
			return FALSE;
	return TRUE;
}

static gboolean fail_busy(GError **error)
{
	return vk_fail(error, VK_ERROR_BUSY,
		       "%d others read files inside guests on this host: try again when one of "
		       "them has ended; 'findmnt -t fuse.virtkeep-files' lists mounts",
		       VK_APPLIANCE_SLOTS);
}

/* Waits until *RET_FD is a descriptor. */
static gboolean wait_for_slot(const char *run_dir, int *ret_fd, GError **error)
{
	gint64 deadline = vk_deadline(WAIT_SEC);
	guint msec = 0;

	while (try_all(run_dir, ret_fd, error)) {
		if (*ret_fd >= 0)
			return TRUE;
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (vk_deadline_passed(deadline))
			return fail_busy(error);
		if (msec == 0)
			vk_log_info("%d others read files inside guests: waiting for one to end",
				    VK_APPLIANCE_SLOTS);
		vk_poll_pause(&msec);
	}
	return FALSE;
}

int vk_appliance_slot_take(const char *run_dir, GError **error)
{
	VK_AUTOFD fd = -1;

	if (g_mkdir_with_parents(run_dir, 0700) != 0) {
		vk_fail_errno(error, errno, "cannot make the directory '%s'", run_dir);
		return -1;
	}
	return wait_for_slot(run_dir, &fd, error) ? g_steal_fd(&fd) : -1;
}
