/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu-image.h"

#include "child.h"
#include "errors.h"
#include "io.h"
#include "nbd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOOL_TIMEOUT_SEC 120

/*
 * QEMU's block/file-posix.c: each that has a file open holds shared locks on bytes of it, from 100 on
 * for what it does, from 200 on for what it forbids others. Byte 101 is for writing.
 */
#define LOCKS_START    100
#define LOCKS_LENGTH   200
#define LOCK_OF_WRITER 101

const char *vk_qemu_format(const char *format)
{
	return !format || g_str_equal(format, "iso") ? "raw" : format;
}

/* A comma ends a value unless it is doubled. */
static char *escape_commas(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);

	return g_strjoinv(",,", parts);
}

/* Appends the options of one layer; PREFIX is "", "backing.", "backing.backing.", ... */
static gboolean append_layer(GString *opts, const char *prefix, const VkQemuLayer *layer,
			     GError **error)
{
	g_autofree char *absolute = g_canonicalize_filename(layer->path, NULL);
	g_autofree char *escaped = escape_commas(absolute);
	const char *name = vk_qemu_format(layer->format);
	struct stat info;

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
		return vk_fail(error, VK_ERROR_FAILED, "'%s' of '%s' is not an image format", name,
			       layer->path);
	if (stat(absolute, &info) < 0)
		return vk_fail_errno(error, errno, "cannot open '%s'", layer->path);
	g_string_append_printf(opts, "%s%sdriver=%s,%sfile.driver=%s,%sfile.filename=%s",
			       opts->len ? "," : "", prefix, name, prefix,
			       S_ISBLK(info.st_mode) ? "host_device" : "file", prefix, escaped);
	return TRUE;
}

char *vk_qemu_chain_opts(const VkQemuLayer *layers, guint count, gboolean share, GError **error)
{
	g_autoptr(GString) opts = g_string_new(NULL);
	g_autoptr(GString) prefix = g_string_new(NULL);

	for (guint i = 0; i < count; i++) {
		if (!append_layer(opts, prefix->str, &layers[i], error))
			return NULL;
		g_string_append(prefix, "backing.");
	}
	if (share)
		g_string_append(opts, ",force-share=on");
	return g_string_free(g_steal_pointer(&opts), FALSE);
}

char *vk_qemu_image_opts(const char *path, const char *format, gboolean share, GError **error)
{
	const VkQemuLayer layer = {.path = path, .format = format};

	return vk_qemu_chain_opts(&layer, 1, share, error);
}

gboolean vk_image_file_create(const char *path, const char *format, guint64 size, GError **error)
{
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	g_autofree char *size_text = g_strdup_printf("%" G_GUINT64_FORMAT, size);
	const char *argv[] = {"qemu-img", "create",  "-q", "-f", vk_qemu_format(format),
			      absolute,   size_text, NULL};
	g_autofree char *output = vk_child_run(argv, TOOL_TIMEOUT_SEC, error);

	return output != NULL;
}

static gboolean is_locked(const char *path, off_t start, off_t length)
{
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

gboolean vk_image_file_is_in_use(const char *path)
{
	return is_locked(path, LOCKS_START, LOCKS_LENGTH);
}

gboolean vk_image_file_is_written(const char *path)
{
	return is_locked(path, LOCK_OF_WRITER, 1);
}

gboolean vk_image_file_set_backing(const VkQemuLayer *image, const VkQemuLayer *backing,
				   GError **error)
{
	g_autofree char *absolute = g_canonicalize_filename(image->path, NULL);
	const char *argv[] = {"qemu-img", "rebase",      "-q",     "-u",
			      "-f",       image->format, "-F",     backing->format,
			      "-b",       backing->path, absolute, NULL};
	g_autofree char *output = vk_child_run(argv, TOOL_TIMEOUT_SEC, error);

	if (output)
		return TRUE;
	g_prefix_error(error, "cannot make '%s' name '%s' as its backing file: ", image->path,
		       backing->path);
	return FALSE;
}
