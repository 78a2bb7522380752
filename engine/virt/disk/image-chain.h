/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that a disk is made of, as libvirt has QEMU open them: the files that the definition
 * declares, and if it says nothing, the files that the headers of the images name. Each file has
 * its format, because a guest can write any header into a raw image. A file that is not declared is
 * never opened. The pools and secrets are libvirt's, so this is not in engine/qemu. Threads: free.
 */
#pragma once

#include "domain.h"
#include "host.h"
#include "qemu-image.h"

#include <glib.h>

/*
 * The chain of DISK: VkDomainImage with a path and QEMU's name of its format, the image first and
 * the last one without a backing file. Volumes are looked up in HOST's pools. VK_ERROR_FAILED names
 * the file that it must not open, and the remedy.
 */
GPtrArray *vk_image_chain_new(VkHost *host, const VkDomainDisk *disk, GError **error);

/* A chain for QEMU's tools, with the secrets that they need. */
typedef struct VkChainLayers {
	VkQemuLayer *layers;
	guint count;
	GPtrArray *secrets; /* VkQemuSecret */
} VkChainLayers;

/* CHAIN, which it borrows from until the free. The secrets are HOST's. */
VkChainLayers *vk_image_chain_layers(VkHost *host, const GPtrArray *chain, GError **error);
void vk_chain_layers_free(VkChainLayers *layers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkChainLayers, vk_chain_layers_free)
