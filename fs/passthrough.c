/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "passthrough.h"

#include <fuse_lowlevel.h>

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)

/* An inode that is open. */
typedef struct Open {
	guint64 ino;
	int backing; /* the kernel's number for the plain file; 0: reads come to us */
	guint users;
} Open;

struct VkPassthrough {
	gboolean is_granted; /* the kernel can do it */
	GMutex mutex;        /* guards what follows */
	GHashTable *opens;   /* Open by its ino */
};

VkPassthrough *vk_passthrough_new(void)
{
	VkPassthrough *passthrough = g_new0(VkPassthrough, 1);

	g_mutex_init(&passthrough->mutex);
	passthrough->opens = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	return passthrough;
}

void vk_passthrough_free(VkPassthrough *passthrough)
{
	if (!passthrough)
		return;
	g_hash_table_unref(passthrough->opens);
	g_mutex_clear(&passthrough->mutex);
	g_free(passthrough);
}

void vk_passthrough_ask(VkPassthrough *passthrough, struct fuse_conn_info *connection)
{
	connection->want |= connection->capable & FUSE_CAP_PASSTHROUGH;
	passthrough->is_granted = (connection->want & FUSE_CAP_PASSTHROUGH) != 0;
}

static int register_plain(struct fuse_req *req, const VkFile *file)
{
	guint64 whole = G_MAXUINT64;
	int fd = vk_file_plain(file, 0, &whole);

	return fd < 0 ? 0 : fuse_passthrough_open(req, fd);
}

void vk_passthrough_enter(VkPassthrough *passthrough, struct fuse_req *req, guint64 ino,
			  const VkFile *file, struct fuse_file_info *info)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&passthrough->mutex);
	Open *open = g_hash_table_lookup(passthrough->opens, &ino);

	if (!open) {
		open = g_new0(Open, 1);
		open->ino = ino;
		open->backing = passthrough->is_granted ? register_plain(req, file) : 0;
		g_hash_table_insert(passthrough->opens, &open->ino, open);
	}
	open->users++;
	info->backing_id = open->backing;
	/* The kernel has no cache of its own then, and refuses an order to keep it. */
	if (open->backing > 0)
		info->keep_cache = 0;
}

void vk_passthrough_leave(VkPassthrough *passthrough, struct fuse_req *req, guint64 ino)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&passthrough->mutex);
	Open *open = g_hash_table_lookup(passthrough->opens, &ino);

	if (--open->users > 0)
		return;
	if (open->backing > 0)
		fuse_passthrough_close(req, open->backing);
	g_hash_table_remove(passthrough->opens, &ino);
}

#else

VkPassthrough *vk_passthrough_new(void)
{
	return NULL;
}

void vk_passthrough_free(VkPassthrough *passthrough)
{
}

void vk_passthrough_ask(VkPassthrough *passthrough, struct fuse_conn_info *connection)
{
}

void vk_passthrough_enter(VkPassthrough *passthrough, struct fuse_req *req, guint64 ino,
			  const VkFile *file, struct fuse_file_info *info)
{
}

void vk_passthrough_leave(VkPassthrough *passthrough, struct fuse_req *req, guint64 ino)
{
}

#endif
