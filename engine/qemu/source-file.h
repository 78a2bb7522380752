/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources that read a raw file or a block device without QEMU. Threads: as of source.h.
 */
#pragma once

#include "source.h"

#include <glib.h>

/* A file or block device, raw; a file's holes are found. */
VkSource *vk_source_file_new(const char *path, GError **error);

/* The same of what FD has open, which it takes over, even when it fails. PATH is for errors. */
VkSource *vk_source_file_adopt(int fd, const char *path, GError **error);
