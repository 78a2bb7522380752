/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a qcow2 image is made, apart from its content. A restore needs it to make a similar image. It
 * is kept as a JSON object: "cluster_size", "refcount_bits", "extended_l2", "lazy_refcounts",
 * "compat", "compression_type" as "qemu-img create" has them, as far as they are not QEMU's
 * defaults; and "data_file", its name. Threads: free.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* From what vk_qemu_image_info() says of a qcow2 image. New reference; empty for a usual image. */
json_t *vk_qcow2_layout_of(const json_t *info);

/*
 * The options of "qemu-img create" that make an image of LAYOUT; NULL when it needs none. Only
 * known options are used, because other users may write to a vault. New string.
 */
char *vk_qcow2_layout_options(const json_t *layout);

/* The name of the data file that the image had; NULL when it had none. Borrowed from LAYOUT. */
const char *vk_qcow2_layout_data_file(const json_t *layout);
