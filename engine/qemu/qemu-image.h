/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How QEMU's tools are told which files to open.
 */
#pragma once

#include <glib.h>

/* QEMU's name for FORMAT: NULL and "iso" are "raw", for a raw image is never probed. */
const char *vk_qemu_format(const char *format);

/* An image file or device, or one of its backing files. The strings are borrowed. */
typedef struct VkQemuLayer {
	const char *path;
	const char *format;
} VkQemuLayer;

/*
 * An --image-opts string for LAYERS, the image first, with explicit drivers. Where only the image
 * is given, its header tells the backing files. SHARE lets others write to all of them. New string;
 * an error for names that are no format.
 */
char *vk_qemu_chain_opts(const VkQemuLayer *layers, guint count, gboolean share, GError **error);
char *vk_qemu_image_opts(const char *path, const char *format, gboolean share, GError **error);

/*
 * Whether a QEMU, or a tool of it, has the file open at all, and whether it may write to it; on this
 * host or, where the file system passes locks on, on any. Where locks tell nothing: FALSE.
 */
gboolean vk_image_file_is_in_use(const char *path);
gboolean vk_image_file_is_written(const char *path);

/*
 * Makes IMAGE's header name BACKING, whose bytes must be those of the file that it names so far.
 * IMAGE is in nobody's use.
 */
gboolean vk_image_file_set_backing(const VkQemuLayer *image, const VkQemuLayer *backing,
				   GError **error);
