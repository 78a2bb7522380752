/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "disk-server.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <string.h>
#include <sys/stat.h>

#define FOREVER     1e9
#define BLOCK_SIZE  (1 << 20)
#define WORKERS_MAX 4

/* Node 1 is the directory, the disks follow. */
#define FIRST_NODE 2

struct VkDiskServer {
	const GPtrArray *overlays;
	struct fuse_session *session;
	GThread *thread;
	GMutex lock;
	GError *trouble; /* under the lock until set, then constant */
};

static VkOverlay *overlay_of(const VkDiskServer *server, fuse_ino_t ino)
{
	return ino >= FIRST_NODE && ino - FIRST_NODE < server->overlays->len
		       ? g_ptr_array_index(server->overlays, ino - FIRST_NODE)
		       : NULL;
}

static void fill_stat(VkDiskServer *server, fuse_ino_t ino, struct stat *st)
{
	const VkOverlay *overlay = overlay_of(server, ino);

	*st = (struct stat){.st_ino = ino,
			    .st_mode = overlay ? S_IFREG | 0666 : S_IFDIR | 0555,
			    .st_nlink = 1,
			    .st_size = overlay ? (off_t)vk_overlay_size(overlay) : 0,
			    .st_blksize = BLOCK_SIZE};
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	VkDiskServer *server = fuse_req_userdata(req);
	struct fuse_entry_param entry = {.attr_timeout = FOREVER, .entry_timeout = FOREVER};
	guint64 number;

	if (parent != FUSE_ROOT_ID ||
	    !g_ascii_string_to_unsigned(name, 10, 0, G_MAXUINT32, &number, NULL) ||
	    !overlay_of(server, FIRST_NODE + number)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	entry.ino = FIRST_NODE + number;
	fill_stat(server, entry.ino, &entry.attr);
	fuse_reply_entry(req, &entry);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct stat st;

	fill_stat(fuse_req_userdata(req), ino, &st);
	fuse_reply_attr(req, &st, FOREVER);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	if (!overlay_of(fuse_req_userdata(req), ino)) {
		fuse_reply_err(req, EISDIR);
		return;
	}
	info->keep_cache = 1;
	info->noflush = 1;
	fuse_reply_open(req, info);
}

static void keep_trouble(VkDiskServer *server, GError *error)
{
	g_mutex_lock(&server->lock);
	if (server->trouble)
		g_error_free(error);
	else
		server->trouble = error;
	g_mutex_unlock(&server->lock);
}

/* How much of a request lies within the image. */
static gsize within(const VkOverlay *overlay, off_t offset, size_t size)
{
	guint64 end = vk_overlay_size(overlay);

	return offset < 0 || (guint64)offset >= end ? 0 : MIN(size, end - (guint64)offset);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	VkDiskServer *server = fuse_req_userdata(req);
	VkOverlay *overlay = overlay_of(server, ino);
	gsize length = within(overlay, offset, size);
	g_autofree char *buffer = g_malloc(length + 1);
	GError *error = NULL;

	if (length == 0 || vk_overlay_read(overlay, (guint64)offset, buffer, length, &error)) {
		fuse_reply_buf(req, buffer, length);
		return;
	}
	/* Before the answer: the appliance may act on it at once. */
	keep_trouble(server, error);
	fuse_reply_err(req, EIO);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buffer, size_t size, off_t offset,
		     struct fuse_file_info *info)
{
	VkDiskServer *server = fuse_req_userdata(req);
	VkOverlay *overlay = overlay_of(server, ino);
	GError *error = NULL;

	if (within(overlay, offset, size) < size) {
		fuse_reply_err(req, EFBIG);
	} else if (vk_overlay_write(overlay, (guint64)offset, buffer, size, &error)) {
		fuse_reply_write(req, size);
	} else {
		keep_trouble(server, error);
		fuse_reply_err(req, ENOSPC);
	}
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
	.write = op_write,
};

static gpointer serve(gpointer data)
{
	VkDiskServer *server = data;
	struct fuse_loop_config *config = fuse_loop_cfg_create();

	fuse_loop_cfg_set_max_threads(config, WORKERS_MAX);
	fuse_session_loop_mt(server->session, config);
	fuse_loop_cfg_destroy(config);
	return NULL;
}

VkDiskServer *vk_disk_server_new(int fd, const GPtrArray *overlays, GError **error)
{
	VkDiskServer *server = g_new0(VkDiskServer, 1);
	char name[] = "virtkeep-files";
	char *argv[] = {name, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	g_autofree char *place = g_strdup_printf("/dev/fd/%d", fd);

	g_mutex_init(&server->lock);
	server->overlays = overlays;
	server->session = fuse_session_new(&args, &ops, sizeof(ops), server);
	fuse_opt_free_args(&args);
	if (!server->session || fuse_session_mount(server->session, place) != 0) {
		vk_io_clear_fd(&fd);
		vk_fail(error, VK_ERROR_FAILED, "cannot serve the disks to the appliance");
		g_clear_pointer(&server, vk_disk_server_free);
		return NULL;
	}
	server->thread = g_thread_new("disks", serve, server);
	return server;
}

const GError *vk_disk_server_trouble(VkDiskServer *server)
{
	const GError *trouble;

	g_mutex_lock(&server->lock);
	trouble = server->trouble;
	g_mutex_unlock(&server->lock);
	return trouble;
}

void vk_disk_server_free(VkDiskServer *server)
{
	if (!server)
		return;
	if (server->thread)
		g_thread_join(server->thread);
	if (server->session)
		fuse_session_destroy(server->session);
	g_clear_error(&server->trouble);
	g_mutex_clear(&server->lock);
	g_free(server);
}
