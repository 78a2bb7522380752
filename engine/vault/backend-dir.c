/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory backend. An object is written below tmp/ and renamed into place, so that it is
 * whole or not there. A temporary file is locked by its writer: what can be locked by somebody
 * else was left behind by a process that died, and is removed before the first put.
 *
 * A directory whose fsync failed condemns the backend: the kernel reports a lost write once, and a
 * later fsync would succeed without the names being there.
 */
#include "backend.h"

#include "errors.h"
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define OPEN_FILES_MAX 64
#define PUT_TRIES      16

/* A file kept open for reading. It is closed when the last user is done and it left the list. */
typedef struct OpenFile {
	char *name;
	int fd;
	gatomicrefcount refs;
} OpenFile;

typedef struct DirBackend {
	VkBackend base;
	char *path;
	int fd;
	GMutex sync_mutex; /* a sync ends only when those before it have ended */
	GMutex mutex;
	GHashTable *files;    /* name -> link in RECENT; under the mutex */
	GQueue recent;        /* OpenFile, most recently used first; under the mutex */
	GHashTable *unsynced; /* folders with names to be made durable; under the mutex */
	gboolean condemned;   /* under the mutex */
	gboolean cleaned;     /* stale temporary files were removed; under the mutex */
} DirBackend;

static void open_file_unref(OpenFile *file)
{
	if (!g_atomic_ref_count_dec(&file->refs))
		return;
	vk_io_clear_fd(&file->fd);
	g_free(file->name);
	g_free(file);
}

static OpenFile *find_open_file_locked(DirBackend *dir, const char *name)
{
	GList *link = g_hash_table_lookup(dir->files, name);
	OpenFile *file;

	if (!link)
		return NULL;
	g_queue_unlink(&dir->recent, link);
	g_queue_push_head_link(&dir->recent, link);
	file = link->data;
	g_atomic_ref_count_inc(&file->refs);
	return file;
}

static void keep_open_file_locked(DirBackend *dir, OpenFile *file)
{
	if (g_hash_table_contains(dir->files, file->name))
		return;
	g_atomic_ref_count_inc(&file->refs);
	g_queue_push_head(&dir->recent, file);
	g_hash_table_insert(dir->files, file->name, dir->recent.head);
	if (dir->recent.length > OPEN_FILES_MAX) {
		OpenFile *oldest = g_queue_pop_tail(&dir->recent);

		g_hash_table_remove(dir->files, oldest->name);
		open_file_unref(oldest);
	}
}

/* Returns a new reference. */
static OpenFile *open_file(DirBackend *dir, const char *name, GError **error)
{
	OpenFile *file;
	int fd;

	g_mutex_lock(&dir->mutex);
	file = find_open_file_locked(dir, name);
	g_mutex_unlock(&dir->mutex);
	if (file)
		return file;

	fd = vk_io.openat(dir->fd, name, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot open '%s/%s'", dir->path, name);
		return NULL;
	}
	file = g_new0(OpenFile, 1);
	file->name = g_strdup(name);
	file->fd = fd;
	g_atomic_ref_count_init(&file->refs);
	g_mutex_lock(&dir->mutex);
	keep_open_file_locked(dir, file);
	g_mutex_unlock(&dir->mutex);
	return file;
}

static gboolean dir_get(VkBackend *backend, const char *name, guint64 offset, void *buf,
			gsize length, GError **error)
{
	DirBackend *dir = (DirBackend *)backend;
	OpenFile *file = open_file(dir, name, error);
	g_autofree char *path = NULL;
	gsize got = 0;
	gboolean ok;

	if (!file)
		return FALSE;
	ok = vk_io_read(file->fd, name, offset, buf, length, &got, error);
	if (ok && got < length) {
		path = g_build_filename(dir->path, name, NULL);
		ok = vk_fail(error, VK_ERROR_DAMAGE, "'%s' is truncated", path);
	}
	open_file_unref(file);
	return ok;
}

