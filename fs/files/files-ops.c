/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "files-ops-priv.h"

#include "errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#define FOREVER    1e9
#define BLOCK_SIZE 4096

/* Requests that the kernel has under way without being waited for; one is answered at a time. */
#define BACKGROUND_MAX 16

VkFilesOps *vk_files_ops_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

void vk_files_fill_stat(VkFilesOps *ops, const VkEntry *entry, struct stat *st)
{
	mode_t readable = S_ISDIR(entry->mode) ? 0500 : 0400;

	*st = (struct stat){
		.st_ino = vk_inodes_number(ops->inodes, entry->device, entry->inode),
		.st_mode = entry->mode,
		.st_nlink = entry->links,
		.st_uid = ops->uid == VK_AS_IN_GUEST ? entry->uid : ops->uid,
		.st_gid = ops->gid == VK_AS_IN_GUEST ? entry->gid : ops->gid,
		.st_rdev = makedev(entry->rdev_major, entry->rdev_minor),
		.st_size = (off_t)entry->size,
		.st_blksize = BLOCK_SIZE,
		.st_blocks = (blkcnt_t)entry->blocks,
		.st_mtim = {.tv_sec = entry->mtime_sec, .tv_nsec = entry->mtime_nsec},
	};
	if (ops->uid != VK_AS_IN_GUEST)
		st->st_mode |= readable;
	if (!S_ISLNK(entry->mode))
		st->st_mode &= ~ops->umask;
	st->st_atim = st->st_ctim = st->st_mtim;
}

int vk_files_trouble(VkFilesOps *ops, const char *path, const GError *error)
{
	g_autofree char *key = NULL;

	if (g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND))
		return ENOENT;
	if (g_error_matches(error, VK_ERROR, VK_ERROR_USAGE))
		return ENAMETOOLONG;
	key = g_strdup_printf("%s:%s", path, error->message);
	vk_once_log_warning(ops->log, key, "cannot read '%s': %s", path, error->message);
	return EIO;
}

typedef struct Look {
	VkPlace place;
	VkEntry *entry;
} Look;

static gboolean look(VkGuestFiles *files, gpointer data, GError **error)
{
	const Look *wanted = data;

	return vk_guest_node_look(files, &wanted->place, wanted->entry, error);
}

gboolean vk_files_look(VkFilesOps *ops, const char *path, VkEntry *ret, GError **error)
{
	Look wanted = {.place = ops->place, .entry = ret};

	wanted.place.path = path;
	*ret = (VkEntry){0};
	return vk_guest_worker_call(ops->worker, look, &wanted, error);
}

/* What is at the node, or at NAME (nullable) in it. FALSE: the request was answered. */
static gboolean look_at(fuse_req_t req, fuse_ino_t ino, const char *name, VkEntry *ret)
{
	VkFilesOps *ops = vk_files_ops_of(req);
	g_autofree char *path = vk_nodes_path(ops->nodes, ino, name);
	/* Number 0: there is no such name, and the kernel may remember it. */
	const struct fuse_entry_param none = {.entry_timeout = FOREVER};
	g_autoptr(GError) error = NULL;
	int code;

	*ret = (VkEntry){0};
	if (!path) {
		fuse_reply_err(req, ESTALE);
		return FALSE;
	}
	if (vk_files_look(ops, path, ret, &error))
		return TRUE;
	code = vk_files_trouble(ops, path, error);
	if (code == ENOENT && name)
		fuse_reply_entry(req, &none);
	else
		fuse_reply_err(req, code);
	return FALSE;
}

static void op_init(void *data, struct fuse_conn_info *connection)
{
	const unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS |
				FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
				FUSE_CAP_CACHE_SYMLINKS;

	connection->want |= wanted & connection->capable;
	connection->max_background = BACKGROUND_MAX;
	connection->congestion_threshold = BACKGROUND_MAX / 4 * 3;
}

