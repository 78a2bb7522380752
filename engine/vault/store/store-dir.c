/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-dir-priv.h"

#include "errors.h"
#include "io.h"
#include "layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define OPEN_FILES_MAX 64

/* A file kept open for reading. It is closed when the last user is done and it left the list. */
typedef struct OpenFile {
	char *name;
	int fd;
	gatomicrefcount refs;
} OpenFile;

static void open_file_unref(OpenFile *file)
{
	if (!g_atomic_ref_count_dec(&file->refs))
		return;
	vk_io_clear_fd(&file->fd);
	g_free(file->name);
	g_free(file);
}

static OpenFile *find_open_file_locked(DirStore *dir, const char *name)
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

/* Returns one that is kept no longer, nullable: to close it takes long. */
static OpenFile *keep_open_file_locked(DirStore *dir, OpenFile *file)
{
	OpenFile *oldest;

	if (g_hash_table_contains(dir->files, file->name))
		return NULL;
	g_atomic_ref_count_inc(&file->refs);
	g_queue_push_head(&dir->recent, file);
	g_hash_table_insert(dir->files, file->name, dir->recent.head);
	if (dir->recent.length <= OPEN_FILES_MAX)
		return NULL;
	oldest = g_queue_pop_tail(&dir->recent);
	g_hash_table_remove(dir->files, oldest->name);
	return oldest;
}

/* Closes it once its users are done: a file that was removed gives its space back then. */
static void drop_open_file(DirStore *dir, const char *name)
{
	OpenFile *file = NULL;
	GList *link;

	g_mutex_lock(&dir->mutex);
	link = g_hash_table_lookup(dir->files, name);
	if (link) {
		file = link->data;
		g_hash_table_remove(dir->files, name);
		g_queue_delete_link(&dir->recent, link);
	}
	g_mutex_unlock(&dir->mutex);
	if (file)
		open_file_unref(file);
}

/*
 * Passes TROUBLE on, which came with an errno. What a disk or its file system has lost of a pack is
 * damage: parity, another generation or a copy may have it. With other objects it stays a failure,
 * because whoever takes them for damaged may go on without them.
 */
static gboolean fail_read(const char *name, int errno_value, GError *trouble, GError **error)
{
	if (g_str_has_prefix(name, VK_FOLDER_PACKS "/") &&
	    (errno_value == EIO || errno_value == EUCLEAN || errno_value == EBADMSG))
		trouble->code = VK_ERROR_DAMAGE;
	g_propagate_error(error, trouble);
	return FALSE;
}

/* Returns a new reference. */
static OpenFile *open_file(DirStore *dir, const char *name, GError **error)
{
	g_autofree char *path = NULL;
	OpenFile *file, *oldest;
	GError *trouble = NULL;
	int fd;

	g_mutex_lock(&dir->mutex);
	file = find_open_file_locked(dir, name);
	g_mutex_unlock(&dir->mutex);
	if (file)
		return file;

	path = g_build_filename(dir->path, name, NULL);
	fd = vk_io_open_regular(dir->fd, name, path, &trouble);
	if (fd < 0) {
		fail_read(name, errno, trouble, error);
		return NULL;
	}
	file = g_new0(OpenFile, 1);
	file->name = g_strdup(name);
	file->fd = fd;
	g_atomic_ref_count_init(&file->refs);
	g_mutex_lock(&dir->mutex);
	oldest = keep_open_file_locked(dir, file);
	g_mutex_unlock(&dir->mutex);
	if (oldest)
		open_file_unref(oldest);
	return file;
}

/*
 * A server of NFS forgets a file that another host removed, though it is open here. What lies under
 * the name now, if anything, is another file.
 */
static gboolean is_stale(const OpenFile *file)
{
	char byte;

	return vk_io.pread(file->fd, &byte, 1, 0) < 0 && errno == ESTALE;
}

static gboolean read_object(DirStore *dir, OpenFile *file, guint64 offset, void *buf, gsize length,
			    GError **error)
{
	g_autofree char *path = NULL;
	GError *trouble = NULL;
	gsize got = 0;

	if (!vk_io_read(file->fd, file->name, offset, buf, length, &got, &trouble))
		return fail_read(file->name, errno, trouble, error);
	if (got == length)
		return TRUE;
	path = g_build_filename(dir->path, file->name, NULL);
	return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is truncated", path);
}