static gboolean dir_head(VkBackend *backend, const char *name, guint64 *ret_size, GError **error)
{
	DirBackend *dir = (DirBackend *)backend;
	OpenFile *file = open_file(dir, name, error);
	struct stat facts;
	gboolean ok;

	if (!file)
		return FALSE;
	ok = fstat(file->fd, &facts) == 0;
	if (!ok)
		vk_fail_errno(error, errno, "cannot look at '%s/%s'", dir->path, name);
	else
		*ret_size = (guint64)facts.st_size;
	open_file_unref(file);
	return ok;
}

/* Returns an open directory stream, or NULL: with errno for the caller to judge. */
static DIR *open_folder(DirBackend *dir, const char *folder)
{
	int fd = vk_io.openat(dir->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !stream)
		vk_io.close(fd);
	return stream;
}

static gboolean is_directory(DIR *stream, const struct dirent *entry)
{
	struct stat facts;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(facts.st_mode);
}

static GPtrArray *dir_list(VkBackend *backend, const char *folder, GError **error)
{
	DirBackend *dir = (DirBackend *)backend;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	DIR *stream = open_folder(dir, folder);
	struct dirent *entry;

	if (!stream && errno == ENOENT)
		return g_steal_pointer(&names);
	if (!stream) {
		vk_fail_errno(error, errno, "cannot list '%s/%s'", dir->path, folder);
		return NULL;
	}
	for (errno = 0; (entry = readdir(stream)); errno = 0)
		if (entry->d_name[0] != '.')
			g_ptr_array_add(names,
					g_strconcat(entry->d_name,
						    is_directory(stream, entry) ? "/" : "", NULL));
	if (errno != 0) {
		vk_fail_errno(error, errno, "cannot list '%s/%s'", dir->path, folder);
		closedir(stream);
		return NULL;
	}
	closedir(stream);
	return g_steal_pointer(&names);
}

/*
 * Mixes a directory's time of change into STAMP. A change so recent that another one could follow
 * with the same time counts as ongoing: the stamp then differs from call to call.
 */
static void mix_folder_time(guint64 *stamp, const struct stat *facts)
{
	gint64 changed_usec =
		(gint64)facts->st_mtim.tv_sec * G_USEC_PER_SEC + facts->st_mtim.tv_nsec / 1000;
	gint64 now_usec = g_get_real_time();

	*stamp = (*stamp ^ (guint64)changed_usec ^ facts->st_ino) *
		 G_GUINT64_CONSTANT(0x100000001b3);
	if (ABS(now_usec - changed_usec) < 50 * G_TIME_SPAN_MILLISECOND)
		*stamp ^= (guint64)now_usec;
}

static gboolean dir_stamp(VkBackend *backend, const char *folder, guint64 *ret_stamp,
			  GError **error)
{
	DirBackend *dir = (DirBackend *)backend;
	g_autoptr(GPtrArray) names = dir_list(backend, folder, error);
	guint64 sum = 0;

	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
		guint64 stamp = g_str_hash(names->pdata[i]);
		struct stat facts;

		if (g_str_has_suffix(path, "/") && fstatat(dir->fd, path, &facts, 0) == 0)
			mix_folder_time(&stamp, &facts);
		sum += stamp; /* the listing has no order */
	}
	*ret_stamp = sum;
	return TRUE;
}

static gboolean dir_delete(VkBackend *backend, const char *name, GError **error)
{
	DirBackend *dir = (DirBackend *)backend;

	g_autofree char *folder = g_path_get_dirname(name);

	if (vk_io.unlinkat(dir->fd, name, 0) == 0)
		return vk_io_sync_dir(dir->fd, folder, error);
	return errno == ENOENT ||
	       vk_fail_errno(error, errno, "cannot remove '%s/%s'", dir->path, name);
}

static void remove_stale_temporaries(DirBackend *dir)
{
	g_autoptr(GPtrArray) names = dir_list(&dir->base, "tmp", NULL);

	for (guint i = 0; names && i < names->len; i++) {
		g_autofree char *name = g_build_filename("tmp", names->pdata[i], NULL);
		VK_AUTOFD fd = vk_io_open(dir->fd, name, O_RDONLY, 0, NULL);

		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			vk_io.unlinkat(dir->fd, name, 0);
	}
}

