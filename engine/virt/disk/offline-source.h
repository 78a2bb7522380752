/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources of a shut-off guest's disks. Raw images are read directly (SEEK_DATA), other formats
 * through qemu-nbd. Nothing keeps the guest from being started meanwhile. So what was read counts
 * only if vk_offline_watch_unchanged() says so at the end. Threads: free.
 */
#pragma once

#include "domain-disk.h"
#include "host.h"
#include "source.h"

#include <glib.h>

/*
 * The present content of a disk of a shut-off guest. Volumes are looked up in HOST's pools. With
 * BITMAP (nullable, found usable by vk_checkpoint_examine()) it knows its changes; a server that
 * does not offer the bitmap gives a source that does not.
 */
VkSource *vk_source_offline_new(VkHost *host, const VkDomainDisk *disk, const char *bitmap,
				GError **error);
