/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "offline.h"

#include "child.h"
#include "errors.h"
#include "json.h"
#include "qemu-image.h"

#include <sys/stat.h>

#define TOOL_TIMEOUT_SEC 120

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

/* qcow2 may keep nothing but its maps, and the data in a file of its own. */
static void add_data_file(GPtrArray *files, const json_t *info)
{
	const json_t *specific = json_object_get(info, "format-specific");
	const json_t *data = json_object_get(specific, "data");
	const char *file = json_string_value(json_object_get(data, "data-file"));

	if (file)
		g_ptr_array_add(files, g_strdup(file));
}

GPtrArray *vk_image_backing_chain(const char *path, const char *format, GPtrArray **ret_data_files,
				  GError **error)
{
	g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func(image_free);
	g_autoptr(GPtrArray) data_files = g_ptr_array_new_with_free_func(g_free);
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
	for (gsize i = 0; i < json_array_size(list); i++)
		add_data_file(data_files, json_array_get(list, i));
	for (gsize i = 1; i < json_array_size(list); i++) {
		VkDomainImage *image = image_of_info(json_array_get(list, i), error);

		if (!image) {
			g_prefix_error(error, "cannot examine '%s': ", path);
			return NULL;
		}
		g_ptr_array_add(chain, image);
	}
	if (ret_data_files)
		*ret_data_files = g_steal_pointer(&data_files);
	return g_steal_pointer(&chain);
}
