/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-chain.h"

#include "errors.h"
#include "host-secret.h"
#include "io.h"
#include "json.h"
#include "image-path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as libvirt goes along. */
#define LAYERS_MAX 200

/* How images of other formats begin, by which libvirt and QEMU know them. */
static const struct {
	off_t offset;
	const char *bytes;
} marks[] = {
	{0, "QFI\xfb"},  {0, "QED"},      {0, "KDMV"},
	{0, "COWD"},     {0, "# Disk D"}, {0, "conectix"},
	{0, "vhdxfile"}, {0, "Withou"},   {64, "\x7f\x10\xda\xbe"},
};

static VkQemuLayer as_layer(const VkDomainImage *image)
{
	return (VkQemuLayer){
		.path = image->path, .format = image->format, .data_file = image->data_file};
}

static gboolean is_raw(const VkDomainImage *image)
{
	return g_str_equal(image->format, "raw");
}

/* A driver of another sort would open what it likes. */
static gboolean check_format(const char *format, const char *path, GError **error)
{
	static const char *const known[] = {"raw", "qcow2", "qcow",  "qed",   "vdi",       "vmdk",
					    "vpc", "vhdx",  "bochs", "cloop", "parallels", NULL};

	return g_strv_contains(known, format) ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "the format '%s' of '%s' is not read of a guest that is off: back the guest "
		       "up while it runs, with --mode vault",
		       format, path);
}

/* DECLARED is what the definition says of it; NULL: nothing. */
static gboolean add_layer(GPtrArray *layers, const char *path, const char *format,
			  const VkDomainImage *declared, GError **error)
{
	VkDomainImage *image;
	struct stat info;

	if (layers->len >= LAYERS_MAX)
		return vk_fail(error, VK_ERROR_FAILED,
			       "its backing chain is longer than %d files, or names itself",
			       LAYERS_MAX);
	if (!check_format(format, path, error))
		return FALSE;
	if (stat(path, &info) < 0)
		return vk_fail(error, VK_ERROR_FAILED, "cannot examine '%s': %s", path,
			       g_strerror(errno));
	if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is neither a file nor a block device",
			       path);
	image = g_new0(VkDomainImage, 1);
	image->type = g_strdup(S_ISBLK(info.st_mode) ? "block" : "file");
	image->format = g_strdup(format);
	image->path = g_strdup(path);
	g_ptr_array_add(layers, image);
	if (!declared)
		return TRUE;
	image->data_file = g_strdup(declared->data_file);
	image->encrypted = declared->encrypted;
	image->secret_uuid = g_strdup(declared->secret_uuid);
	image->secret_usage = g_strdup(declared->secret_usage);
	return TRUE;
}

static gboolean add_declared(GPtrArray *layers, VkHost *host, const VkDomainImage *declared,
			     GError **error)
{
	const char *obstacle = vk_domain_image_obstacle(declared);
	g_autofree char *label = vk_domain_image_label(declared);
	g_autofree char *path = NULL;

	if (obstacle)
		return vk_fail(error, VK_ERROR_FAILED,
			       "its image '%s' is %s; back the guest up while it runs, with --mode "
			       "vault",
			       label, obstacle);
	path = vk_image_path(host, declared, error);
	return path && add_layer(layers, path, vk_qemu_format(declared->format), declared, error);
}

/* ---- what the headers name ---- */

/* QEMU would open these by itself as root, even if the guest has written the header. */
static gboolean check_data(const VkQemuLayer *image, const json_t *info, GError **error)
{
	g_autofree char *file = vk_qemu_undeclared_data(image, info);

	return !file ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "it keeps its data in '%s', as its image '%s' says and the guest's "
		       "definition does not: back the guest up while it runs, with --mode "
		       "vault, or declare the file by <dataStore>, which libvirt knows from "
		       "10.10 on",
		       file, image->path);
}

static gboolean has_mark(int fd, guint number)
{
	gsize length = strlen(marks[number].bytes);
	char found[32];

	return pread(fd, found, length, marks[number].offset) == (ssize_t)length &&
	       memcmp(found, marks[number].bytes, length) == 0;
}

/*
 * The format of a backing file PATH whose image does not tell it: as libvirt has it, it is taken
 * for what it looks like only if it then needs no other file. Static; NULL with an error.
 */
