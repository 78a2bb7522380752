/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu-image.h"

#include "child.h"
#include "errors.h"
#include "io.h"
#include "json.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOOL_TIMEOUT_SEC 120
#define CREATE_TRIES     50

/*
 * QEMU's block/file-posix.c: each that has a file open holds shared locks on bytes of it, from 100
 * on for what it does, from 200 on for what it forbids others. Byte 101 is for writing.
 */
#define LOCKS_START    100
#define LOCKS_LENGTH   200
#define LOCK_OF_WRITER 101

const char *vk_qemu_format(const char *format)
{
	return !format || g_str_equal(format, "iso") ? "raw" : format;
}

static json_t *file_node(const char *path, GError **error)
{
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	struct stat info;

	if (!g_utf8_validate(absolute, -1, NULL)) {
		vk_fail(error, VK_ERROR_FAILED, "the name of '%s' is not UTF-8, which QEMU needs",
			path);
		return NULL;
	}
	if (stat(absolute, &info) < 0) {
		vk_fail_errno(error, errno, "cannot open '%s'", path);
		return NULL;
	}
	return json_pack("{s:s, s:s}", "driver", S_ISBLK(info.st_mode) ? "host_device" : "file",
			 "filename", absolute);
}

/* How the secrets of a chain are called. New string. */
static char *secret_id(guint number)
{
	return g_strdup_printf("secret%u", number);
}

/* A raw image in LUKS is a LUKS image to QEMU; qcow2 has LUKS in itself. */
static gboolean add_encryption(json_t *node, const VkQemuLayer *layer, guint number, GError **error)
{
	g_autofree char *id = secret_id(number);
	const char *format = vk_qemu_format(layer->format);

	if (g_str_equal(format, "raw")) {
		json_object_set_new(node, "driver", json_string("luks"));
		json_object_set_new(node, "key-secret", json_string(id));
		return TRUE;
	}
	json_object_set_new(node, "encrypt",
			    json_pack("{s:s, s:s}", "format", "luks", "key-secret", id));
	return g_str_equal(format, "qcow2") ||
	       vk_fail(error, VK_ERROR_FAILED, "'%s' of format '%s' cannot be in LUKS", layer->path,
		       format);
}

static json_t *layer_node(const VkQemuLayer *layer, guint number, GError **error)
{
	const char *name = vk_qemu_format(layer->format);
	json_t *file, *node, *data = NULL;

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name)) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' of '%s' is not an image format", name,
			layer->path);
		return NULL;
	}
	file = file_node(layer->path, error);
	if (file && layer->data_file && !(data = file_node(layer->data_file, error)))
		g_clear_pointer(&file, json_decref);
	if (!file)
		return NULL;
	node = json_pack("{s:s, s:o, s:o*}", "driver", name, "file", file, "data-file", data);
	if (layer->secret && !add_encryption(node, layer, number, error))
		g_clear_pointer(&node, json_decref);
	return node;
}

char *vk_qemu_chain_name(const VkQemuLayer *layers, guint count, gboolean share, GError **error)
{
	g_autoptr(json_t) chain = json_null();
	g_autofree char *line = NULL;

	for (guint i = count; i > 0; i--) {
		json_t *node = layer_node(&layers[i - 1], i - 1, error);

		if (!node)
			return NULL;
		json_object_set_new(node, "backing", chain);
		chain = node;
	}
	if (share)
		json_object_set_new(chain, "force-share", json_true());
	line = vk_json_line(chain);
	return g_strconcat("json:", line, NULL);
}

void vk_qemu_name_path(GError **error, const char *name, const char *path)
{
	g_autoptr(GString) text = NULL;

	if (!error || !*error)
		return;
	text = g_string_new((*error)->message);
	g_string_replace(text, name, path, 0);
	g_free((*error)->message);
	(*error)->message = g_string_free(g_steal_pointer(&text), FALSE);
}

void vk_qemu_add_words(GPtrArray *argv, const char *word, ...)
{
	va_list words;

	va_start(words, word);
	for (; word; word = va_arg(words, const char *))
		g_ptr_array_add(argv, g_strdup(word));
	va_end(words);
}

void vk_qemu_add_secrets(GPtrArray *argv, const VkQemuLayer *layers, guint count)
{
	for (guint i = 0; i < count; i++) {
		g_autofree char *id = secret_id(i);

		if (!layers[i].secret)
			continue;
		vk_qemu_add_words(argv, "--object", NULL);
		g_ptr_array_add(argv,
				g_strdup_printf("secret,id=%s,file=%s", id, layers[i].secret));
	}
}

char *vk_qemu_run(GPtrArray *argv, const char *name, const char *path, GError **error)
{
	char *output;

	g_ptr_array_add(argv, NULL);
	output = vk_child_run((const char *const *)argv->pdata, TOOL_TIMEOUT_SEC, error);
	if (!output)
		vk_qemu_name_path(error, name, path);
	return output;
}

/*
 * A vmdk may be but a list of other files, all of which QEMU opens before it reports their names:
 * text, or a header without a capacity of its own.
 */
static gboolean check_whole(const VkQemuLayer *image, GError **error)
{
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, image->path, O_RDONLY | O_NONBLOCK, 0, error);
	const char none[8] = {0};
	char header[20] = {0};

	if (fd < 0)
		return FALSE;
	if (pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	    (memcmp(header, "COWD", 4) == 0 ||
	     (memcmp(header, "KDMV", 4) == 0 && memcmp(header + 12, none, 8) != 0)))
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED,
		       "'%s' is a vmdk that keeps its data in other files, which are not "
		       "followed: back the guest up while it runs, with --mode vault",
		       image->path);
}

