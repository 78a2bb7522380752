/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"
#include "ops-priv.h"
#include "passthrough.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Seconds. The watch invalidates what changes, but for nodes that say that they may change. */
#define FOREVER 1e9

/* Tools size their buffers by it. */
#define BLOCK_SIZE (1 << 20)

#define NAME_LENGTH_MAX 255

/* Enough for the largest request of the kernel, 1 MiB, and its header. */
#define PIPE_SIZE (2 << 20)

static VkOps *ops_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

int vk_ops_node_trouble(VkOps *ops, const VkTree *tree, fuse_ino_t ino, const GError *error,
			int not_found)
{
	const VkSnapshotKey *key = vk_tree_snapshot(tree, ino);

	if (g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND))
		return not_found;
	if (key && g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE))
		vk_watch_leave_out(ops->watch, key, error);
	else
		vk_once_log_warning(ops->log, error->message, "%s", error->message);
	return EIO;
}

static void fill_stat(const VkOps *ops, const VkNode *node, struct stat *st)
{
	static const mode_t modes[] = {
		[VK_NODE_DIRECTORY] = S_IFDIR | 0555,
		[VK_NODE_LINK] = S_IFLNK | 0777,
		[VK_NODE_FILE] = S_IFREG | 0444,
	};
	mode_t mask = node->type == VK_NODE_LINK ? 0 : ops->umask;

	*st = (struct stat){
		.st_ino = node->ino,
		.st_mode = modes[node->type] & ~mask,
		.st_nlink = node->links,
		.st_uid = ops->uid,
		.st_gid = ops->gid,
		.st_size = (off_t)node->size,
		.st_blksize = BLOCK_SIZE,
		.st_blocks = (blkcnt_t)((node->allocated + 511) / 512),
		.st_atim.tv_sec = node->time,
		.st_mtim.tv_sec = node->time,
		.st_ctim.tv_sec = node->time,
	};
}

static void fill_entry(const VkOps *ops, const VkNode *node, struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){.ino = node->ino,
					   .attr_timeout = node->may_change ? 0 : FOREVER,
					   .entry_timeout = FOREVER};
	fill_stat(ops, node, &entry->attr);
}

static void op_init(void *data, struct fuse_conn_info *connection)
{
	const VkOps *ops = data;
	const unsigned wanted =
		FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS |
		FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_CACHE_SYMLINKS |
		FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE;

	connection->want |= wanted & connection->capable;
	vk_passthrough_ask(ops->passthrough, connection);
	/* Otherwise the kernel has at most 12 readaheads under way, with any number of workers. */
	connection->max_background = MAX(64, 2 * ops->workers);
	connection->congestion_threshold = connection->max_background / 4 * 3;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	VkOps *ops = ops_of(req);
	VkWatchUse *use = vk_watch_enter(ops->watch);
	const VkTree *tree = vk_watch_tree(use);
	/* Number 0: there is no such name, and the kernel may remember it. */
	struct fuse_entry_param entry = {.entry_timeout = FOREVER};
	g_autoptr(GError) error = NULL;
	VkNode node;

	if (strlen(name) > NAME_LENGTH_MAX) {
		fuse_reply_err(req, ENAMETOOLONG);
	} else if (vk_tree_lookup(tree, parent, name, &node, &error)) {
		fill_entry(ops, &node, &entry);
		fuse_reply_entry(req, &entry);
	} else {
		int code = vk_ops_node_trouble(ops_of(req), tree, parent, error, ENOENT);

		if (code == ENOENT && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			fuse_reply_entry(req, &entry);
		else
			fuse_reply_err(req, code == ENOENT ? ESTALE : code);
	}
	vk_watch_leave(use);
}

/* Numbers are computed and never used twice: there is nothing to forget. */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	VkOps *ops = ops_of(req);
	VkWatchUse *use = vk_watch_enter(ops->watch);
	const VkTree *tree = vk_watch_tree(use);
	g_autoptr(GError) error = NULL;
	VkNode node;
	struct stat st;

	if (vk_tree_stat(tree, ino, &node, &error)) {
		fill_stat(ops, &node, &st);
		fuse_reply_attr(req, &st, node.may_change ? 0 : FOREVER);
	} else {
		fuse_reply_err(req, vk_ops_node_trouble(ops_of(req), tree, ino, error, ESTALE));
	}
	vk_watch_leave(use);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	VkWatchUse *use = vk_watch_enter(ops_of(req)->watch);
	const VkTree *tree = vk_watch_tree(use);
	g_autoptr(GError) error = NULL;
	g_autofree char *target = vk_tree_read_link(tree, ino, &error);

	if (target)
		fuse_reply_readlink(req, target);
	else
		fuse_reply_err(req, vk_ops_node_trouble(ops_of(req), tree, ino, error, ESTALE));
	vk_watch_leave(use);
}

/*
 * The entries are taken once and stay as they are until the close, so an offset (the number of
 * entries before) means the same all the time. Only below a snapshot, where nothing changes, may
 * the kernel keep the listing.
 */
