/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private-dir.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_PREFIX  "virtkeep-nbd-"
#define CREATE_TRIES 10

struct VkPrivateDir {
	char *path;
	char *socket;
	int fd; /* holds the lock */
};

/* Opens and locks a private directory. -1 when it is in use, or not a private directory. */
static int open_locked(const char *path)
{
	VK_AUTOFD fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat opened, named;
	int locked;

	if (fd < 0 || fstat(fd, &opened) < 0 || opened.st_uid != geteuid())
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	/* Between the opening and the lock it may have been removed. */
	if (lstat(path, &named) < 0 || named.st_ino != opened.st_ino ||
	    named.st_dev != opened.st_dev)
		return -1;
	locked = fd;
	fd = -1;
	return locked;
}

static void remove_stale(const char *parent)
{
	g_autoptr(GDir) dir = g_dir_open(parent, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(parent, name, NULL);
		VK_AUTOFD fd = -1;

		if (!g_str_has_prefix(name, NAME_PREFIX))
			continue;
		fd = open_locked(path);
		if (fd >= 0) {
			unlinkat(fd, "socket", 0);
			rmdir(path);
		}
	}
}

VkPrivateDir *vk_private_dir_new(GError **error)
{
	const char *parent = g_get_tmp_dir();
	g_autoptr(VkPrivateDir) dir = g_new0(VkPrivateDir, 1);

	dir->fd = -1;
	remove_stale(parent);
	for (int i = 0; i < CREATE_TRIES && dir->fd < 0; i++) {
		g_free(dir->path);
		dir->path = g_build_filename(parent, NAME_PREFIX "XXXXXX", NULL);
		if (!mkdtemp(dir->path)) {
			vk_fail_errno(error, errno, "cannot make a directory in '%s'", parent);
			g_clear_pointer(&dir->path, g_free);
			return NULL;
		}
		dir->fd = open_locked(dir->path);
	}
	if (dir->fd < 0) {
		vk_fail(error, VK_ERROR_FAILED, "cannot lock the directory '%s'", dir->path);
		return NULL;
	}
	dir->socket = g_build_filename(dir->path, "socket", NULL);
	return g_steal_pointer(&dir);
}

const char *vk_private_dir_socket(const VkPrivateDir *dir)
{
	return dir->socket;
}

void vk_private_dir_free(VkPrivateDir *dir)
{
	if (!dir)
		return;
	if (dir->socket)
		unlink(dir->socket);
	if (dir->path)
		rmdir(dir->path);
	vk_io_clear_fd(&dir->fd);
	g_free(dir->socket);
	g_free(dir->path);
	g_free(dir);
}