static const char *find_format(const VkDomainImage *image, const char *path, GError **error)
{
	VK_AUTOFD fd = vk_io_open_storage(path, O_RDONLY, error);
	const VkQemuLayer layer = {.path = path, .format = "qcow2"};
	g_autoptr(json_t) info = NULL;
	g_autofree char *data = NULL;
	guint number = 0;

	if (fd < 0)
		return NULL;
	while (number < G_N_ELEMENTS(marks) && !has_mark(fd, number))
		number++;
	if (number == G_N_ELEMENTS(marks))
		return "raw";
	if (number == 0) {
		info = vk_qemu_image_info(&layer, error);
		if (!info)
			return NULL;
		data = vk_qemu_undeclared_data(&layer, info);
		if (!json_object_get(info, "backing-filename") && !data)
			return "qcow2";
	}
	vk_fail(error, VK_ERROR_FAILED,
		"its image '%s' does not name the format of its backing file '%s', which does not "
		"look raw: a guest may have written that; say it by 'qemu-img rebase -u -F FORMAT "
		"-b "
		"%s %s', or in the guest's definition by <backingStore>",
		image->path, path, path, image->path);
	return NULL;
}

/* The backing file that the header of IMAGE names, if it names one. */
static gboolean add_named(GPtrArray *layers, const VkDomainImage *image, const json_t *info,
			  GError **error)
{
	const char *name = json_string_value(json_object_get(info, "backing-filename"));
	const char *format = json_string_value(json_object_get(info, "backing-filename-format"));
	g_autofree char *path = NULL;

	if (!name)
		return TRUE;
	if (!vk_qemu_is_path(name))
		return vk_fail(
			error, VK_ERROR_FAILED,
			"its image '%s' names the backing file '%s', which is not a path: back "
			"the guest up while it runs, with --mode vault, or declare a local "
			"file in the guest's definition by <backingStore>",
			image->path, name);
	path = vk_qemu_resolve(image->path, name);
	if (!format)
		format = find_format(image, path, error);
	return format && add_layer(layers, path, format, NULL, error);
}

GPtrArray *vk_image_chain_new(VkHost *host, const VkDomainDisk *disk, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_domain_image_free);
	const VkDomainImage *image = NULL;

	if (!add_declared(layers, host, disk->image, error))
		return NULL;
	for (guint i = 0; i < disk->backing->len; i++) {
		image = g_ptr_array_index(layers, i);
		if (is_raw(image))
			break;
		if (!add_declared(layers, host, g_ptr_array_index(disk->backing, i), error))
			return NULL;
	}
	/* It grows on the way. */
	for (guint i = 0; i < layers->len; i++) {
		g_autoptr(json_t) info = NULL;
		VkQemuLayer layer;

		image = g_ptr_array_index(layers, i);
		if (is_raw(image))
			break;
		layer = as_layer(image);
		info = vk_qemu_image_info(&layer, error);
		if (!info || !check_data(&layer, info, error))
			return NULL;
		if (i + 1 == layers->len && !disk->backing_known &&
		    !add_named(layers, image, info, error))
			return NULL;
	}
	return g_steal_pointer(&layers);
}

static gboolean add_secret(VkChainLayers *layers, guint number, VkHost *host,
			   const VkDomainImage *image, GError **error)
{
	VkQemuSecret *secret = vk_secret_of_image(host, image, error);

	if (!secret) {
		g_prefix_error(error, "its image '%s' is encrypted: ", image->path);
		return FALSE;
	}
	g_ptr_array_add(layers->secrets, secret);
	layers->layers[number].secret = vk_qemu_secret_path(secret);
	return TRUE;
}

VkChainLayers *vk_image_chain_layers(VkHost *host, const GPtrArray *chain, GError **error)
{
	g_autoptr(VkChainLayers) layers = g_new0(VkChainLayers, 1);

	layers->layers = g_new0(VkQemuLayer, chain->len);
	layers->count = chain->len;
	layers->secrets = g_ptr_array_new_with_free_func((GDestroyNotify)vk_qemu_secret_free);
	for (guint i = 0; i < chain->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(chain, i);

		layers->layers[i] = as_layer(image);
		if (vk_domain_image_has_secret(image) && !add_secret(layers, i, host, image, error))
			return NULL;
	}
	return g_steal_pointer(&layers);
}

void vk_chain_layers_free(VkChainLayers *layers)
{
	if (!layers)
		return;
	g_ptr_array_unref(layers->secrets);
	g_free(layers->layers);
	g_free(layers);
}
