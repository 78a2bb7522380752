/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "newfile.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A file name has at most 255 bytes; the decoration of the temporary name takes 18 of them. */
#define BASE_NAME_KEPT 200
#define CREATE_TRIES   100

struct VkNewFile {
	char *path;
	char *directory;
	char *temporary; /* NULL once committed */
	int fd;
};

static char *temporary_path(const char *directory, const char *path)
{
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *name = NULL;

	if (strlen(base) > BASE_NAME_KEPT)
		base[BASE_NAME_KEPT] = '\0';
	name = g_strdup_printf(".%s.virtkeep-%06x", base, g_random_int() & 0xffffff);
	return g_build_filename(directory, name, NULL);
}

VkNewFile *vk_new_file_create(const char *path, mode_t mode, GError **error)
{
	g_autoptr(VkNewFile) file = g_new0(VkNewFile, 1);

	file->fd = -1;
	file->path = g_strdup(path);
	file->directory = g_path_get_dirname(path);
	for (int i = 0; i < CREATE_TRIES && file->fd < 0; i++) {
		g_autofree char *temporary = temporary_path(file->directory, path);

		file->fd = vk_io.openat(AT_FDCWD, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
					mode);
		if (file->fd >= 0)
			file->temporary = g_steal_pointer(&temporary);
		else if (errno != EEXIST && errno != EINTR)
			break;
	}
	if (file->fd < 0) {
		vk_fail_errno(error, errno, "cannot create '%s'", path);
		return NULL;
	}
	return g_steal_pointer(&file);
}

int vk_new_file_fd(const VkNewFile *file)
{
	return file->fd;
}

const char *vk_new_file_temporary_path(const VkNewFile *file)
{
	return file->temporary;
}

gboolean vk_new_file_commit(VkNewFile *file, gboolean replace, GError **error)
{
	int fd = file->fd;

	if (vk_io.fsync(fd) < 0)
		return vk_fail_errno(error, errno, "cannot flush '%s'", file->path);
	file->fd = -1;
	if (vk_io.close(fd) < 0)
		return vk_fail_errno(error, errno, "cannot close '%s'", file->path);
	if (replace) {
		if (vk_io.renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, 0) < 0)
			return vk_fail_errno(error, errno, "cannot rename '%s' to '%s'",
					     file->temporary, file->path);
	} else if (!vk_io_rename_new(AT_FDCWD, file->temporary, AT_FDCWD, file->path, error)) {
		return FALSE;
	}
	g_clear_pointer(&file->temporary, g_free);
	return vk_io_sync_dir(AT_FDCWD, file->directory, error);
}

void vk_new_file_free(VkNewFile *file)
{
	if (!file)
		return;
	vk_io_clear_fd(&file->fd);
	if (file->temporary)
		vk_io.unlinkat(AT_FDCWD, file->temporary, 0);
	g_free(file->temporary);
	g_free(file->directory);
	g_free(file->path);
	g_free(file);
}