json_t *vk_qemu_image_info(const VkQemuLayer *image, GError **error)
{
	const VkQemuLayer locked = {
		.path = image->path, .format = image->format, .data_file = image->data_file};
	g_autofree char *name = vk_qemu_chain_name(&locked, 1, FALSE, error);
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *output = NULL;
	json_t *info;

	if (!name || (g_strcmp0(image->format, "vmdk") == 0 && !check_whole(image, error)))
		return NULL;
	vk_qemu_add_words(argv, "qemu-img", "info", "-U", "--output=json", name, NULL);
	output = vk_qemu_run(argv, name, image->path, error);
	info = output ? json_loads(output, 0, NULL) : NULL;
	if (output && !info)
		vk_fail(error, VK_ERROR_FAILED, "qemu-img's answer makes no sense");
	if (!info)
		g_prefix_error(error, "cannot examine '%s': ", image->path);
	return info;
}

/* ---- what a header names ---- */

gboolean vk_qemu_is_path(const char *name)
{
	return name[strcspn(name, ":/")] != ':';
}

char *vk_qemu_resolve(const char *path, const char *name)
{
	g_autofree char *directory = g_path_get_dirname(path);

	return g_canonicalize_filename(name, directory);
}

char *vk_qemu_undeclared_data(const VkQemuLayer *image, const json_t *info)
{
	const json_t *data = json_object_get(json_object_get(info, "format-specific"), "data");
	const char *file = json_string_value(json_object_get(data, "data-file"));

	if (!file || image->data_file)
		return NULL;
	return vk_qemu_is_path(file) ? vk_qemu_resolve(image->path, file) : g_strdup(file);
}

gboolean vk_qemu_check_data(const VkQemuLayer *layers, guint count, GError **error)
{
	for (guint i = 0; i < count; i++) {
		g_autoptr(json_t) info = NULL;
		g_autofree char *file = NULL;

		if (g_str_equal(vk_qemu_format(layers[i].format), "raw"))
			continue;
		info = vk_qemu_image_info(&layers[i], error);
		if (!info)
			return FALSE;
		file = vk_qemu_undeclared_data(&layers[i], info);
		if (file)
			return vk_fail(error, VK_ERROR_FAILED,
				       "'%s' keeps its data in '%s', which is not part of the disk",
				       layers[i].path, file);
	}
	return TRUE;
}

/* The -o options for an image in LUKS. Static. */
static const char *encryption_options(const VkQemuLayer *image)
{
	return g_str_equal(vk_qemu_format(image->format), "raw")
		       ? "key-secret=secret0"
		       : "encrypt.format=luks,encrypt.key-secret=secret0";
}

/*
 * QEMU measures how fast the processor hashes, to choose the rounds of a passphrase. Its first
 * measure takes few milliseconds, and fails where the kernel has not counted them yet (QEMU of
 * 2024, stable releases too; fixed in 10.0): each try is quick and fails by chance.
 */
static gboolean is_transient(const GError *trouble)
{
	return strstr(trouble->message, "CPU usage") != NULL && !vk_interrupted();
}

gboolean vk_image_file_create(const VkQemuLayer *image, const char *options, guint64 size,
			      GError **error)
{
	g_autofree char *path = g_canonicalize_filename(image->path, NULL);
	g_autofree char *size_text = g_strdup_printf("%" G_GUINT64_FORMAT, size);
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) trouble = NULL;
	const char *format = vk_qemu_format(image->format);
	g_autofree char *output = NULL;

	vk_qemu_add_words(argv, "qemu-img", "create", "-q", NULL);
	vk_qemu_add_secrets(argv, image, 1);
	if (image->secret && g_str_equal(format, "raw"))
		format = "luks";
	if (image->secret)
		vk_qemu_add_words(argv, "-o", encryption_options(image), NULL);
	if (options)
		vk_qemu_add_words(argv, "-o", options, NULL);
	vk_qemu_add_words(argv, "-f", format, path, size_text, NULL);
	output = vk_qemu_run(argv, path, image->path, &trouble);
	for (guint tries = 1; !output && tries < CREATE_TRIES && is_transient(trouble); tries++) {
		g_clear_error(&trouble);
		output = vk_qemu_run(argv, path, image->path, &trouble);
	}
	if (!output)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return output != NULL;
}

static gboolean is_locked(const char *path, off_t start, off_t length)
{
	VK_AUTOFD fd = vk_io_open_storage(path, O_RDONLY, NULL);
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

GPtrArray *vk_image_file_snapshots(const char *path, GError **error)
{
	const VkQemuLayer image = {.path = path, .format = "qcow2"};
	g_autoptr(json_t) facts = vk_qemu_image_info(&image, error);
	const json_t *list = json_object_get(facts, "snapshots");
	GPtrArray *names;

	if (!facts)
		return NULL;
	names = g_ptr_array_new_with_free_func(g_free);
	for (gsize i = 0; i < json_array_size(list); i++)
		g_ptr_array_add(names, g_strdup(json_string_value(
					       json_object_get(json_array_get(list, i), "name"))));
	return names;
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
