/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "new-file.h"

#include "errors.h"
#include "io.h"
#include "safe-path.h"
#include "timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file name has at most 255 bytes; no decoration takes more than the rest. */
#define BASE_NAME_KEPT 200
#define OLD_MARK       VK_NEW_FILE_MARK "old-"
#define DIGITS         6
#define CREATE_TRIES   100

/* What is in the temporary directory. */
#define IMAGE "image"
#define LOCK  "lock"

struct VkNewFile {
	char *path, *base;
	int directory;   /* of the destination */
	char *name;      /* of the temporary directory in it; NULL: there is none */
	int own;         /* the temporary directory */
	int lock;        /* held as long as that is there */
	char *temporary; /* NULL once committed */
	int fd;
};

char *vk_new_file_decorated(const char *base, const char *mark)
{
	return g_strdup_printf("%.*s%s", BASE_NAME_KEPT, base, mark);
}

char *vk_new_file_replaced_name(const char *base, const char *time)
{
	g_autofree char *mark = g_strconcat(OLD_MARK, time, NULL);

	return vk_new_file_decorated(base, mark);
}

gboolean vk_new_file_is_replaced(const char *name, const char *base)
{
	g_autofree char *prefix = vk_new_file_decorated(base, OLD_MARK);
	gint64 time;

	return g_str_has_prefix(name, prefix) && vk_time_parse(name + strlen(prefix), &time, NULL);
}

/* The beginning of all temporary names for BASE. New string. */
static char *name_prefix(const char *base)
{
	g_autofree char *name = vk_new_file_decorated(base, VK_NEW_FILE_MARK);

	return g_strconcat(".", name, NULL);
}

gboolean vk_new_file_is_temporary(const char *name, const char *base)
{
	g_autofree char *prefix = name_prefix(base);
	const char *digits = name + strlen(prefix);

	return g_str_has_prefix(name, prefix) && strlen(digits) == DIGITS &&
	       strspn(digits, "0123456789abcdef") == DIGITS;
}

