/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of a mount: a file system of one file, "disk.raw", which it has in memory.
 *
 *   memoryfs MOUNTPOINT FILE BYTES
 *
 * The file's content are the first BYTES of FILE. Goes into the background when it is mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK_INODE = 2 };
static const char disk_name[] = "disk.raw";
static const double forever = 1e9;
static char *content;
static size_t size;

static struct stat stat_of(fuse_ino_t inode)
{
	if (inode == FUSE_ROOT_ID)
		return (struct stat){.st_ino = inode, .st_mode = S_IFDIR | 0550, .st_nlink = 2};
	return (struct stat){.st_ino = inode,
			     .st_mode = S_IFREG | 0440,
			     .st_nlink = 1,
			     .st_size = (off_t)size,
			     .st_blocks = (blkcnt_t)(size / 512)};
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.ino = DISK_INODE,
					 .attr = stat_of(DISK_INODE),
					 .attr_timeout = forever,
					 .entry_timeout = forever};

	if (parent == FUSE_ROOT_ID && strcmp(name, disk_name) == 0)
		fuse_reply_entry(request, &entry);
	else
		fuse_reply_err(request, ENOENT);
}

static void op_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	struct stat attributes = stat_of(inode);

	fuse_reply_attr(request, &attributes, forever);
}

static void op_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	info->keep_cache = 1;
	fuse_reply_open(request, info);
}

static void op_read(fuse_req_t request, fuse_ino_t inode, size_t length, off_t offset,
		    struct fuse_file_info *info)
{
	size_t at = (size_t)offset < size ? (size_t)offset : size;

	fuse_reply_buf(request, content + at, length < size - at ? length : size - at);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = op_lookup, .getattr = op_getattr, .open = op_open, .read = op_read};

static bool load(const char *path, const char *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t got = 1;

	size = strtoull(bytes, NULL, 10);
	content = malloc(size);
	while (fd >= 0 && content && done < size && got > 0) {
		got = pread(fd, content + done, size - done, (off_t)done);
		done += got > 0 ? (size_t)got : 0;
	}
	return fd >= 0 && close(fd) == 0 && content && done == size;
}

int main(int argc, char **argv)
{
	char *words[] = {argv[0], NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, words);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct fuse_session *session;

	if (argc != 4) {
		fprintf(stderr, "usage: memoryfs MOUNTPOINT FILE BYTES\n");
		return 2;
	}
	if (!load(argv[2], argv[3])) {
		perror(argv[2]);
		return 1;
	}
	session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	if (!session || fuse_session_mount(session, argv[1]) != 0)
		return 1;
	fuse_daemonize(0);
	fuse_set_signal_handlers(session);
	fuse_loop_cfg_set_clone_fd(config, 1);
	fuse_session_loop_mt(session, config);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	fuse_loop_cfg_destroy(config);
	return 0;
}
