/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the directory store writes. An object is written below tmp/ and renamed into place, so that
 * it is whole or not there. Its writer locks a temporary file. If another process can lock it, its
 * writer has died, and it is removed before the first object is begun.
 *
 * A directory whose fsync failed condemns the store: the kernel reports a lost write once, and a
 * later fsync would succeed without the names being there.
 */
#include "store-dir-priv.h"

#include "layout.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BEGIN_TRIES 16

/* Nobody is to write into an object. A temporary file is open for writing to those who lock it. */
#define MODE_OBJECT    0400
#define MODE_TEMPORARY 0600

struct VkNewObject {
	DirStore *dir;
	char *temporary;
	int fd;
	guint64 size;
	VkWriteback writeback;
};

static void remove_stale_temporaries(DirStore *dir)
{
	g_autoptr(GPtrArray) names = vk_store_dir_list(&dir->base, VK_FOLDER_TMP, NULL);

	for (guint i = 0; names && i < names->len; i++) {
		g_autofree char *name = g_build_filename(VK_FOLDER_TMP, names->pdata[i], NULL);
		/* NFS locks only what is open for writing. O_NONBLOCK: a pipe must not block. */
		VK_AUTOFD fd = vk_io_open(dir->fd, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW, 0, NULL);
		struct stat facts;

		if (fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) &&
		    vk_io.flock(fd, LOCK_EX | LOCK_NB) == 0)
			vk_io.unlinkat(dir->fd, name, 0);
	}
}

gboolean vk_store_dir_sync_folder(DirStore *dir, const char *folder, GError **error)
{
	if (vk_io_sync_dir(dir->fd, folder, error))
		return TRUE;
	g_mutex_lock(&dir->mutex);
	dir->condemned = TRUE;
	g_mutex_unlock(&dir->mutex);
	return FALSE;
}

/*
 * Makes FOLDER unless it is there. Its name is not durable by that, but that of its parent is,
 * which older vaults may lack.
 */
static gboolean ensure_folder(DirStore *dir, const char *folder, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(folder);

	if (faccessat(dir->fd, folder, F_OK, 0) == 0)
		return TRUE;
	if (faccessat(dir->fd, parent, F_OK, 0) < 0 &&
	    !(ensure_folder(dir, parent, error) && vk_store_dir_sync_folder(dir, ".", error)))
		return FALSE;
	if (vk_io.mkdirat(dir->fd, folder, 0700) < 0 && errno != EEXIST)
		return vk_fail_errno(error, errno, "cannot make '%s/%s'", dir->path, folder);
	return TRUE;
}

/* Creates and locks a temporary file. Returns its descriptor; *RET_NAME is a new string. */
static int create_temporary(DirStore *dir, char **ret_name, GError **error)
{
	for (int i = 0; i < BEGIN_TRIES; i++) {
		g_autofree char *name =
			g_strdup_printf(VK_FOLDER_TMP "/%08x%08x", g_random_int(), g_random_int());
		int fd = vk_io.openat(dir->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
				      MODE_TEMPORARY);

		/* Copying tools like to leave empty folders out. */
		if (fd < 0 && errno == ENOENT) {
			if (!ensure_folder(dir, VK_FOLDER_TMP, error))
				return -1;
			continue;
		}
		if (fd < 0 && errno != EEXIST && errno != EINTR) {
			vk_fail_errno(error, errno, "cannot write into the vault '%s'", dir->path);
			return -1;
		}
		/* A cleaner that was quicker than our lock has the file or removed it: another. */
		if (fd >= 0 && vk_io.flock(fd, LOCK_EX | LOCK_NB) == 0 && vk_io_is_linked(fd)) {
			*ret_name = g_steal_pointer(&name);
			return fd;
		}
		vk_io_clear_fd(&fd);
	}
	vk_fail(error, VK_ERROR_FAILED, "cannot write into the vault '%s'", dir->path);
	return -1;
}

/*
 * A folder that is there may be the work of another process that has not flushed its name yet, or
 * died before: so a name is flushed together with that of its folder.
 */
void vk_store_dir_adopt(VkStore *store, const char *name)
{
	DirStore *dir = (DirStore *)store;
	char *folder = g_path_get_dirname(name);

	g_mutex_lock(&dir->mutex);
	g_hash_table_add(dir->unsynced, g_path_get_dirname(folder));
	g_hash_table_add(dir->unsynced, folder);
	g_mutex_unlock(&dir->mutex);
}

static gboolean refuse_condemned(DirStore *dir, GError **error)
{
	gboolean condemned;

	g_mutex_lock(&dir->mutex);
	condemned = dir->condemned;
	g_mutex_unlock(&dir->mutex);
	return !condemned ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "the vault '%s' failed to flush a directory before; start again", dir->path);
}