/* EEXIST: another name is to be tried. */
static gboolean make_directory(VkNewFile *file)
{
	g_autofree char *prefix = name_prefix(file->base);
	g_autofree char *name =
		g_strdup_printf("%s%0*x", prefix, DIGITS, g_random_int() & 0xffffff);

	if (vk_io.mkdirat(file->directory, name, 0700) < 0)
		return FALSE;
	file->name = g_steal_pointer(&name);
	file->own = vk_io.openat(file->directory, file->name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	return file->own >= 0;
}

/*
 * Who takes the directory for one of a killed process may have removed it by now: EEXIST then. A
 * file system without locks has none: nothing is ever taken for a leftover there.
 */
static gboolean take_lock(VkNewFile *file)
{
	file->lock = vk_io.openat(file->own, LOCK,
				  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->lock < 0) {
		if (errno == ENOENT)
			errno = EEXIST;
		return FALSE;
	}
	if ((flock(file->lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) ||
	    !vk_io_is_linked(file->lock)) {
		errno = EEXIST;
		return FALSE;
	}
	return TRUE;
}

static void remove_directory(VkNewFile *file)
{
	if (file->lock >= 0)
		vk_io.unlinkat(file->own, LOCK, 0);
	/* NFS keeps a removed file under another name until it is closed. */
	vk_io_clear_fd(&file->lock);
	if (file->name)
		vk_io.unlinkat(file->directory, file->name, AT_REMOVEDIR);
	vk_io_clear_fd(&file->own);
	g_clear_pointer(&file->name, g_free);
}

/*
 * Another user may have put a directory of his own in the place of the new one. Then its owner is
 * not the owner of a file that is made in it. This cannot be checked on a file system without
 * modes, which the mode of the file shows.
 */
static gboolean check_private(const VkNewFile *file, mode_t mode, GError **error)
{
	struct stat own, image;

	if (fstat(file->own, &own) < 0 || fstat(file->fd, &image) < 0)
		return vk_fail_errno(error, errno, "cannot create '%s'", file->path);
	if (own.st_uid == image.st_uid &&
	    ((own.st_mode & 0777) == 0700 || (image.st_mode & ~mode & 0777)))
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED,
		       "cannot create '%s': another process changed its directory: check who "
		       "can write there",
		       file->path);
}

static gboolean open_image(VkNewFile *file, mode_t mode, GError **error)
{
	do
		file->fd = vk_io.openat(file->own, IMAGE,
					O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	while (file->fd < 0 && errno == EINTR);
	if (file->fd < 0)
		return vk_fail_errno(error, errno, "cannot create '%s'", file->path);
	/* The directory itself has no path that is safe from others; by its descriptor it has. */
	file->temporary = g_strdup_printf("/proc/%d/fd/%d/" IMAGE, (int)getpid(), file->own);
	return check_private(file, mode, error);
}

VkNewFile *vk_new_file_create(const char *path, mode_t mode, GError **error)
{
	g_autoptr(VkNewFile) file = g_new0(VkNewFile, 1);
	g_autofree char *directory = g_path_get_dirname(path);
	gboolean made = FALSE;

	file->own = file->lock = file->fd = -1;
	file->path = g_strdup(path);
	file->base = g_path_get_basename(path);
	file->directory = vk_safe_open(directory, O_RDONLY | O_DIRECTORY, error);
	if (file->directory < 0) {
		g_prefix_error(error, "cannot create '%s': ", path);
		return NULL;
	}
	for (int i = 0; i < CREATE_TRIES && !made; i++) {
		made = make_directory(file) && take_lock(file);
		if (!made && errno != EEXIST && errno != EINTR)
			break;
		if (!made)
			remove_directory(file);
	}
	if (!made) {
		vk_fail_errno(error, errno, "cannot create '%s'", path);
		return NULL;
	}
	return open_image(file, mode, error) ? g_steal_pointer(&file) : NULL;
}

int vk_new_file_fd(const VkNewFile *file)
{
	return file->fd;
}

const char *vk_new_file_temporary_path(const VkNewFile *file)
{
	return file->temporary;
}

static gboolean give_name(const VkNewFile *file, gboolean replace, GError **error)
{
	if (replace)
		return vk_io.renameat2(file->own, IMAGE, file->directory, file->base, 0) == 0 ||
		       vk_fail_errno(error, errno, "cannot replace '%s'", file->path);
	if (vk_io_rename_new(file->own, IMAGE, file->directory, file->base, error))
		return TRUE;
	g_prefix_error(error, "cannot create '%s': ", file->path);
	return FALSE;
}

gboolean vk_new_file_commit(VkNewFile *file, gboolean replace, GError **error)
{
	int fd = file->fd;

	if (vk_io.fsync(fd) < 0)
		return vk_fail_errno(error, errno, "cannot flush '%s'", file->path);
	file->fd = -1;
	if (vk_io.close(fd) < 0)
		return vk_fail_errno(error, errno, "cannot close '%s'", file->path);
	if (!give_name(file, replace, error))
		return FALSE;
	g_clear_pointer(&file->temporary, g_free);
	remove_directory(file);
	if (vk_io.fsync(file->directory) == 0)
		return TRUE;
	vk_fail_errno(error, errno, "cannot sync the directory of '%s'", file->path);
	/* The replaced file is gone; a new file need not stay. */
	if (!replace)
		vk_io.unlinkat(file->directory, file->base, 0);
	return FALSE;
}

void vk_new_file_free(VkNewFile *file)
{
	if (!file)
		return;
	vk_io_clear_fd(&file->fd);
	if (file->temporary)
		vk_io.unlinkat(file->own, IMAGE, 0);
	remove_directory(file);
	vk_io_clear_fd(&file->directory);
	g_free(file->temporary);
	g_free(file->base);
	g_free(file->path);
	g_free(file);
}

static gboolean is_empty(int directory)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", directory);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

	return dir && !g_dir_read_name(dir);
}

/* Sets the descriptors of what a killed process left; *RET_LOCK then keeps others out. */
static gboolean open_leftover(const char *directory, const char *name, int *ret_directory,
			      int *ret_own, int *ret_lock)
{
	*ret_directory = vk_safe_open(directory, O_RDONLY | O_DIRECTORY, NULL);
	if (*ret_directory < 0)
		return FALSE;
	*ret_own = vk_io.openat(*ret_directory, name,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (*ret_own < 0)
		return FALSE;
	*ret_lock = vk_io.openat(*ret_own, LOCK, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (*ret_lock < 0)
		return errno == ENOENT && is_empty(*ret_own);
	return flock(*ret_lock, LOCK_EX | LOCK_NB) == 0;
}

gboolean vk_new_file_is_leftover(const char *directory, const char *name)
{
	VK_AUTOFD fd = -1;
	VK_AUTOFD own = -1;
	VK_AUTOFD lock = -1;

	return open_leftover(directory, name, &fd, &own, &lock);
}

/* All but the lock. An array makes its file beside the image. */
static void remove_files(int own)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", own);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if (strcmp(name, LOCK) != 0)
			vk_io.unlinkat(own, name, 0);
}

gboolean vk_new_file_remove_leftover(const char *directory, const char *name, GError **error)
{
	VK_AUTOFD fd = -1;
	VK_AUTOFD own = -1;
	VK_AUTOFD lock = -1;

	if (!open_leftover(directory, name, &fd, &own, &lock))
		return vk_fail(error, VK_ERROR_BUSY, "'%s/%s' is in use", directory, name);
	remove_files(own);
	if (lock >= 0)
		vk_io.unlinkat(own, LOCK, 0);
	vk_io_clear_fd(&lock);
	return vk_io.unlinkat(fd, name, AT_REMOVEDIR) == 0 ||
	       vk_fail_errno(error, errno, "cannot remove '%s/%s'", directory, name);
}
