/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mountpoint.h"

#include "errors.h"
#include "log.h"
#include "file-limit.h"

#include <dirent.h>
#include <errno.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

void vk_mount_found_free(VkMountFound *found)
{
	if (!found)
		return;
	g_free(found->type);
	g_free(found->source);
	g_free(found);
}

gboolean vk_mount_found_is_ours(const VkMountFound *found)
{
	return g_strcmp0(found->type, "fuse." VK_MOUNT_SUBTYPE) == 0 ||
	       g_strcmp0(found->type, "fuse." VK_FILES_SUBTYPE) == 0;
}

gboolean vk_mountpoint_find(const char *mountinfo, const char *path, VkMountFound **ret_found,
			    GError **error)
{
	const char *file = mountinfo ? mountinfo : "/proc/self/mountinfo";
	struct libmnt_table *table = mnt_new_table_from_file(file);
	struct libmnt_fs *fs;

	*ret_found = NULL;
	if (!table)
		return vk_fail_errno(error, errno, "cannot read the list of mounts '%s'", file);
	fs = mnt_table_find_target(table, path, MNT_ITER_BACKWARD);
	if (fs) {
		*ret_found = g_new0(VkMountFound, 1);
		(*ret_found)->type = g_strdup(mnt_fs_get_fstype(fs));
		(*ret_found)->source = g_strdup(mnt_fs_get_source(fs));
		(*ret_found)->device = mnt_fs_get_devno(fs);
	}
	mnt_unref_table(table);
	return TRUE;
}

gboolean vk_mountpoint_detach(const char *path, GError **error)
{
	const char *argv[] = {"fusermount3", "-u", "-z", "-q", "--", path, NULL};
	g_autoptr(GError) trouble = NULL;
	int status;

	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return TRUE;
	if (errno != EPERM)
		return vk_fail_errno(error, errno, "cannot unmount '%s'", path);
	if (!g_spawn_sync("/", (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH,
			  vk_file_limit_lower, NULL, NULL, NULL, &status, &trouble) ||
	    !g_spawn_check_wait_status(status, &trouble))
		return vk_fail(error, VK_ERROR_FAILED, "cannot unmount '%s' by fusermount3: %s",
			       path, trouble->message);
	return TRUE;
}

static char *resolve(const char *path, GError **error)
{
	char *found = realpath(path, NULL);
	char *copy;

	if (!found) {
		if (errno == ENOENT)
			vk_fail(error, VK_ERROR_NOT_FOUND,
				"the mountpoint '%s' does not exist: make it by 'mkdir -p'", path);
		else if (errno == ENOTDIR)
			vk_fail(error, VK_ERROR_USAGE, "the mountpoint '%s' is not a directory",
				path);
		else
			vk_fail_errno(error, errno, "cannot look at the mountpoint '%s'", path);
		return NULL;
	}
	copy = g_strdup(found);
	free(found);
	return copy;
}

/* Systemd's automount points are meant to be mounted on, and opening one would wait for us. */
static gboolean is_automount(const VkMountFound *found)
{
	return found && g_strcmp0(found->type, "autofs") == 0;
}

/* Asked by statvfs(), because the kernel may answer stat() from memory. */
static gboolean is_dead(const char *path)
{
	struct statvfs space;

	return statvfs(path, &space) < 0 && errno == ENOTCONN;
}

/* Leaves in *RET_FOUND what is still mounted on PATH: nothing, or an automount point. */
static gboolean clear_mounts(const char *path, VkMountFound **ret_found, GError **error)
{
	g_autoptr(VkMountFound) found = NULL;

	if (!vk_mountpoint_find(NULL, path, &found, error))
		return FALSE;
	if (found && vk_mount_found_is_ours(found) && is_dead(path)) {
		if (!vk_mountpoint_detach(path, error))
			return FALSE;
		vk_log_warning("detached the mount of '%s' that a dead process left on '%s'",
			       found->source, path);
		g_clear_pointer(&found, vk_mount_found_free);
		if (!vk_mountpoint_find(NULL, path, &found, error))
			return FALSE;
	}
	if (found && !is_automount(found))
		return vk_fail(error, VK_ERROR_BUSY,
			       "'%s' has '%s' (%s) mounted on it: unmount that by 'umount %s', or "
			       "choose another directory",
			       path, found->source, found->type, path);
	*ret_found = g_steal_pointer(&found);
	return TRUE;
}

static gboolean check_empty(const char *path, GError **error)
{
	DIR *dir = opendir(path);
	gboolean empty = TRUE;
	struct dirent *entry;

	if (!dir)
		return vk_fail_errno(error, errno, "cannot open the mountpoint '%s'", path);
	while (empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	if (!empty)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"the mountpoint '%s' is not empty: choose an empty directory, or hide "
			"its content by '-o nonempty'",
			path);
	return TRUE;
}

static gboolean check_directory(const char *path, GError **error)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return vk_fail_errno(error, errno, "cannot look at the mountpoint '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return vk_fail(error, VK_ERROR_USAGE, "the mountpoint '%s' is not a directory",
			       path);
	if (geteuid() != 0 && access(path, W_OK) < 0)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"no permission to mount on '%s': without root it must be a directory "
			"that you may write to",
			path);
	return TRUE;
}

/* Whether DIRECTORY or one of its ancestors is WHAT. Both are resolved paths. */
static gboolean lies_in(const char *directory, const char *what)
{
	g_autofree char *at = g_strdup(directory);
	struct stat wanted, st;

	if (stat(what, &wanted) < 0)
		return FALSE;
	for (;;) {
		char *slash;

		if (stat(at, &st) == 0 && st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino)
			return TRUE;
		slash = strrchr(at, '/');
		if (!slash || strcmp(at, "/") == 0)
			return FALSE;
		slash[slash == at ? 1 : 0] = '\0';
	}
}

static gboolean check_apart(const char *mountpoint, const char *directory, GError **error)
{
	g_autofree char *resolved = realpath(directory, NULL);

	if (!resolved)
		return vk_fail_errno(error, errno, "cannot look at the vault '%s'", directory);
	if (lies_in(mountpoint, resolved))
		return vk_fail(error, VK_ERROR_USAGE,
			       "the mountpoint '%s' lies in the vault '%s': choose a directory "
			       "outside of it",
			       mountpoint, directory);
	if (lies_in(resolved, mountpoint))
		return vk_fail(error, VK_ERROR_USAGE,
			       "the vault '%s' lies in the mountpoint '%s' and would be hidden: "
			       "choose another directory",
			       directory, mountpoint);
	return TRUE;
}

char *vk_mountpoint_prepare(const char *path, const char *vault, gboolean allow_content,
			    GError **error)
{
	g_autofree char *resolved = resolve(path, error);
	g_autoptr(VkMountFound) automount = NULL;

	if (!resolved || !clear_mounts(resolved, &automount, error) ||
	    !check_directory(resolved, error))
		return NULL;
	if (vault && !check_apart(resolved, vault, error))
		return NULL;
	if (!allow_content && !automount && !check_empty(resolved, error))
		return NULL;
	return g_steal_pointer(&resolved);
}