static gboolean dir_get(VkStore *store, const char *name, guint64 offset, void *buf, gsize length,
			GError **error)
{
	DirStore *dir = (DirStore *)store;
	OpenFile *file = open_file(dir, name, error);
	g_autoptr(GError) trouble = NULL;
	gboolean done;

	if (!file)
		return FALSE;
	done = read_object(dir, file, offset, buf, length, &trouble);
	if (!done && is_stale(file)) {
		open_file_unref(file);
		drop_open_file(dir, name);
		g_clear_error(&trouble);
		file = open_file(dir, name, error);
		if (!file)
			return FALSE;
		done = read_object(dir, file, offset, buf, length, &trouble);
	}
	open_file_unref(file);
	if (!done)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return done;
}

/* What is kept open as NAME, but is not the file of FACTS, was replaced by it. */
static void close_replaced(DirStore *dir, const char *name, const struct stat *facts)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&dir->mutex);
	GList *link = g_hash_table_lookup(dir->files, name);
	OpenFile *file = link ? link->data : NULL;
	struct stat kept;

	if (!file || (fstat(file->fd, &kept) == 0 && kept.st_ino == facts->st_ino))
		return;
	g_hash_table_remove(dir->files, name);
	g_queue_delete_link(&dir->recent, link);
	open_file_unref(file);
}

/* Not of a file that is kept open: another process may have deleted or replaced it. */
static gboolean dir_head(VkStore *store, const char *name, guint64 *ret_size, gint64 *ret_stored,
			 GError **error)
{
	DirStore *dir = (DirStore *)store;
	g_autofree char *path = g_build_filename(dir->path, name, NULL);
	struct stat facts;

	if (!vk_io_look_at(dir->fd, name, &facts)) {
		int errno_value = errno;
		GError *trouble = NULL;

		vk_fail_errno(&trouble, errno_value, "cannot look at '%s'", path);
		return fail_read(name, errno_value, trouble, error);
	}
	if (!S_ISREG(facts.st_mode))
		return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is not a regular file", path);
	close_replaced(dir, name, &facts);
	*ret_size = (guint64)facts.st_size;
	if (ret_stored)
		*ret_stored = facts.st_mtim.tv_sec;
	return TRUE;
}

/* By errno. */
static gboolean fail_to_list(const DirStore *dir, const char *folder, GError **error)
{
	if (errno == ELOOP || errno == ENOTDIR)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "'%s/%s' is no directory; symbolic links in a vault are not "
			       "followed: move or mount there what it leads to",
			       dir->path, folder);
	return vk_fail_errno(error, errno, "cannot list '%s/%s'", dir->path, folder);
}

