/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guestlock.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_LENGTH_MAX 20

struct VkGuestLock {
	int fd;
};

static gboolean fail_busy(int fd, const char *path, const char *name, GError **error)
{
	char text[PID_LENGTH_MAX + 1] = {0};
	gsize length = 0;
	guint64 pid = 0;

	/* A holder that has not come to writing its number yet is "another process". */
	if (vk_io_read(fd, path, 0, text, PID_LENGTH_MAX, &length, NULL))
		pid = g_ascii_strtoull(text, NULL, 10);
	if (pid == 0)
		return vk_fail(error, VK_ERROR_BUSY,
			       "guest '%s' is being backed up by another process: try again later",
			       name);
	return vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s' is being backed up by process %" G_GUINT64_FORMAT
		       ": try again later",
		       name, pid);
}

VkGuestLock *vk_guest_lock_take(const char *run_dir, const char *uuid, const char *name,
				GError **error)
{
	g_autofree char *path = g_strdup_printf("%s/%s.lock", run_dir, uuid);
	g_autofree char *pid = g_strdup_printf("%d\n", (int)getpid());
	g_autoptr(VkGuestLock) lock = g_new0(VkGuestLock, 1);

	lock->fd = -1;
	if (g_mkdir_with_parents(run_dir, 0700) != 0) {
		vk_fail_errno(error, errno, "cannot make the directory '%s'", run_dir);
		return NULL;
	}
	lock->fd = vk_io_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, error);
	if (lock->fd < 0)
		return NULL;
	/* The file stays for ever: to remove it would let two processes lock two files. */
	if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			fail_busy(lock->fd, path, name, error);
		else
			vk_fail_errno(error, errno, "cannot lock '%s'", path);
		return NULL;
	}
	if (ftruncate(lock->fd, 0) != 0) {
		vk_fail_errno(error, errno, "cannot write '%s'", path);
		return NULL;
	}
	if (!vk_io_write(lock->fd, path, 0, pid, strlen(pid), error))
		return NULL;
	return g_steal_pointer(&lock);
}

void vk_guest_lock_free(VkGuestLock *lock)
{
	if (!lock)
		return;
	vk_io_clear_fd(&lock->fd);
	g_free(lock);
}
