/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources of a shut-off guest's disks. Raw images are read directly
 * (SEEK_DATA), other formats through qemu-nbd. The guest may be started meanwhile and must not be
 * hindered, so what was read counts only if vk_offline_watch_unchanged() says so at the end.
 */
#pragma once

#include "domain.h"
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

/*
 * Notices whether a guest was started, and whether anything wrote to its disks TARGETS (char*):
 * lifecycle events, its state, the images' mtimes, and QEMU's locks on them.
 * VK_ERROR_CHANGED when the guest is not off; VK_ERROR_BUSY when somebody else may write to an image.
 */
typedef struct VkOfflineWatch VkOfflineWatch;
VkOfflineWatch *vk_offline_watch_new(VkGuest *guest, const VkDomain *domain,
				     const GPtrArray *targets, GError **error);
/* What was written until now was us. */
gboolean vk_offline_watch_allow_ours(VkOfflineWatch *watch, GError **error);
/* FALSE, with these errors, when something happened, or when that cannot be known. */
gboolean vk_offline_watch_unchanged(VkOfflineWatch *watch, GError **error);
void vk_offline_watch_free(VkOfflineWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkOfflineWatch, vk_offline_watch_free)

/* The file or device of an image. New string. */
char *vk_offline_image_path(VkHost *host, const VkDomainImage *image, GError **error);