static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	VkWatchUse *use = vk_watch_enter(ops_of(req)->watch);
	const VkTree *tree = vk_watch_tree(use);
	g_autoptr(GError) error = NULL;
	GArray *entries = vk_tree_list(tree, ino, &error);

	if (!entries) {
		fuse_reply_err(req, vk_ops_node_trouble(ops_of(req), tree, ino, error, ESTALE));
	} else {
		info->fh = (uint64_t)(uintptr_t)entries;
		info->cache_readdir = info->keep_cache = vk_inode_kind(ino) == VK_INODE_SNAPSHOT ||
							 vk_inode_kind(ino) == VK_INODE_PARTS;
		if (fuse_reply_open(req, info) < 0)
			g_array_unref(entries);
	}
	vk_watch_leave(use);
}

static GArray *entries_of(const struct fuse_file_info *info)
{
	return (GArray *)(uintptr_t)info->fh;
}

/* Adds one entry; FALSE when the buffer is full. */
typedef size_t (*AddEntry)(fuse_req_t req, char *buffer, size_t size, const VkTreeEntry *entry,
			   off_t next);

static size_t add_plain(fuse_req_t req, char *buffer, size_t size, const VkTreeEntry *entry,
			off_t next)
{
	struct stat st;

	fill_stat(ops_of(req), &entry->node, &st);
	return fuse_add_direntry(req, buffer, size, entry->name, &st, next);
}

/*
 * The listing may be older than the tree in force: what has changed meanwhile goes without its
 * attributes, so that the kernel asks instead of remembering.
 */
static size_t add_plus(fuse_req_t req, char *buffer, size_t size, const VkTreeEntry *entry,
		       off_t next)
{
	VkOps *ops = ops_of(req);
	struct fuse_entry_param param = {0};

	fill_entry(ops, &entry->node, &param);
	if (entry->node.type != VK_NODE_FILE) {
		VkWatchUse *use = vk_watch_enter(ops->watch);
		VkNode now;

		if (!vk_tree_stat(vk_watch_tree(use), entry->node.ino, &now, NULL) ||
		    !vk_node_equal(&now, &entry->node))
			param.ino = 0;
		vk_watch_leave(use);
	}
	return fuse_add_direntry_plus(req, buffer, size, entry->name, &param, next);
}

static void reply_entries(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *info,
			  AddEntry add)
{
	VkWatchUse *use = vk_watch_enter(ops_of(req)->watch);
	const GArray *entries = entries_of(info);
	g_autofree char *buffer = g_malloc(size);
	size_t used = 0;

	for (guint64 i = (guint64)offset; i < entries->len; i++) {
		size_t length = add(req, buffer + used, size - used,
				    &g_array_index(entries, VkTreeEntry, i), (off_t)i + 1);

		if (length > size - used)
			break;
		used += length;
	}
	fuse_reply_buf(req, buffer, used);
	vk_watch_leave(use);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *info)
{
	reply_entries(req, size, offset, info, add_plain);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			   struct fuse_file_info *info)
{
	reply_entries(req, size, offset, info, add_plus);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	g_array_unref(entries_of(info));
	fuse_reply_err(req, 0);
}

static VkFile *file_of(const struct fuse_file_info *info)
{
	return (VkFile *)(uintptr_t)info->fh;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	VkOps *ops = ops_of(req);
	VkWatchUse *use = vk_watch_enter(ops->watch);
	const VkTree *tree = vk_watch_tree(use);
	g_autoptr(GError) error = NULL;
	VkFile *file = NULL;

	if ((info->flags & O_ACCMODE) != O_RDONLY)
		fuse_reply_err(req, EROFS);
	else if (!(file = vk_tree_open(tree, ino, &error)))
		fuse_reply_err(req, vk_ops_node_trouble(ops_of(req), tree, ino, error, ESTALE));
	vk_watch_leave(use);
	if (!file)
		return;
	info->fh = (uint64_t)(uintptr_t)file;
	info->direct_io = vk_file_may_change(file);
	info->keep_cache = !info->direct_io;
	info->noflush = 1;
	vk_passthrough_enter(ops->passthrough, req, ino, file, info);
	if (fuse_reply_open(req, info) < 0) {
		vk_passthrough_leave(ops->passthrough, req, ino);
		vk_file_close(file);
	}
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	vk_passthrough_leave(ops_of(req)->passthrough, req, ino);
	vk_file_close(file_of(info));
	fuse_reply_err(req, 0);
}

typedef struct {
	size_t size;
	char *bytes;
} Buffer;

static void free_buffer(void *data)
{
	Buffer *buffer = data;

	g_free(buffer->bytes);
	g_free(buffer);
}

/* One buffer for each worker, as large as its largest request (bounded by the kernel: 1 MiB). */
static char *worker_buffer(size_t size)
{
	static GPrivate key = G_PRIVATE_INIT(free_buffer);
	Buffer *buffer = g_private_get(&key);

	if (!buffer) {
		buffer = g_new0(Buffer, 1);
		g_private_set(&key, buffer);
	}
	if (buffer->size < size) {
		g_free(buffer->bytes);
		buffer->bytes = g_malloc(size);
		buffer->size = size;
	}
	return buffer->bytes;
}

