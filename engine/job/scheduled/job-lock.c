/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-lock.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The file holds the process number of the job. */
#define NUMBER_LENGTH 12

struct VkJobLock {
	int fd;
};

static char *path_of(const char *run_dir, const char *name)
{
	return g_strdup_printf("%s/job-%s.lock", run_dir, name);
}

static gboolean fail_busy(int fd, const char *path, const char *name, GError **error)
{
	char text[NUMBER_LENGTH + 1] = {0};
	gsize length;
	guint64 pid = 0;

	if (vk_io_read(fd, path, 0, text, NUMBER_LENGTH, &length, NULL))
		pid = g_ascii_strtoull(text, NULL, 10);
	if (pid == 0)
		return vk_fail(error, VK_ERROR_BUSY,
			       "the job '%s' runs already: try again when it has ended", name);
	return vk_fail(error, VK_ERROR_BUSY,
		       "the job '%s' runs already, as process %" G_GUINT64_FORMAT
		       ": try again when it has ended",
		       name, pid);
}

VkJobLock *vk_job_lock_take(const char *run_dir, const char *name, GError **error)
{
	g_autofree char *path = path_of(run_dir, name);
	g_autofree char *number = g_strdup_printf("%-*d", NUMBER_LENGTH, (int)getpid());
	g_autoptr(VkJobLock) lock = g_new0(VkJobLock, 1);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	lock->fd = -1;
	if (g_mkdir_with_parents(run_dir, 0700) != 0) {
		vk_fail_errno(error, errno, "cannot make the directory '%s'", run_dir);
		return NULL;
	}
	lock->fd = vk_io_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, error);
	if (lock->fd < 0)
		return NULL;
	/* The file stays for ever: to remove it would let two processes lock two files. */
	if (fcntl(lock->fd, F_OFD_SETLK, &whole) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			fail_busy(lock->fd, path, name, error);
		else
			vk_fail_errno(error, errno, "cannot lock '%s'", path);
		return NULL;
	}
	return vk_io_write(lock->fd, path, 0, number, NUMBER_LENGTH, error) ? g_steal_pointer(&lock)
									    : NULL;
}

void vk_job_lock_free(VkJobLock *lock)
{
	if (!lock)
		return;
	vk_io_clear_fd(&lock->fd);
	g_free(lock);
}

int vk_job_lock_fd(const VkJobLock *lock)
{
	return lock->fd;
}

gboolean vk_job_lock_is_taken(const char *run_dir, const char *name)
{
	g_autofree char *path = path_of(run_dir, name);
	int fd = vk_io_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0, NULL);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	gboolean taken;

	if (fd < 0)
		return FALSE;
	/* Who looks must not be taken for a run: the lock is asked about, and not tried. */
	taken = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
	vk_io_clear_fd(&fd);
	return taken;
}
