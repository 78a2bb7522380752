/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an image lies on its host. Threads: free. */
#pragma once

#include "domain-image.h"
#include "host.h"

#include <glib.h>

/*
 * The file or device of IMAGE; a volume is looked up in HOST's pools. VK_ERROR_FAILED when only
 * QEMU reaches it. New string.
 */
char *vk_image_path(VkHost *host, const VkDomainImage *image, GError **error);