/* Returns an open directory stream, or NULL: with errno for the caller to judge. */
static DIR *open_folder(DirStore *dir, const char *folder)
{
	int fd = vk_io.openat(dir->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
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

GPtrArray *vk_store_dir_list(VkStore *store, const char *folder, GError **error)
{
	DirStore *dir = (DirStore *)store;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	DIR *stream = open_folder(dir, folder);
	struct dirent *entry;

	if (!stream && errno == ENOENT)
		return g_steal_pointer(&names);
	if (!stream) {
		fail_to_list(dir, folder, error);
		return NULL;
	}
	for (errno = 0; (entry = readdir(stream)); errno = 0)
		if (entry->d_name[0] != '.')
			g_ptr_array_add(names,
					g_strconcat(entry->d_name,
						    is_directory(stream, entry) ? "/" : "", NULL));
	if (errno != 0) {
		fail_to_list(dir, folder, error);
		closedir(stream);
		return NULL;
	}
	closedir(stream);
	return g_steal_pointer(&names);
}

static gint64 to_usec(const struct timespec *time)
{
	return (gint64)time->tv_sec * G_USEC_PER_SEC + time->tv_nsec / 1000;
}

/* Whether another change could follow with the same time. Some file systems count in seconds. */
static gboolean has_just_changed(const struct stat *facts)
{
	const gint64 msec = G_TIME_SPAN_MILLISECOND;
	gint64 grain_usec = facts->st_mtim.tv_nsec == 0 ? 3000 * msec : 50 * msec;

	return ABS(g_get_real_time() - to_usec(&facts->st_mtim)) < grain_usec;
}

static void mix(guint64 *stamp, guint64 value)
{
	*stamp = (*stamp ^ value) * G_GUINT64_CONSTANT(0x100000001b3);
}

/*
 * Mixes a directory's time of change into STAMP. A change that was just now counts as ongoing: the
 * stamp then differs from call to call.
 */
static void mix_folder_time(guint64 *stamp, const struct stat *facts)
{
	mix(stamp, (guint64)to_usec(&facts->st_mtim) ^ facts->st_ino);
	if (has_just_changed(facts))
		*stamp ^= (guint64)g_get_real_time();
}

static gboolean dir_identify(VkStore *store, const char *name, guint64 *ret_identity)
{
	guint64 identity = G_GUINT64_CONSTANT(0xcbf29ce484222325);
	struct stat facts;

	if (!vk_io_look_at(((DirStore *)store)->fd, name, &facts) || has_just_changed(&facts))
		return FALSE;
	mix(&identity, (guint64)facts.st_size);
	mix(&identity, facts.st_ino);
	mix(&identity, (guint64)facts.st_mtim.tv_sec);
	mix(&identity, (guint64)facts.st_mtim.tv_nsec);
	mix(&identity, (guint64)facts.st_ctim.tv_sec);
	mix(&identity, (guint64)facts.st_ctim.tv_nsec);
	*ret_identity = identity;
	return TRUE;
}

static gboolean dir_stamp(VkStore *store, const char *folder, guint64 *ret_stamp, GError **error)
{
	DirStore *dir = (DirStore *)store;
	g_autoptr(GPtrArray) names = vk_store_dir_list(store, folder, error);
	guint64 sum = 0;

	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
		guint64 stamp = g_str_hash(names->pdata[i]);
		struct stat facts;

		if (g_str_has_suffix(path, "/") && vk_io_look_at(dir->fd, path, &facts))
			mix_folder_time(&stamp, &facts);
		sum += stamp; /* the listing has no order */
	}
	*ret_stamp = sum;
	return TRUE;
}

static gboolean dir_delete(VkStore *store, const char *name, GError **error)
{
	DirStore *dir = (DirStore *)store;
	g_autofree char *folder = g_path_get_dirname(name);

	if (vk_io.unlinkat(dir->fd, name, 0) < 0)
		return errno == ENOENT ||
		       vk_fail_errno(error, errno, "cannot remove '%s/%s'", dir->path, name);
	drop_open_file(dir, name);
	return vk_store_dir_sync_folder(dir, folder, error);
}

static void dir_free(VkStore *store)
{
	DirStore *dir = (DirStore *)store;
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

static const VkStoreOps dir_ops = {
	.begin = vk_store_dir_begin,
	.append = vk_store_dir_append,
	.finish = vk_store_dir_finish,
	.drop = vk_store_dir_drop,
	.sync = vk_store_dir_sync,
	.adopt = vk_store_dir_adopt,
	.get = dir_get,
	.head = dir_head,
	.identify = dir_identify,
	.list = vk_store_dir_list,
	.stamp = dir_stamp,
	.delete = dir_delete,
	.free = dir_free,
};

static gboolean make_folders(DirStore *dir, const char *const *folders, GError **error)
{
	for (; *folders; folders++)
		if (vk_io.mkdirat(dir->fd, *folders, 0700) < 0 && errno != EEXIST)
			return vk_fail_errno(error, errno, "cannot make '%s/%s'", dir->path,
					     *folders);
	return vk_store_dir_sync_folder(dir, ".", error);
}

/* Makes PATH and what is missing above it. Each new name is durable. */
static gboolean make_directory(const char *path, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);

	if (g_file_test(path, G_FILE_TEST_IS_DIR))
		return TRUE;
	if (!make_directory(parent, error))
		return FALSE;
	if (vk_io.mkdirat(AT_FDCWD, path, 0700) < 0 && errno != EEXIST)
		return vk_fail_errno(error, errno, "cannot make the vault '%s'", path);
	return vk_io_sync_dir(AT_FDCWD, parent, error);
}

VkStore *vk_store_dir_new(const char *path, const char *const *folders, GError **error)
{
	DirStore *dir;
	int fd;

	if (folders && !make_directory(path, error))
		return NULL;
	fd = vk_io.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot open the vault '%s'", path);
		return NULL;
	}
	dir = g_new0(DirStore, 1);
	dir->base.ops = &dir_ops;
	dir->path = g_strdup(path);
	dir->fd = fd;
	g_mutex_init(&dir->mutex);
	g_mutex_init(&dir->sync_mutex);
	dir->files = g_hash_table_new(g_str_hash, g_str_equal);
	dir->unsynced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (folders && !make_folders(dir, folders, error)) {
		dir_free(&dir->base);
		return NULL;
	}
	return &dir->base;
}