/* Once for each file and cause, which names the place in the vault. */
static void log_file_trouble(VkOnceLog *log, const VkFile *file, guint64 offset,
			     const GError *error)
{
	g_autofree char *key = g_strdup_printf("%s:%s", vk_file_title(file), error->message);

	vk_once_log_warning(log, key, "cannot read '%s' at byte %" G_GUINT64_FORMAT ": %s",
			    vk_file_title(file), offset, error->message);
}

/* Finds each unreadable block of a failed read, because the error names only the first one. */
static void log_unreadable(VkOnceLog *log, VkFile *file, off_t offset, size_t size, char *buffer)
{
	guint64 at = (guint64)offset / VK_BLOCK_SIZE * VK_BLOCK_SIZE;

	for (; at < (guint64)offset + size; at += VK_BLOCK_SIZE) {
		g_autoptr(GError) error = NULL;
		gsize length;

		if (!vk_file_read(file, at, buffer, MIN(size, VK_BLOCK_SIZE), &length, &error))
			log_file_trouble(log, file, at, error);
	}
}

/* Splicing goes through a pipe, whose size is limited for those without CAP_SYS_RESOURCE. */
static gpointer measure_pipe(gpointer data)
{
	int ends[2] = {-1, -1};
	int size = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return GINT_TO_POINTER(0);
	for (int wanted = PIPE_SIZE; wanted > 0 && size <= 0; wanted /= 2)
		size = fcntl(ends[0], F_SETPIPE_SZ, wanted);
	close(ends[0]);
	close(ends[1]);
	return GINT_TO_POINTER(size);
}

/*
 * The room that libfuse needs besides the bytes. If the pipe is too small, it copies, which is
 * slow.
 */
static gboolean fits_pipe(guint64 length)
{
	static GOnce once = G_ONCE_INIT;
	gpointer size = g_once(&once, measure_pipe, NULL);

	return length + 4 * (guint64)getpagesize() <= (guint64)GPOINTER_TO_INT(size);
}

/* Lets the kernel fetch the bytes from the file that has them, where there is one. */
static gboolean reply_plain(fuse_req_t req, const VkFile *file, guint64 offset, guint64 size)
{
	int fd = vk_file_plain(file, offset, &size);
	struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(size);

	if (fd < 0 || !fits_pipe(size))
		return FALSE;
	bytes.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY;
	bytes.buf[0].fd = fd;
	bytes.buf[0].pos = (off_t)offset;
	fuse_reply_data(req, &bytes, FUSE_BUF_SPLICE_MOVE);
	return TRUE;
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	VkFile *file = file_of(info);
	g_autoptr(GError) error = NULL;
	char *buffer;
	gsize length;

	if (reply_plain(req, file, (guint64)offset, size))
		return;
	buffer = worker_buffer(size);
	/* Never short but at the end: the kernel would take that for the end of the file. */
	if (vk_file_read(file, (guint64)offset, buffer, size, &length, &error)) {
		fuse_reply_buf(req, buffer, length);
		return;
	}
	log_unreadable(ops_of(req)->log, file, offset, size, buffer);
	fuse_reply_err(req, EIO);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
		     struct fuse_file_info *info)
{
	VkFile *file = file_of(info);
	g_autoptr(GError) error = NULL;
	gboolean done = FALSE;
	gboolean found = FALSE;
	guint64 place = 0;

	if (whence != SEEK_DATA && whence != SEEK_HOLE) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (offset < 0)
		done = TRUE;
	else if (whence == SEEK_DATA)
		done = vk_file_seek_data(file, (guint64)offset, &found, &place, &error);
	else
		done = vk_file_seek_hole(file, (guint64)offset, &found, &place, &error);
	if (!done) {
		log_file_trouble(ops_of(req)->log, file, (guint64)offset, error);
		fuse_reply_err(req, EIO);
		return;
	}
	if (!found)
		fuse_reply_err(req, ENXIO);
	else
		fuse_reply_lseek(req, (off_t)place);
}

/* The space is that of the file system which the vault lies on. */
static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	VkOps *ops = ops_of(req);
	const char *directory = vk_vault_directory(ops->vault);
	VkWatchUse *use = vk_watch_enter(ops->watch);
	struct statvfs space = {.f_bsize = 4096, .f_frsize = 4096, .f_blocks = 1};

	if (directory && statvfs(directory, &space) < 0)
		space = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_blocks = 1};
	space.f_files = vk_tree_count(vk_watch_tree(use));
	space.f_ffree = space.f_favail = 0;
	space.f_namemax = NAME_LENGTH_MAX;
	space.f_flag = ST_RDONLY | ST_NOSUID;
	fuse_reply_statfs(req, &space);
	vk_watch_leave(use);
}

const struct fuse_lowlevel_ops vk_fuse_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.open = op_open,
	.read = op_read,
	.release = op_release,
	.lseek = op_lseek,
	.statfs = op_statfs,
	.getxattr = vk_ops_getxattr,
	.listxattr = vk_ops_listxattr,
};