static gboolean sync_name(DirStore *dir, const char *name, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(name);
	g_autofree char *parent = g_path_get_dirname(folder);

	return vk_store_dir_sync_folder(dir, folder, error) &&
	       (strcmp(folder, parent) == 0 || vk_store_dir_sync_folder(dir, parent, error));
}

/* When the last step fails it is not known which of the two is there after a crash. */
static gboolean replace(DirStore *dir, const char *temporary, const char *name, GError **error)
{
	if (vk_io.renameat2(dir->fd, temporary, dir->fd, name, 0) < 0)
		return vk_fail_errno(error, errno, "cannot replace '%s/%s'", dir->path, name);
	return sync_name(dir, name, error);
}

static gboolean publish(DirStore *dir, const char *temporary, const char *name, VkPutMode mode,
			GError **error)
{
	g_autofree char *folder = g_path_get_dirname(name);

	if ((mode == VK_PUT_NOW || mode == VK_PUT_OVER) && !refuse_condemned(dir, error))
		return FALSE;
	if (!ensure_folder(dir, folder, error))
		return FALSE;
	if (mode == VK_PUT_OVER)
		return replace(dir, temporary, name, error);
	if (!vk_io_rename_new(dir->fd, temporary, dir->fd, name, error))
		return FALSE;
	if (mode == VK_PUT_NOW && !sync_name(dir, name, error)) {
		vk_io.unlinkat(dir->fd, name, 0);
		return FALSE;
	}
	if (mode == VK_PUT_LATER)
		vk_store_dir_adopt(&dir->base, name);
	return TRUE;
}

static void clean_once(DirStore *dir)
{
	gboolean clean;

	g_mutex_lock(&dir->mutex);
	clean = !dir->cleaned;
	dir->cleaned = TRUE;
	g_mutex_unlock(&dir->mutex);
	if (clean)
		remove_stale_temporaries(dir);
}

static void free_object(VkNewObject *object)
{
	vk_io_clear_fd(&object->fd);
	g_free(object->temporary);
	g_free(object);
}

VkNewObject *vk_store_dir_begin(VkStore *store, const char *name, GError **error)
{
	DirStore *dir = (DirStore *)store;
	g_autofree char *temporary = NULL;
	VkNewObject *object;
	int fd;

	clean_once(dir);
	fd = create_temporary(dir, &temporary, error);
	if (fd < 0)
		return NULL;
	object = g_new0(VkNewObject, 1);
	object->dir = dir;
	object->temporary = g_steal_pointer(&temporary);
	object->fd = fd;
	return object;
}

gboolean vk_store_dir_append(VkNewObject *object, const void *bytes, gsize length, GError **error)
{
	if (!vk_io_write(object->fd, object->dir->path, object->size, bytes, length, error))
		return FALSE;
	object->size += length;
	vk_writeback_add(&object->writeback, object->fd, length);
	return TRUE;
}

void vk_store_dir_drop(VkNewObject *object)
{
	vk_io.unlinkat(object->dir->fd, object->temporary, 0);
	free_object(object);
}

gboolean vk_store_dir_finish(VkNewObject *object, const char *name, VkPutMode mode, GError **error)
{
	DirStore *dir = object->dir;

	if (mode != VK_PUT_HINT && vk_io.fdatasync(object->fd) < 0)
		vk_fail_errno(error, errno, "cannot flush into the vault '%s'", dir->path);
	else if (publish(dir, object->temporary, name, mode, error)) {
		/* Only now, for a temporary file that is left must be removable. */
		fchmod(object->fd, MODE_OBJECT);
		free_object(object);
		return TRUE;
	}
	vk_store_dir_drop(object);
	return FALSE;
}

gboolean vk_store_dir_sync(VkStore *store, GError **error)
{
	DirStore *dir = (DirStore *)store;
	g_autoptr(GHashTable) folders = NULL;
	/* Folders that another thread is just flushing are not durable yet. */
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&dir->sync_mutex);
	GHashTableIter iter;
	gpointer folder;

	g_mutex_lock(&dir->mutex);
	folders = g_steal_pointer(&dir->unsynced);
	dir->unsynced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_mutex_unlock(&dir->mutex);
	if (!refuse_condemned(dir, error))
		return FALSE;
	g_hash_table_iter_init(&iter, folders);
	while (g_hash_table_iter_next(&iter, &folder, NULL))
		if (!vk_store_dir_sync_folder(dir, folder, error))
			return FALSE;
	return TRUE;
}
