/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reflink-priv.h"

#include "errors.h"
#include "io.h"
#include "safe-path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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

/* No other user may have prepared it. */
static gboolean check_private(int fd, const char *path, GError **error)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", path);
	if (info.st_uid == geteuid() && !(info.st_mode & 022))
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED,
		       "'%s' is not a directory that only we can write to; remove it", path);
}

/*
 * From ABOVE to the directory NAME in it, which is PATH in whole. One that is there may be the work
 * of a run that died before it was durable.
 */
static int step(int above, const char *name, const char *path, VkReflinkUse use, GError **error)
{
	VK_AUTOFD fd = -1;
	int opened;

	if (use == VK_REFLINK_MAKE && vk_io.mkdirat(above, name, 0700) < 0 && errno != EEXIST) {
		vk_fail_errno(error, errno, "cannot make the directory '%s'", path);
		return -1;
	}
	fd = vk_io.openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot open '%s'", path);
		return -1;
	}
	if ((use != VK_REFLINK_READ && !check_private(fd, path, error)) ||
	    (use == VK_REFLINK_MAKE && !vk_io_sync_dir(above, ".", error)))
		return -1;
	opened = fd;
	fd = -1;
	return opened;
}

int vk_reflink_open_directory(const char *directory, VkReflinkUse use, GError **error)
{
	g_autofree char *path = g_strconcat(directory, "/", NULL);
	const char *ours = g_strrstr(path, "/" VK_REFLINK_DIRECTORY "/");
	g_autofree char *at = ours ? g_strndup(path, (gsize)(ours - path)) : NULL;
	g_auto(GStrv) names = ours ? g_strsplit(ours, "/", -1) : NULL;
	VK_AUTOFD fd = -1;
	int opened;

	if (!ours || g_strv_contains((const char *const *)names, "..")) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is not a place of array snapshots",
			directory);
		return -1;
	}
	fd = vk_safe_open(*at ? at : "/", O_PATH | O_DIRECTORY, error);
	for (char **name = names; fd >= 0 && *name; name++) {
		g_autofree char *above = at;
		int next;

		at = g_build_filename(above, *name, NULL);
		if (!**name)
			continue;
		next = step(fd, *name, at, use, error);
		vk_io_clear_fd(&fd);
		fd = next;
	}
	opened = fd;
	fd = -1;
	return opened;
}

int vk_reflink_open_clone(const char *path, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	VK_AUTOFD dirfd = vk_reflink_open_directory(directory, VK_REFLINK_READ, error);
	VK_AUTOFD fd = -1;
	struct stat own, clone;
	int opened;

	if (dirfd < 0)
		return -1;
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
	/* A FIFO must not hold us up. */
	VK_AUTOFD fd = vk_io.openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

	if (fd >= 0)
		vk_reflink_set_immutable(fd, FALSE);
	return vk_io.unlinkat(dirfd, name, 0) == 0 || errno == ENOENT ||
	       vk_fail_errno(error, errno, "cannot remove '%s/%s'", directory, name);
}

/* Up to the directory beside the image; one that is used by others stays. */
static void remove_empty_parents(const char *directory)
{
	g_autofree char *path = g_strdup(directory);
	gboolean is_top;

	do {
		g_autofree char *name = g_path_get_basename(path);
		char *parent = g_path_get_dirname(path);
		VK_AUTOFD fd = -1;

		g_free(path);
		path = parent;
		is_top = strcmp(name, VK_REFLINK_DIRECTORY) == 0;
		fd = is_top ? vk_safe_open(path, O_PATH | O_DIRECTORY, NULL)
			    : vk_reflink_open_directory(path, VK_REFLINK_CHANGE, NULL);
		if (fd < 0 || vk_io.unlinkat(fd, name, AT_REMOVEDIR) < 0)
			return;
	} while (!is_top);
}

gboolean vk_reflink_put_mark(int dirfd, const char *directory, GError **error)
{
	VK_AUTOFD fd = vk_io.openat(dirfd, VK_REFLINK_UNLISTED,
				    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

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
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD fd = vk_reflink_open_directory(directory, VK_REFLINK_CHANGE, &trouble);

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	if (fd < 0) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	if (!remove_files(fd, directory, error))
		return FALSE;
	remove_empty_parents(directory);
	return TRUE;
}

gboolean vk_reflink_set_listed(const char *directory, gboolean listed, GError **error)
{
	VK_AUTOFD fd = vk_reflink_open_directory(directory, VK_REFLINK_CHANGE, error);

	if (fd < 0 || !(listed ? remove_file(fd, directory, VK_REFLINK_UNLISTED, error)
			       : vk_reflink_put_mark(fd, directory, error)))
		return FALSE;
	return vk_io.fsync(fd) == 0 ||
	       vk_fail_errno(error, errno, "cannot sync the directory '%s'", directory);
}
