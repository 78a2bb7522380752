/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu-image.h"

#include "child.h"
#include "domain.h"
#include "errors.h"
#include "io.h"
#include "json.h"
#include "nbd.h"
#include "offline.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOOL_TIMEOUT_SEC 120

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

char *vk_qemu_image_opts(const char *path, const char *format, gboolean share, GError **error)
{
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	g_autofree char *escaped = escape_commas(absolute);
	const char *name = vk_qemu_format(format);
	const char *protocol = "file";
	struct stat info;

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name)) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' of '%s' is not an image format", name, path);
		return NULL;
	}
	if (stat(absolute, &info) < 0) {
		vk_fail_errno(error, errno, "cannot open '%s'", path);
		return NULL;
	}
	if (S_ISBLK(info.st_mode))
		protocol = "host_device";
	return g_strdup_printf("driver=%s%s,file.driver=%s,file.filename=%s", name,
			       share ? ",force-share=on" : "", protocol, escaped);
}

static VkDomainImage *image_of_info(const json_t *info, GError **error)
{
	VkDomainImage *image;
	const char *filename, *format;
	struct stat status;

	if (!vk_json_string(info, "filename", &filename, error) ||
	    !vk_json_string(info, "format", &format, error))
		return NULL;
	image = g_new0(VkDomainImage, 1);
	image->format = g_strdup(format);
	if (stat(filename, &status) == 0) {
		image->type = g_strdup(S_ISBLK(status.st_mode) ? "block" : "file");
		image->path = g_strdup(filename);
	} else {
		image->type = g_strdup("network");
		image->name = g_strdup(filename);
	}
	return image;
}

static void image_free(gpointer data)
{
	VkDomainImage *image = data;

	g_free(image->type);
	g_free(image->format);
	g_free(image->path);
	g_free(image->name);
	g_free(image);
}

GPtrArray *vk_image_backing_chain(const char *path, const char *format, GError **error)
{
	g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func(image_free);
	g_autofree char *opts = vk_qemu_image_opts(path, format, FALSE, error);
	const char *argv[] = {"qemu-img",        "info",         "-U", "--output=json",
			      "--backing-chain", "--image-opts", opts, NULL};
	g_autofree char *output = NULL;
	g_autoptr(json_t) list = NULL;

	output = opts ? vk_child_run(argv, TOOL_TIMEOUT_SEC, error) : NULL;
	if (!output) {
		g_prefix_error(error, "cannot examine '%s': ", path);
		return NULL;
	}
	list = json_loads(output, 0, NULL);
	if (!json_is_array(list)) {
		vk_fail(error, VK_ERROR_FAILED, "cannot examine '%s': qemu-img's answer is no list",
			path);
		return NULL;
	}
	for (gsize i = 1; i < json_array_size(list); i++) {
		VkDomainImage *image = image_of_info(json_array_get(list, i), error);

		if (!image) {
			g_prefix_error(error, "cannot examine '%s': ", path);
			return NULL;
		}
		g_ptr_array_add(chain, image);
	}
	return g_steal_pointer(&chain);
}

gboolean vk_image_file_create(const char *path, const char *format, guint64 size, GError **error)
{
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	g_autofree char *size_text = g_strdup_printf("%" G_GUINT64_FORMAT, size);
	const char *argv[] = {"qemu-img", "create",  "-q", "-f", vk_qemu_format(format),
			      absolute,   size_text, NULL};
	g_autofree char *output = NULL;
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, absolute, O_WRONLY | O_CREAT | O_EXCL, 0600, error);

	if (fd < 0)
		return FALSE;
	output = vk_child_run(argv, TOOL_TIMEOUT_SEC, error);
	if (!output) {
		unlink(absolute);
		g_prefix_error(error, "cannot make '%s': ", path);
		return FALSE;
	}
	return TRUE;
}
