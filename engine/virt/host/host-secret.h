/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The secrets of libvirt that images are encrypted with. Threads: free. */
#pragma once

#include "domain.h"
#include "host.h"
#include "qemu-secret.h"

#include <glib.h>

/*
 * The passphrase of IMAGE for QEMU's tools. vk_domain_image_has_secret() must be true.
 * VK_ERROR_FAILED says why libvirt does not give it: it is not defined, has no value, or is
 * private.
 */
VkQemuSecret *vk_secret_of_image(VkHost *host, const VkDomainImage *image, GError **error);
