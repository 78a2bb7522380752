/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a disk's image is made, and its backing files. A restore makes a similar image from that.
 * Threads: free.
 */
#pragma once

#include "domain.h"
#include "host.h"

#include <glib.h>
#include <jansson.h>

/*
 * The layout of the image as of qcow2-layout.h, and "chain": its backing files, the nearest first,
 * each with "path", "format", "inode", "size" and "mtime_ns". New reference; NULL when there is
 * nothing special, or it cannot be found out, for example on network storage.
 */
json_t *vk_disk_layout_new(VkHost *host, const VkDomainDisk *disk);
