/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-lock.h"

#include "errors.h"
#include "io.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The file holds the process number, and at a place of its own words while the guest is held. */
#define FROZEN    "frozen"
#define SUSPENDED "suspended"

#define NUMBER_LENGTH   12
#define NOTE_LENGTH     28
#define TEXT_LENGTH_MAX (NUMBER_LENGTH + NOTE_LENGTH)

/* How long the guard of a killed process may take to fix what that left. */
#define GUARD_TIMEOUT_USEC (60 * G_TIME_SPAN_SECOND)
#define POLL_USEC          (50 * G_TIME_SPAN_MILLISECOND)

struct VkGuestLock {
	int fd;
	char *path;
	VkHold left;
};

/* What the file says. Empty when it cannot be read. New string. */
static char *read_text(int fd, const char *path)
{
	char text[TEXT_LENGTH_MAX + 1] = {0};
	gsize length = 0;

	if (!vk_io_read(fd, path, 0, text, TEXT_LENGTH_MAX, &length, NULL))
		return g_strdup("");
	return g_strdup(text);
}

/* In one write, so that it is there whole or not at all; the rest of the line is blanks. */
static gboolean write_number(const VkGuestLock *lock, GError **error)
{
	g_autofree char *text = g_strdup_printf("%-*d", NUMBER_LENGTH, (int)getpid());

	return vk_io_write(lock->fd, lock->path, 0, text, NUMBER_LENGTH, error);
}

static VkHold hold_of_text(const char *text)
{
	return (strstr(text, FROZEN) ? VK_HOLD_FROZEN : VK_HOLD_NONE) |
	       (strstr(text, SUSPENDED) ? VK_HOLD_SUSPENDED : VK_HOLD_NONE);
}

/* The process that took the lock; 0 when it has not come to writing its number yet. */
static pid_t holder(int fd, const char *path)
{
	g_autofree char *text = read_text(fd, path);

	return (pid_t)g_ascii_strtoull(text, NULL, 10);
}

static gboolean fail_busy(pid_t pid, const char *name, GError **error)
{
	if (pid == 0)
		return vk_fail(error, VK_ERROR_BUSY,
			       "guest '%s' is being backed up or restored by another process: try "
			       "again later",
			       name);
	return vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s' is being backed up or restored by process %d: try again later",
		       name, (int)pid);
}

/* Waits only for the guard of a dead process. */
static gboolean lock_file(int fd, const char *path, const char *name, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + GUARD_TIMEOUT_USEC;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		pid_t pid;

		if (errno != EWOULDBLOCK)
			return vk_fail_errno(error, errno, "cannot lock '%s'", path);
		pid = holder(fd, path);
		if (pid == 0 || kill(pid, 0) == 0 || errno != ESRCH ||
		    g_get_monotonic_time() >= deadline)
			return fail_busy(pid, name, error);
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		g_usleep(POLL_USEC);
	}
	return TRUE;
}

VkGuestLock *vk_guest_lock_take(const char *run_dir, const char *uuid, const char *name,
				GError **error)
{
	g_autofree char *path = g_strdup_printf("%s/%s.lock", run_dir, uuid);
	g_autofree char *text = NULL;
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
	if (!lock_file(lock->fd, path, name, error))
		return NULL;
	text = read_text(lock->fd, path);
	lock->path = g_steal_pointer(&path);
	lock->left = hold_of_text(text);
	/* The note of a killed process stays until the guest was released. */
	if (!write_number(lock, error) || !vk_guest_lock_set_hold(lock, lock->left, error))
		return NULL;
	return g_steal_pointer(&lock);
}

VkGuestLock *vk_guest_lock_adopt(int fd)
{
	VkGuestLock *lock = g_new0(VkGuestLock, 1);

	lock->fd = fd;
	lock->path = g_strdup("lock of another process");
	return lock;
}

gboolean vk_guest_lock_set_hold(VkGuestLock *lock, VkHold hold, GError **error)
{
	g_autofree char *text = g_strdup_printf("%-*s\n", NOTE_LENGTH - 1,
						hold == VK_HOLD_NONE ? "" : vk_hold_words(hold));

	return vk_io_write(lock->fd, lock->path, NUMBER_LENGTH, text, NOTE_LENGTH, error);
}

int vk_guest_lock_fd(const VkGuestLock *lock)
{
	return lock->fd;
}

VkHold vk_guest_lock_left(const VkGuestLock *lock)
{
	return lock->left;
}

void vk_guest_lock_free(VkGuestLock *lock)
{
	if (!lock)
		return;
	vk_io_clear_fd(&lock->fd);
	g_free(lock->path);
	g_free(lock);
}
