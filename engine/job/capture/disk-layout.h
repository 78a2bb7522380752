/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a disk's image is made, and what it stands on: for the restore that makes the like. Threads:
 * free.
 */
#pragma once

#include "domain.h"
#include "host.h"

#include <glib.h>
#include <jansson.h>

/*
 * What qcow2-layout.h tells of the image, and "chain": its backing files, the nearest first, each
 * with "path", "format", "inode", "size" and "mtime_ns". New reference; NULL when there is nothing
 * to tell, or it cannot be found out, as of network storage.
 */
json_t *vk_disk_layout_new(VkHost *host, const VkDomainDisk *disk);
