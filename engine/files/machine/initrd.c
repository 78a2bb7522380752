/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "initrd.h"

#include "errors.h"
#include "io.h"
#include "sealed-file.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

/* The largest program or library has some MiB. */
#define FILE_MAX ((gsize)64 << 20)

/* Names as they are, and no others. */
#define DISC_OPTIONS "!joliet"

struct VkInitrd {
	struct archive *archive;
	GHashTable *directories; /* that are in it */
	int fd;
};

static gboolean fail(VkInitrd *initrd, GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "cannot put the appliance together: %s",
		       archive_error_string(initrd->archive));
}

static gboolean write_entry(VkInitrd *initrd, const char *path, mode_t mode, const void *bytes,
			    gsize length, GError **error)
{
	struct archive_entry *entry = archive_entry_new();
	gboolean ok;

	archive_entry_set_pathname(entry, path);
	archive_entry_set_mode(entry, mode);
	archive_entry_set_size(entry, (la_int64_t)length);
	ok = archive_write_header(initrd->archive, entry) == ARCHIVE_OK &&
	     archive_write_data(initrd->archive, bytes, length) == (la_ssize_t)length;
	archive_entry_free(entry);
	return ok || fail(initrd, error);
}

/* The kernel makes none that the archive does not have. */
static gboolean write_directories(VkInitrd *initrd, const char *path, GError **error)
{
	for (const char *end = strchr(path, '/'); end; end = strchr(end + 1, '/')) {
		char *directory = g_strndup(path, (gsize)(end - path));

		if (g_hash_table_add(initrd->directories, directory) &&
		    !write_entry(initrd, directory, S_IFDIR | 0755, "", 0, error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_initrd_add(VkInitrd *initrd, const char *path, const void *bytes, gsize length,
		       GError **error)
{
	return write_directories(initrd, path, error) &&
	       write_entry(initrd, path, S_IFREG | 0755, bytes, length, error);
}

gboolean vk_initrd_add_file(VkInitrd *initrd, const char *path, const char *source, GError **error)
{
	g_autofree char *bytes = NULL;
	gsize length;

	return vk_io_read_whole(source, FILE_MAX, &bytes, &length, error) &&
	       vk_initrd_add(initrd, path, bytes, length, error);
}

static VkInitrd *new_with(int (*set_format)(struct archive *archive), const char *options,
			  GError **error)
{
	g_autoptr(VkInitrd) initrd = g_new0(VkInitrd, 1);

	initrd->archive = archive_write_new();
	initrd->directories = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	initrd->fd = vk_sealed_file_new(error);
	if (initrd->fd < 0)
		return NULL;
	if (set_format(initrd->archive) == ARCHIVE_OK &&
	    archive_write_set_options(initrd->archive, options) == ARCHIVE_OK &&
	    archive_write_open_fd(initrd->archive, initrd->fd) == ARCHIVE_OK)
		return g_steal_pointer(&initrd);
	fail(initrd, error);
	return NULL;
}

VkInitrd *vk_initrd_new(const char *init, GError **error)
{
	g_autoptr(VkInitrd) initrd = new_with(archive_write_set_format_cpio_newc, NULL, error);

	return initrd && vk_initrd_add_file(initrd, "init", init, error) ? g_steal_pointer(&initrd)
									 : NULL;
}

VkInitrd *vk_initrd_new_disc(GError **error)
{
	return new_with(archive_write_set_format_iso9660, DISC_OPTIONS, error);
}

void vk_initrd_free(VkInitrd *initrd)
{
	if (!initrd)
		return;
	archive_write_free(initrd->archive);
	g_hash_table_unref(initrd->directories);
	vk_io_clear_fd(&initrd->fd);
	g_free(initrd);
}

int vk_initrd_end(VkInitrd *initrd, GError **error)
{
	if (archive_write_close(initrd->archive) != ARCHIVE_OK) {
		fail(initrd, error);
		return -1;
	}
	return vk_sealed_file_seal(initrd->fd, error) ? g_steal_fd(&initrd->fd) : -1;
}
