/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources that read a raw file or a block device without QEMU. Threads: as of source.h.
 */
#pragma once

#include "source.h"

#include <glib.h>

/* A raw file or block device. It finds the holes of a file. */
VkSource *vk_source_file_new(const char *path, GError **error);

/* The same with FD, which it takes over, even when it fails. PATH is for errors. */
VkSource *vk_source_file_adopt(int fd, const char *path, GError **error);
