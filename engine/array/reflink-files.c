/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reflink-priv.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int get_flags(int fd)
{
	int flags = 0;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 ? flags : 0;
}

/* btrfs clones a file without copy-on-write only into one of its kind. */
static void take_sort_over(int from, int to)
{
	int unshared = get_flags(from) & FS_NOCOW_FL;

	if (unshared != (get_flags(to) & FS_NOCOW_FL)) {
		int flags = (get_flags(to) & ~FS_NOCOW_FL) | unshared;

		ioctl(to, FS_IOC_SETFLAGS, &flags);
	}
}

int vk_reflink_clone_fd(int from, int to)
{
	take_sort_over(from, to);
	return ioctl(to, FICLONE, from);
}

int vk_reflink_try_clone_fd(int from, int to)
{
	struct file_clone_range range = {.src_fd = from};
	struct stat info;

	if (fstat(from, &info) < 0)
		return -1;
	/* Length 0 is up to the end, which need not lie between blocks. */
	if (info.st_size > info.st_blksize)
		range.src_length = (guint64)info.st_blksize;
	take_sort_over(from, to);
	return ioctl(to, FICLONERANGE, &range);
}

void vk_reflink_set_immutable(int fd, gboolean immutable)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

char *vk_reflink_guest_directory(const char *image, const char *vault_id, const char *uuid)
{
	g_autofree char *beside = g_path_get_dirname(image);

	return g_strdup_printf("%s/" VK_REFLINK_DIRECTORY "/%.*s/%s", beside, VK_ARRAY_VAULT_DIGITS,
			       vault_id, uuid);
}

int vk_reflink_open_directory(const char *directory)
{
	const struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				     .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	g_autofree char *path = g_strconcat(directory, "/", NULL);
	const char *ours = g_strrstr(path, "/" VK_REFLINK_DIRECTORY "/");
	g_autofree char *beside = ours ? g_strndup(path, (gsize)(ours - path)) : NULL;
	VK_AUTOFD fd = -1;

	if (!ours) {
		errno = EINVAL;
		return -1;
	}
	fd = vk_io.openat(AT_FDCWD, *beside ? beside : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	return fd < 0 ? -1 : (int)syscall(SYS_openat2, fd, ours + 1, &how, sizeof(how));
}

int vk_reflink_open_clone(const char *path, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	VK_AUTOFD dirfd = vk_reflink_open_directory(directory);
	VK_AUTOFD fd = -1;
	struct stat own, clone;
	int opened;

	if (dirfd >= 0)
		fd = vk_io.openat(dirfd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0 || fstat(dirfd, &own) < 0 || fstat(fd, &clone) < 0) {
		vk_fail_errno(error, errno, "cannot open '%s'", path);
		return -1;
	}
	/* The file of another could have been linked there. */
	if (!S_ISREG(clone.st_mode) || clone.st_uid != own.st_uid) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is not the clone that was made there", path);
		return -1;
	}
	opened = fd;
	fd = -1;
	return opened;
}

static gboolean remove_file(int dirfd, const char *directory, const char *name, GError **error)
{
	VK_AUTOFD fd = vk_io.openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd >= 0)
		vk_reflink_set_immutable(fd, FALSE);
	return vk_io.unlinkat(dirfd, name, 0) == 0 || errno == ENOENT ||
	       vk_fail_errno(error, errno, "cannot remove '%s/%s'", directory, name);
}

/* Up to the directory beside the image; one that is used by others stays. */
static void remove_empty_parents(const char *directory)
{
	g_autofree char *path = g_strdup(directory);

	do {
		g_autofree char *parent = g_path_get_dirname(path);
		g_autofree char *name = g_path_get_basename(path);

		if (vk_io.unlinkat(AT_FDCWD, path, AT_REMOVEDIR) < 0 ||
		    strcmp(name, VK_REFLINK_DIRECTORY) == 0)
			return;
		g_free(path);
		path = g_steal_pointer(&parent);
	} while (strlen(path) > 1);
}

gboolean vk_reflink_put_mark(int dirfd, const char *directory, GError **error)
{
	VK_AUTOFD fd = vk_io.openat(dirfd, VK_REFLINK_UNLISTED,
				    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return (fd >= 0 && vk_io.fsync(fd) == 0) ||
	       vk_fail_errno(error, errno, "cannot write '%s/" VK_REFLINK_UNLISTED "'", directory);
}

static gboolean remove_files(int dirfd, const char *directory, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", dirfd);
	g_autoptr(GDir) dir = g_dir_open(path, 0, error);
	const char *name;

	if (!dir)
		return FALSE;
	/* Half removed it must not be taken for a whole one. */
	vk_reflink_put_mark(dirfd, directory, NULL);
	while ((name = g_dir_read_name(dir)))
		if (strcmp(name, VK_REFLINK_UNLISTED) != 0 &&
		    !remove_file(dirfd, directory, name, error))
			return FALSE;
	return remove_file(dirfd, directory, VK_REFLINK_UNLISTED, error);
}

gboolean vk_reflink_remove_directory(const char *directory, GError **error)
{
	VK_AUTOFD fd = vk_reflink_open_directory(directory);

	if (fd < 0)
		return errno == ENOENT ||
		       vk_fail_errno(error, errno, "cannot open '%s'", directory);
	if (!remove_files(fd, directory, error))
		return FALSE;
	remove_empty_parents(directory);
	return TRUE;
}

gboolean vk_reflink_set_listed(const char *directory, gboolean listed, GError **error)
{
	VK_AUTOFD fd = vk_reflink_open_directory(directory);

	if (fd < 0)
		return vk_fail_errno(error, errno, "cannot open '%s'", directory);
	if (!(listed ? remove_file(fd, directory, VK_REFLINK_UNLISTED, error)
		     : vk_reflink_put_mark(fd, directory, error)))
		return FALSE;
	return vk_io.fsync(fd) == 0 ||
	       vk_fail_errno(error, errno, "cannot sync the directory '%s'", directory);
}