void vk_files_tell(VkFilesOps *ops, fuse_ino_t parent, const VkEntry *entry, const char *name,
		   struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){.attr_timeout = FOREVER, .entry_timeout = FOREVER};
	vk_files_fill_stat(ops, entry, &ret->attr);
	ret->ino = vk_nodes_tell(ops->nodes, parent, name, &ret->attr);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	VkFilesOps *ops = vk_files_ops_of(req);
	struct fuse_entry_param param;
	VkEntry entry;

	if (look_at(req, parent, name, &entry)) {
		vk_files_tell(ops, parent, &entry, name, &param);
		if (fuse_reply_entry(req, &param) < 0)
			vk_nodes_forget(ops->nodes, param.ino, 1);
	}
	vk_entry_clear(&entry);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	vk_nodes_forget(vk_files_ops_of(req)->nodes, ino, count);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		vk_nodes_forget(vk_files_ops_of(req)->nodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	VkEntry entry;
	struct stat st;

	if (look_at(req, ino, NULL, &entry)) {
		vk_files_fill_stat(vk_files_ops_of(req), &entry, &st);
		fuse_reply_attr(req, &st, FOREVER);
	}
	vk_entry_clear(&entry);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	VkEntry entry;

	if (look_at(req, ino, NULL, &entry)) {
		if (entry.target)
			fuse_reply_readlink(req, entry.target);
		else
			fuse_reply_err(req, EINVAL);
	}
	vk_entry_clear(&entry);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	VkNodeFacts facts;

	if (!vk_nodes_facts(vk_files_ops_of(req)->nodes, ino, &facts)) {
		fuse_reply_err(req, ESTALE);
	} else if ((info->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EROFS);
	} else {
		info->keep_cache = 1;
		info->noflush = 1;
		fuse_reply_open(req, info);
	}
}

typedef struct Read {
	VkPlace place;
	guint64 offset;
	guint8 *buffer;
	gsize length;
} Read;

static gboolean read_bytes(VkGuestFiles *files, gpointer data, GError **error)
{
	const Read *wanted = data;

	return vk_guest_node_read(files, &wanted->place, wanted->offset, wanted->buffer,
				  wanted->length, error);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	VkFilesOps *ops = vk_files_ops_of(req);
	g_autofree char *path = vk_nodes_path(ops->nodes, ino, NULL);
	Read wanted = {.place = ops->place, .offset = (guint64)offset};
	g_autofree guint8 *buffer = NULL;
	g_autoptr(GError) error = NULL;
	VkNodeFacts facts;

	if (!path || !vk_nodes_facts(ops->nodes, ino, &facts)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	/* Never short but at the end: the kernel would take that for the end of the file. */
	if (wanted.offset < facts.size)
		wanted.length = MIN(size, facts.size - wanted.offset);
	wanted.place.path = path;
	wanted.buffer = buffer = g_malloc(wanted.length + 1);
	if (wanted.length == 0 || vk_guest_worker_call(ops->worker, read_bytes, &wanted, &error))
		fuse_reply_buf(req, (const char *)buffer, wanted.length);
	else
		fuse_reply_err(req, vk_files_trouble(ops, path, error));
}

typedef struct Seek {
	VkPlace place;
	guint64 offset;
	gboolean hole;
	gboolean found;
	guint64 result;
} Seek;

static gboolean seek(VkGuestFiles *files, gpointer data, GError **error)
{
	Seek *wanted = data;

	return vk_guest_node_seek(files, &wanted->place, wanted->offset, wanted->hole,
				  &wanted->found, &wanted->result, error);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
		     struct fuse_file_info *info)
{
	VkFilesOps *ops = vk_files_ops_of(req);
	g_autofree char *path = vk_nodes_path(ops->nodes, ino, NULL);
	Seek wanted = {.place = ops->place, .offset = (guint64)offset, .hole = whence == SEEK_HOLE};
	g_autoptr(GError) error = NULL;

	wanted.place.path = path;
	if (!path)
		fuse_reply_err(req, ESTALE);
	else if (offset < 0 || (whence != SEEK_DATA && whence != SEEK_HOLE))
		fuse_reply_err(req, offset < 0 ? ENXIO : EINVAL);
	else if (!vk_guest_worker_call(ops->worker, seek, &wanted, &error))
		fuse_reply_err(req, vk_files_trouble(ops, path, error));
	else if (!wanted.found)
		fuse_reply_err(req, ENXIO);
	else
		fuse_reply_lseek(req, (off_t)wanted.result);
}

/* How full the guest's file systems are is not asked for: nothing can be written. */
static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs space = {
		.f_bsize = BLOCK_SIZE,
		.f_frsize = BLOCK_SIZE,
		.f_blocks = 1,
		.f_namemax = 255,
		.f_flag = ST_RDONLY | ST_NOSUID | ST_NODEV,
	};

	fuse_reply_statfs(req, &space);
}

const struct fuse_lowlevel_ops vk_files_fuse_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.opendir = vk_files_opendir,
	.readdir = vk_files_readdir,
	.readdirplus = vk_files_readdirplus,
	.releasedir = vk_files_releasedir,
	.open = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.statfs = op_statfs,
	.getxattr = vk_files_getxattr,
	.listxattr = vk_files_listxattr,
};
