/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "disk-layout.h"

#include "image-chain.h"
#include "json.h"
#include "qcow2-layout.h"

#include <sys/stat.h>

static json_t *backing_file(const VkDomainImage *image)
{
	struct stat info;

	if (stat(image->path, &info) < 0)
		return NULL;
	return json_pack("{s:o, s:s, s:o, s:o, s:o}", "path", vk_json_new_string(image->path),
			 "format", image->format, "inode", vk_json_new_uint(info.st_ino), "size",
			 vk_json_new_uint((guint64)info.st_size), "mtime_ns",
			 vk_json_new_uint((guint64)info.st_mtim.tv_sec * 1000000000 +
					  (guint64)info.st_mtim.tv_nsec));
}

static json_t *backing_files(const GPtrArray *chain)
{
	json_t *files = json_array();

	for (guint i = 1; i < chain->len; i++)
		json_array_append_new(files, backing_file(g_ptr_array_index(chain, i)));
	return files;
}

json_t *vk_disk_layout_new(VkHost *host, const VkDomainDisk *disk)
{
	const char *format = vk_qemu_format(disk->image->format);
	g_autoptr(GPtrArray) chain = NULL;
	g_autoptr(json_t) info = NULL;
	g_autoptr(json_t) layout = NULL;
	const VkDomainImage *image;

	if (g_str_equal(format, "raw") || vk_domain_image_obstacle(disk->image))
		return NULL;
	chain = vk_image_chain_new(host, disk, NULL);
	image = chain ? g_ptr_array_index(chain, 0) : disk->image;
	if (g_str_equal(format, "qcow2") && image->path)
		info = vk_qemu_image_info(&(VkQemuLayer){.path = image->path, .format = format},
					  NULL);
	layout = info ? vk_qcow2_layout_of(info) : json_object();
	if (chain && chain->len > 1)
		json_object_set_new(layout, "chain", backing_files(chain));
	return json_object_size(layout) > 0 ? g_steal_pointer(&layout) : NULL;
}
