/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io.h"

#include "beneath-priv.h"

#include "errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define WRITEBACK_STEP ((gsize)4 << 20)

VkIo vk_io = {
	.openat = vk_beneath_openat,
	.close = close,
	.pread = pread,
	.pwrite = pwrite,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.ftruncate = ftruncate,
	.renameat2 = vk_beneath_renameat2,
	.linkat = vk_beneath_linkat,
	.unlinkat = vk_beneath_unlinkat,
	.mkdirat = vk_beneath_mkdirat,
	.flock = flock,
};

int vk_io_open(int dirfd, const char *path, int flags, mode_t mode, GError **error)
{
	int fd;

	do
		fd = vk_io.openat(dirfd, path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		vk_fail_errno(error, errno, "cannot %s '%s'", (flags & O_CREAT) ? "create" : "open",
			      path);
	return fd;
}

gboolean vk_io_look_at(int dirfd, const char *path, struct stat *ret)
{
	return vk_beneath_lstatat(dirfd, path, ret) == 0;
}

int vk_io_open_regular(int dirfd, const char *path, const char *name, GError **error)
{
	int fd = vk_io_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, NULL);
	int trouble = errno;
	struct stat facts;
	gboolean known = fd >= 0 ? fstat(fd, &facts) == 0 : vk_io_look_at(dirfd, path, &facts);

	if (known && !S_ISREG(facts.st_mode)) {
		vk_io_clear_fd(&fd);
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is not a regular file", name);
	} else if (fd < 0) {
		vk_fail_errno(error, trouble, "cannot open '%s'", name);
		errno = trouble;
	}
	return fd;
}

int vk_io_open_storage(const char *path, int flags, GError **error)
{
	/* A descriptor of the place alone opens nothing. */
	VK_AUTOFD place = vk_io_open(AT_FDCWD, path, O_PATH, 0, error);
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", place);
	struct stat facts;
	int fd;

	if (place < 0)
		return -1;
	if (fstat(place, &facts) < 0 || (!S_ISREG(facts.st_mode) && !S_ISBLK(facts.st_mode))) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' is neither a file nor a block device", path);
		return -1;
	}
	fd = vk_io_open(AT_FDCWD, link, flags | O_NONBLOCK, 0, NULL);
	if (fd < 0)
		vk_fail_errno(error, errno, "cannot open '%s'", path);
	return fd;
}

void vk_io_clear_fd(int *fd)
{
	if (*fd >= 0)
		vk_io.close(*fd);
	*fd = -1;
}

gboolean vk_io_read(int fd, const char *name, guint64 offset, void *buf, gsize length,
		    gsize *ret_length, GError **error)
{
	gsize done = 0;

	while (done < length) {
		ssize_t n =
			vk_io.pread(fd, (char *)buf + done, length - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int trouble = errno;

			vk_fail_errno(error, trouble, "cannot read '%s' at %" G_GUINT64_FORMAT,
				      name, offset + done);
			errno = trouble;
			return FALSE;
		}
		if (n == 0)
			break;
		done += (gsize)n;
	}
	*ret_length = done;
	return TRUE;
}

gboolean vk_io_read_whole(const char *path, gsize max, char **ret, gsize *ret_length,
			  GError **error)
{
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, error);
	g_autofree char *text = NULL;
	struct stat facts;

	if (fd < 0)
		return FALSE;
	if (fstat(fd, &facts) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", path);
	/* /dev/null is as good as an empty file. */
	if (!S_ISREG(facts.st_mode) && !S_ISCHR(facts.st_mode))
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is not a file", path);
	text = g_malloc(max);
	if (!vk_io_read(fd, path, 0, text, max, ret_length, error))
		return FALSE;
	if (*ret_length == max)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is too large for what it should be",
			       path);
	text[*ret_length] = '\0';
	*ret = g_steal_pointer(&text);
	return TRUE;
}

gboolean vk_io_write(int fd, const char *name, guint64 offset, const void *buf, gsize length,
		     GError **error)
{
	gsize done = 0;

	while (done < length) {
		ssize_t n = vk_io.pwrite(fd, (const char *)buf + done, length - done,
					 (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return vk_fail_errno(error, n < 0 ? errno : EIO, "cannot write '%s'", name);
		done += (gsize)n;
	}
	return TRUE;
}

void vk_writeback_add(VkWriteback *writeback, int fd, gsize length)
{
	if (atomic_fetch_add(&writeback->bytes, length) + length < WRITEBACK_STEP)
		return;
	atomic_store(&writeback->bytes, 0);
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

gboolean vk_io_rename_new(int olddir, const char *old, int newdir, const char *name, GError **error)
{
	if (vk_io.renameat2(olddir, old, newdir, name, RENAME_NOREPLACE) == 0)
		return TRUE;
	if (errno != EINVAL && errno != ENOSYS)
		return vk_fail_errno(error, errno, "cannot rename '%s' to '%s'", old, name);
	if (vk_io.linkat(olddir, old, newdir, name, 0) < 0)
		return vk_fail_errno(error, errno, "cannot link '%s' to '%s'", old, name);
	vk_io.unlinkat(olddir, old, 0);
	return TRUE;
}

gboolean vk_io_is_linked(int fd)
{
	struct stat facts;

	return fstat(fd, &facts) == 0 && facts.st_nlink > 0;
}

gboolean vk_io_sync_dir(int dirfd, const char *path, GError **error)
{
	VK_AUTOFD fd = vk_io_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0, error);

	if (fd < 0)
		return FALSE;
	if (vk_io.fsync(fd) < 0)
		return vk_fail_errno(error, errno, "cannot sync the directory '%s'", path);
	return TRUE;
}

gboolean vk_io_is_zero(const void *buf, gsize length)
{
	const char *bytes = buf;

	/* A buffer equal to itself shifted by one repeats its first byte; memcmp is vectorised. */
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}
