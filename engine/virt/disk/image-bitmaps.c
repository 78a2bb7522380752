/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-bitmaps-priv.h"

#include "errors.h"
#include "host-secret.h"
#include "image-chain.h"
#include "json.h"
#include "image-path.h"
#include "qemu-image.h"
#include "source.h"

#include <string.h>

static void bitmap_free(gpointer data)
{
	VkImageBitmap *bitmap = data;

	g_free(bitmap->name);
	g_free(bitmap);
}

void vk_image_bitmaps_free(VkImageBitmaps *bitmaps)
{
	if (!bitmaps)
		return;
	g_free(bitmaps->reason);
	g_ptr_array_unref(bitmaps->bitmaps);
	g_free(bitmaps);
}

const VkImageBitmap *vk_image_bitmaps_find(const VkImageBitmaps *bitmaps, const char *name,
					   gboolean below)
{
	for (guint i = 0; i < bitmaps->bitmaps->len; i++) {
		const VkImageBitmap *bitmap = g_ptr_array_index(bitmaps->bitmaps, i);

		if (bitmap->below == below && g_str_equal(bitmap->name, name))
			return bitmap;
	}
	return NULL;
}

static gboolean has_flag(const json_t *bitmap, const char *wanted)
{
	const json_t *flags = json_object_get(bitmap, "flags");

	for (gsize i = 0; i < json_array_size(flags); i++)
		if (g_strcmp0(json_string_value(json_array_get(flags, i)), wanted) == 0)
			return TRUE;
	return FALSE;
}

static const json_t *qcow2_facts(const json_t *layer)
{
	return json_object_get(json_object_get(layer, "format-specific"), "data");
}

static void add_layer(VkImageBitmaps *found, const json_t *layer, gboolean below)
{
	const json_t *list = json_object_get(qcow2_facts(layer), "bitmaps");

	for (gsize i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(item, "name"));
		VkImageBitmap *bitmap;

		if (!name)
			continue;
		bitmap = g_new0(VkImageBitmap, 1);
		bitmap->name = g_strdup(name);
		bitmap->in_use = has_flag(item, "in-use");
		bitmap->recording = has_flag(item, "auto");
		bitmap->below = below;
		g_ptr_array_add(found->bitmaps, bitmap);
	}
}

/* Why the image can hold no bitmap that a later backup could build on. Static; NULL: it can. */
static const char *find_obstacle(const json_t *image)
{
	const char *format = json_string_value(json_object_get(image, "format"));
	const char *compat = json_string_value(json_object_get(qcow2_facts(image), "compat"));

	if (g_strcmp0(format, "qcow2") != 0)
		return "its format keeps no dirty bitmap, only qcow2 does";
	if (g_strcmp0(compat, "0.10") == 0)
		return "qcow2 of version 2 keeps no dirty bitmap; run 'qemu-img amend -o "
		       "compat=v3' on it while the guest is off";
	/* QEMU would refuse the user to go back to one. */
	if (json_array_size(json_object_get(image, "snapshots")) > 0)
		return "its image has internal snapshots, which bitmaps would make useless";
	return NULL;
}

/* The file of the image itself. To be cleared. */
static char *image_path(VkHost *host, const VkDomainDisk *disk, VkQemuLayer *ret, GError **error)
{
	char *path = vk_image_path(host, disk->image, error);

	*ret = (VkQemuLayer){
		.path = path, .format = disk->image->format, .data_file = disk->image->data_file};
	return path;
}

/*
 * The bitmaps of the backing chain. A chain that cannot be found has none: its disk cannot be read
 * while the guest is off.
 */
static void add_chain(VkImageBitmaps *found, VkHost *host, const VkDomainDisk *disk)
{
	g_autoptr(GPtrArray) chain = vk_image_chain_new(host, disk, NULL);

	for (guint i = 1; chain && i < chain->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(chain, i);
		const VkQemuLayer layer = {.path = image->path,
					   .format = image->format,
					   .data_file = image->data_file};
		g_autoptr(json_t) info = NULL;

		if (g_str_equal(layer.format, "qcow2"))
			info = vk_qemu_image_info(&layer, NULL);
		add_layer(found, info, TRUE);
	}
}

VkImageBitmaps *vk_image_bitmaps_read(VkHost *host, const VkDomainDisk *disk, GError **error)
{
	VkImageBitmaps *found = g_new0(VkImageBitmaps, 1);
	g_autofree char *path = NULL;
	g_autoptr(json_t) info = NULL;
	VkQemuLayer image;

	found->bitmaps = g_ptr_array_new_with_free_func(bitmap_free);
	if (g_strcmp0(disk->image->format, "qcow2") != 0 ||
	    g_str_equal(disk->image->type, "network")) {
		found->reason = g_strdup(g_strcmp0(disk->image->format, "qcow2") == 0
						 ? "no dirty bitmaps are kept on network storage"
						 : "its format keeps no dirty bitmap, only qcow2 "
						   "does");
		return found;
	}
	path = image_path(host, disk, &image, error);
	info = path ? vk_qemu_image_info(&image, error) : NULL;
	if (!info) {
		vk_image_bitmaps_free(found);
		return NULL;
	}
	add_layer(found, info, FALSE);
	if (disk->backing->len > 0 || json_object_get(info, "backing-filename"))
		add_chain(found, host, disk);
	found->reason = g_strdup(find_obstacle(info));
	found->can_track = !found->reason;
	return found;
}

static gboolean run_bitmap(VkHost *host, const VkDomainDisk *disk, const char *what,
			   const char *name, GError **error)
{
	g_autofree char *granularity = g_strdup_printf("%zu", VK_SOURCE_CHANGE_UNIT);
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(VkQemuSecret) secret = NULL;
	g_autofree char *file = NULL;
	g_autofree char *output = NULL;
	VkQemuLayer image;
	g_autofree char *path = image_path(host, disk, &image, error);

	if (path && vk_domain_image_has_secret(disk->image))
		secret = vk_secret_of_image(host, disk->image, error);
	if (path && (secret || !vk_domain_image_has_secret(disk->image))) {
		image.secret = secret ? vk_qemu_secret_path(secret) : NULL;
		file = vk_qemu_chain_name(&image, 1, FALSE, error);
	}
	if (file) {
		vk_qemu_add_words(argv, "qemu-img", "bitmap", what, NULL);
		vk_qemu_add_secrets(argv, &image, 1);
		if (g_str_equal(what, "--add"))
			vk_qemu_add_words(argv, "-g", granularity, NULL);
		vk_qemu_add_words(argv, file, name, NULL);
		output = vk_qemu_run(argv, file, path, error);
	}
	if (output)
		return TRUE;
	g_prefix_error(error, "disk '%s', bitmap '%s': ", disk->target, name);
	return FALSE;
}

gboolean vk_image_bitmap_add(VkHost *host, const VkDomainDisk *disk, const char *name,
			     GError **error)
{
	return run_bitmap(host, disk, "--add", name, error);
}

gboolean vk_image_bitmap_remove(VkHost *host, const VkDomainDisk *disk, const char *name,
				GError **error)
{
	return run_bitmap(host, disk, "--remove", name, error);
}