static gboolean sync_folder(DirBackend *dir, const char *folder, GError **error)
{
	if (vk_io_sync_dir(dir->fd, folder, error))
		return TRUE;
	g_mutex_lock(&dir->mutex);
	dir->condemned = TRUE;
	g_mutex_unlock(&dir->mutex);
	return FALSE;
}

/*
 * Makes FOLDER unless it is there. Its name is not durable by that, but that of its parent is, which
 * older vaults may lack.
 */
static gboolean ensure_folder(DirBackend *dir, const char *folder, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(folder);

	if (faccessat(dir->fd, folder, F_OK, 0) == 0)
		return TRUE;
	if (faccessat(dir->fd, parent, F_OK, 0) < 0 &&
	    !(ensure_folder(dir, parent, error) && sync_folder(dir, ".", error)))
		return FALSE;
	if (vk_io.mkdirat(dir->fd, folder, 0700) < 0 && errno != EEXIST)
		return vk_fail_errno(error, errno, "cannot make '%s/%s'", dir->path, folder);
	return TRUE;
}

/* Whether the file has a name still. */
static gboolean is_linked(int fd)
{
	struct stat facts;

	return fstat(fd, &facts) == 0 && facts.st_nlink > 0;
}

/* Creates and locks a temporary file. Returns its descriptor; *RET_NAME is a new string. */
static int create_temporary(DirBackend *dir, char **ret_name, GError **error)
{
	for (int i = 0; i < PUT_TRIES; i++) {
		g_autofree char *name =
			g_strdup_printf("tmp/%08x%08x", g_random_int(), g_random_int());
		int fd = vk_io.openat(dir->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		/* Copying tools like to leave empty folders out. */
		if (fd < 0 && errno == ENOENT) {
			if (!ensure_folder(dir, "tmp", error))
				return -1;
			continue;
		}
		if (fd < 0 && errno != EEXIST && errno != EINTR) {
			vk_fail_errno(error, errno, "cannot write into the vault '%s'", dir->path);
			return -1;
		}
		/* A cleaner that was quicker than our lock has the file or removed it: another. */
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_linked(fd)) {
			*ret_name = g_steal_pointer(&name);
			return fd;
		}
		vk_io_clear_fd(&fd);
	}
	vk_fail(error, VK_ERROR_FAILED, "cannot write into the vault '%s'", dir->path);
	return -1;
}

static gboolean write_parts(DirBackend *dir, int fd, const struct iovec *parts, int n_parts,
			    VkPutMode mode, GError **error)
{
	guint64 offset = 0;

	for (int i = 0; i < n_parts; i++) {
		if (!vk_io_write(fd, dir->path, offset, parts[i].iov_base, parts[i].iov_len, error))
			return FALSE;
		offset += parts[i].iov_len;
	}
	if (mode != VK_PUT_HINT && vk_io.fdatasync(fd) < 0)
		return vk_fail_errno(error, errno, "cannot flush into the vault '%s'", dir->path);
	return TRUE;
}

/*
 * A folder that is there may be the work of another process that has not flushed its name yet, or
 * died before: so a name is flushed together with that of its folder.
 */
static void dir_adopt(VkBackend *backend, const char *name)
{
	DirBackend *dir = (DirBackend *)backend;
	char *folder = g_path_get_dirname(name);

	g_mutex_lock(&dir->mutex);
	g_hash_table_add(dir->unsynced, g_path_get_dirname(folder));
	g_hash_table_add(dir->unsynced, folder);
	g_mutex_unlock(&dir->mutex);
}

static gboolean sync_name(DirBackend *dir, const char *name, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(name);
	g_autofree char *parent = g_path_get_dirname(folder);

	return sync_folder(dir, folder, error) &&
	       (strcmp(folder, parent) == 0 || sync_folder(dir, parent, error));
}

static gboolean publish(DirBackend *dir, const char *temporary, const char *name, VkPutMode mode,
			GError **error)
{
	g_autofree char *folder = g_path_get_dirname(name);

	if (!ensure_folder(dir, folder, error))
		return FALSE;
	if (!vk_io_rename_new(dir->fd, temporary, dir->fd, name, error))
		return FALSE;
	if (mode == VK_PUT_NOW && !sync_name(dir, name, error)) {
		vk_io.unlinkat(dir->fd, name, 0);
		return FALSE;
	}
	if (mode == VK_PUT_LATER)
		dir_adopt(&dir->base, name);
	return TRUE;
}

