/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "initrd.h"

#include "errors.h"
#include "io.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The agent has a few MiB. */
#define FILE_MAX ((gsize)64 << 20)

static gboolean write_file(struct archive *archive, const char *path, const void *bytes,
			   gsize length)
{
	struct archive_entry *entry = archive_entry_new();
	gboolean ok;

	archive_entry_set_pathname(entry, path);
	archive_entry_set_mode(entry, S_IFREG | 0755);
	archive_entry_set_size(entry, (la_int64_t)length);
	ok = archive_write_header(archive, entry) == ARCHIVE_OK &&
	     archive_write_data(archive, bytes, length) == (la_ssize_t)length;
	archive_entry_free(entry);
	return ok;
}

static gboolean write_archive(int fd, const void *bytes, gsize length, GError **error)
{
	struct archive *archive = archive_write_new();
	gboolean ok = archive_write_set_format_cpio_newc(archive) == ARCHIVE_OK &&
		      archive_write_open_fd(archive, fd) == ARCHIVE_OK &&
		      write_file(archive, "init", bytes, length) &&
		      archive_write_close(archive) == ARCHIVE_OK;

	if (!ok)
		vk_fail(error, VK_ERROR_FAILED, "cannot put the appliance together: %s",
			archive_error_string(archive));
	archive_write_free(archive);
	return ok;
}

int vk_initrd_make(const char *init, GError **error)
{
	VK_AUTOFD fd = memfd_create("virtkeep-initrd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	g_autofree char *bytes = NULL;
	int made;
	gsize length = 0;

	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot make a temporary file");
		return -1;
	}
	if (!vk_io_read_whole(init, FILE_MAX, &bytes, &length, error) ||
	    !write_archive(fd, bytes, length, error))
		return -1;
	/* The sandbox gets this descriptor, and could use the file as memory beyond its bound. */
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		vk_fail_errno(error, errno, "cannot seal a temporary file");
		return -1;
	}
	made = fd;
	fd = -1;
	return made;
}
