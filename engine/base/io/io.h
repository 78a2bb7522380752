/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that touch stored bytes go through one table, so that tests can make the N-th
 * one fail. Nothing outside io.c, new-file.c and the directory store calls them directly on files
 * that must survive. A path with a slash in it, from an open directory on, follows no symbolic
 * link, as beneath-priv.h says.
 */
#pragma once

#include <glib.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct VkIo {
	int (*openat)(int dirfd, const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*pread)(int fd, void *buf, size_t length, off_t offset);
	ssize_t (*pwrite)(int fd, const void *buf, size_t length, off_t offset);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd);
	int (*ftruncate)(int fd, off_t length);
	int (*renameat2)(int olddir, const char *old, int newdir, const char *name, unsigned flags);
	int (*linkat)(int olddir, const char *old, int newdir, const char *name, int flags);
	int (*unlinkat)(int dirfd, const char *path, int flags);
	int (*mkdirat)(int dirfd, const char *path, mode_t mode);
	int (*flock)(int fd, int operation);
} VkIo;

/* The table in force. Tests replace entries before any thread runs and put them back after. */
extern VkIo vk_io;

/* Opens with O_CLOEXEC. Returns a file descriptor, or -1 with the error naming PATH. */
int vk_io_open(int dirfd, const char *path, int flags, mode_t mode, GError **error);

/*
 * Opens a regular file for reading. Anything else is VK_ERROR_DAMAGE: pipes and devices, which
 * might block for ever, and symbolic links. NAME is for the error. Returns a file descriptor, or
 * -1: errno says why it could not be opened, if that is the error.
 */
int vk_io_open_regular(int dirfd, const char *path, const char *name, GError **error);

/* What lies at PATH; no link below DIRFD is followed. FALSE with errno. */
gboolean vk_io_look_at(int dirfd, const char *path, struct stat *ret);

/*
 * Opens a regular file or a block device and nothing else; follows links. Opening another device
 * may have effects, and a user who may write to the directory can put one there. Does not block.
 * Returns a file descriptor, or -1; VK_ERROR_FAILED when PATH is something else.
 */
int vk_io_open_storage(const char *path, int flags, GError **error);

/* Closes *FD if it is open and sets it to -1. For files that were only read. */
void vk_io_clear_fd(int *fd);

/* Cleanup attribute for a local descriptor: g_auto-like, closes at the end of the scope. */
#define VK_AUTOFD __attribute__((cleanup(vk_io_clear_fd))) int

/*
 * Reads until LENGTH bytes or end of file; *RET_LENGTH is how many came. NAME is for the error.
 * errno is set when it fails.
 */
gboolean vk_io_read(int fd, const char *name, guint64 offset, void *buf, gsize length,
		    gsize *ret_length, GError **error);

/*
 * Reads a small file of the user, follows links, and adds a 0. New string, and its length.
 * VK_ERROR_USAGE for a file of MAX bytes or more, and for what is not a file: it does not wait for
 * pipes, sockets and terminals. VK_ERROR_NOT_FOUND when there is none.
 */
gboolean vk_io_read_whole(const char *path, gsize max, char **ret, gsize *ret_length,
			  GError **error);

/* Writes all LENGTH bytes. */
gboolean vk_io_write(int fd, const char *name, guint64 offset, const void *buf, gsize length,
		     GError **error);

/*
 * How much of a large file was written since the kernel was last asked to write it out. So the
 * flush at the end has little to do. Zeroed at first.
 */
typedef struct VkWriteback {
	_Atomic gsize bytes;
} VkWriteback;

/* LENGTH more bytes were written to FD. A hint: only the flush reports failures. Threads: free. */
void vk_writeback_add(VkWriteback *writeback, int fd, gsize length);

/*
 * Renames within one file system, never over an existing file: VK_ERROR_EXISTS then. File systems
 * without RENAME_NOREPLACE get a hard link and an unlink.
 */
gboolean vk_io_rename_new(int olddir, const char *old, int newdir, const char *name,
			  GError **error);

/*
 * Whether the open file still has a name. One that was opened by its name and then locked may be
 * gone.
 */
gboolean vk_io_is_linked(int fd);

/* fsync of a directory. PATH is relative to DIRFD. */
gboolean vk_io_sync_dir(int dirfd, const char *path, GError **error);

/* TRUE when all bytes are zero. Stops at the first that is not. */
gboolean vk_io_is_zero(const void *buf, gsize length);