static gboolean dir_put(VkBackend *backend, const char *name, const struct iovec *parts,
			int n_parts, VkPutMode mode, GError **error)
{
	DirBackend *dir = (DirBackend *)backend;
	g_autofree char *temporary = NULL;
	gboolean clean;
	gboolean ok;

	g_mutex_lock(&dir->mutex);
	clean = !dir->cleaned;
	dir->cleaned = TRUE;
	g_mutex_unlock(&dir->mutex);
	if (clean)
		remove_stale_temporaries(dir);

	VK_AUTOFD fd = create_temporary(dir, &temporary, error);
	if (fd < 0)
		return FALSE;
	ok = write_parts(dir, fd, parts, n_parts, mode, error) &&
	     publish(dir, temporary, name, mode, error);
	if (!ok)
		vk_io.unlinkat(dir->fd, temporary, 0);
	return ok;
}

static gboolean dir_sync(VkBackend *backend, GError **error)
{
	DirBackend *dir = (DirBackend *)backend;
	g_autoptr(GHashTable) folders = NULL;
	/* Folders that another thread is just flushing are not durable yet. */
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&dir->sync_mutex);
	GHashTableIter iter;
	gpointer folder;
	gboolean condemned;

	g_mutex_lock(&dir->mutex);
	folders = g_steal_pointer(&dir->unsynced);
	dir->unsynced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	condemned = dir->condemned;
	g_mutex_unlock(&dir->mutex);
	if (condemned)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the vault '%s' failed to flush a directory before; start again",
			       dir->path);
	g_hash_table_iter_init(&iter, folders);
	while (g_hash_table_iter_next(&iter, &folder, NULL))
		if (!sync_folder(dir, folder, error))
			return FALSE;
	return TRUE;
}

static void dir_free(VkBackend *backend)
{
	DirBackend *dir = (DirBackend *)backend;
	OpenFile *file;

	g_clear_pointer(&dir->files, g_hash_table_unref);
	while ((file = g_queue_pop_head(&dir->recent)))
		open_file_unref(file);
	g_clear_pointer(&dir->unsynced, g_hash_table_unref);
	g_mutex_clear(&dir->mutex);
	g_mutex_clear(&dir->sync_mutex);
	vk_io_clear_fd(&dir->fd);
	g_free(dir->path);
	g_free(dir);
}

static const VkBackendOps dir_ops = {
	.put = dir_put,
	.sync = dir_sync,
	.adopt = dir_adopt,
	.get = dir_get,
	.head = dir_head,
	.list = dir_list,
	.stamp = dir_stamp,
	.delete = dir_delete,
	.free = dir_free,
};

static gboolean make_folders(DirBackend *dir, GError **error)
{
	static const char *const folders[] = {"packs",  "snaps", "copies", "hints", "keys",
					      "leases", "gc",    "fence",  "tmp"};

	for (gsize i = 0; i < G_N_ELEMENTS(folders); i++)
		if (vk_io.mkdirat(dir->fd, folders[i], 0700) < 0 && errno != EEXIST)
			return vk_fail_errno(error, errno, "cannot make '%s/%s'", dir->path,
					     folders[i]);
	return sync_folder(dir, ".", error);
}

VkBackend *vk_backend_dir_new(const char *path, gboolean create, GError **error)
{
	DirBackend *dir;
	int fd;

	if (create && g_mkdir_with_parents(path, 0700) < 0) {
		vk_fail_errno(error, errno, "cannot make the vault '%s'", path);
		return NULL;
	}
	fd = vk_io.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot open the vault '%s'", path);
		return NULL;
	}
	dir = g_new0(DirBackend, 1);
	dir->base.ops = &dir_ops;
	dir->path = g_strdup(path);
	dir->fd = fd;
	g_mutex_init(&dir->mutex);
	g_mutex_init(&dir->sync_mutex);
	dir->files = g_hash_table_new(g_str_hash, g_str_equal);
	dir->unsynced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (create && !make_folders(dir, error)) {
		dir_free(&dir->base);
		return NULL;
	}
	return &dir->base;
}
