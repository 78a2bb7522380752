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

/* *RET_FD is the descriptor of the lock NAME; -1: another process has it. */
static gboolean try_lock(const char *run_dir, const char *name, int *ret_fd, GError **error)
{
	g_autofree char *path = g_strdup_printf("%s/appliance-%s.lock", run_dir, name);
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
static gboolean try_slots(const char *run_dir, int *ret_fd, GError **error)
{
	for (guint i = 0; i < VK_APPLIANCE_SLOTS && *ret_fd < 0; i++) {
		g_autofree char *number = g_strdup_printf("%u", i);

		if (!try_lock(run_dir, number, ret_fd, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean try_pair(const char *run_dir, int *ret_fd, GError **error)
{
	return try_lock(run_dir, "pair", ret_fd, error);
}

typedef gboolean (*Attempt)(const char *run_dir, int *ret_fd, GError **error);

static gboolean fail_busy(GError **error)
{
	return vk_fail(error, VK_ERROR_BUSY,
		       "others read files inside guests on this host: try again when one of "
		       "them has ended; 'findmnt -t fuse.virtkeep-files' lists mounts");
}

/* Waits until *RET_FD is a descriptor. */
static gboolean wait_for(Attempt attempt, const char *run_dir, int *ret_fd, GError **error)
{
	gint64 deadline = vk_deadline(WAIT_SEC);
	guint msec = 0;

	while (attempt(run_dir, ret_fd, error)) {
		if (*ret_fd >= 0)
			return TRUE;
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (vk_deadline_passed(deadline))
			return fail_busy(error);
		if (msec == 0)
			vk_log_info("others read files inside guests: waiting for one to end");
		vk_poll_pause(&msec);
	}
	return FALSE;
}

static int take(Attempt attempt, const char *run_dir, GError **error)
{
	VK_AUTOFD fd = -1;

	if (g_mkdir_with_parents(run_dir, 0700) != 0) {
		vk_fail_errno(error, errno, "cannot make the directory '%s'", run_dir);
		return -1;
	}
	return wait_for(attempt, run_dir, &fd, error) ? g_steal_fd(&fd) : -1;
}

int vk_appliance_slot_take(const char *run_dir, GError **error)
{
	return take(try_slots, run_dir, error);
}

int vk_appliance_pair_take(const char *run_dir, GError **error)
{
	return take(try_pair, run_dir, error);
}
