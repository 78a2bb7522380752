/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How QEMU's tools are told which file to open. Not to be included from other folders.
 */
#pragma once

#include <glib.h>

/* QEMU's name for FORMAT: NULL and "iso" are "raw", for a raw image is never probed. */
const char *vk_qemu_format(const char *format);

/*
 * An --image-opts string for the file or device PATH, with explicit drivers. SHARE lets others
 * write to the image and its backing files. New string; an error for names that are no format.
 */
char *vk_qemu_image_opts(const char *path, const char *format, gboolean share, GError **error);
