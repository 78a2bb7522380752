/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images as QEMU's tools open, describe and make them. Threads: free.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* QEMU's name for FORMAT: NULL and "iso" are "raw": a raw image is never probed. */
const char *vk_qemu_format(const char *format);

/* An image file or device, or one of its backing files. The strings are borrowed. */
typedef struct VkQemuLayer {
	const char *path;
	const char *format;
	const char *data_file; /* of a qcow2 image that keeps its data there; nullable */
	const char *secret;    /* the file with the passphrase of a LUKS image; nullable */
} VkQemuLayer;

/*
 * The name by which QEMU's tools open LAYERS, the image first, and no other file: each with its
 * driver, the last one without a backing file, whatever their headers say. SHARE lets others write
 * to all of them. New string; an error for an unknown format, or a name that is not UTF-8.
 */
char *vk_qemu_chain_name(const VkQemuLayer *layers, guint count, gboolean share, GError **error);

/*
 * Adds the words (char*) to ARGV that let a tool use the secrets of LAYERS. They go before the
 * name.
 */
void vk_qemu_add_secrets(GPtrArray *argv, const VkQemuLayer *layers, guint count);

/* Adds copies of WORD and what follows, up to NULL. */
void vk_qemu_add_words(GPtrArray *argv, const char *word, ...) G_GNUC_NULL_TERMINATED;

/* Replaces NAME by PATH in the message of ERROR, if one is set: for people. */
void vk_qemu_name_path(GError **error, const char *name, const char *path);

/* Runs ARGV (char*), one of QEMU's tools, in which NAME stands for PATH. Returns its stdout. */
char *vk_qemu_run(GPtrArray *argv, const char *name, const char *path, GError **error);

/* What "qemu-img info" says of one image, in use or not. No other file is opened. */
json_t *vk_qemu_image_info(const VkQemuLayer *image, GError **error);

/* Whether QEMU takes NAME, as a header has it, for a path: a slash comes before any colon. */
gboolean vk_qemu_is_path(const char *name);

/* The path that the header of the image PATH means by NAME. New string. */
char *vk_qemu_resolve(const char *path, const char *name);

/*
 * Another file that QEMU would open for the data of IMAGE by its INFO, though the layer does
 * not have it. New string; NULL when there is none.
 */
char *vk_qemu_undeclared_data(const VkQemuLayer *image, const json_t *info);

/* Refuses images for which QEMU would open another file. */
gboolean vk_qemu_check_data(const VkQemuLayer *layers, guint count, GError **error);

/*
 * Whether a QEMU, or a tool of it, has the file open at all, and whether it may write to it; on
 * this host or, where the file system passes locks on, on any. FALSE where locks say nothing.
 */
gboolean vk_image_file_is_in_use(const char *path);
gboolean vk_image_file_is_written(const char *path);

/*
 * The names of the snapshots that lie in the qcow2 file PATH, whether it is in use or not. Returns
 * char*, owned by the array.
 */
GPtrArray *vk_image_file_snapshots(const char *path, GError **error);

/*
 * Makes IMAGE's header name BACKING, whose bytes must be those of the file that it names so far.
 * IMAGE must not be in use.
 */
gboolean vk_image_file_set_backing(const VkQemuLayer *image, const VkQemuLayer *backing,
				   GError **error);

/*
 * Makes the file of IMAGE one: like "qemu-img create", with OPTIONS (nullable) for its -o. What it
 * holds is lost.
 */
gboolean vk_image_file_create(const VkQemuLayer *image, const char *options, guint64 size,
			      GError **error);
