/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "offline-source.h"

#include "errors.h"
#include "image-chain.h"
#include "source-served.h"
#include "source-file.h"

static VkSource *open_chain(VkHost *host, const VkDomainDisk *disk, const char *bitmap,
			    GError **error)
{
	g_autoptr(GPtrArray) chain = vk_image_chain_new(host, disk, error);
	g_autoptr(VkChainLayers) layers = chain ? vk_image_chain_layers(host, chain, error) : NULL;

	if (!layers)
		return NULL;
	if (g_str_equal(layers->layers[0].format, "raw") && !layers->layers[0].secret)
		return vk_source_file_new(layers->layers[0].path, error);
	return vk_source_served_new(layers->layers, layers->count, bitmap, error);
}

VkSource *vk_source_offline_new(VkHost *host, const VkDomainDisk *disk, const char *bitmap,
				GError **error)
{
	const char *reason = vk_domain_disk_offline_reason(disk);
	VkSource *source;

	if (reason) {
		vk_fail(error, VK_ERROR_FAILED,
			"disk '%s' cannot be read: %s; back the guest up while it runs",
			disk->target, reason);
		return NULL;
	}
	source = open_chain(host, disk, bitmap, error);
	if (!source)
		g_prefix_error(error, "disk '%s': ", disk->target);
	return source;
}
