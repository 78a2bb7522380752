/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-path.h"

#include "errors.h"

char *vk_image_path(VkHost *host, const VkDomainImage *image, GError **error)
{
	g_autofree char *label = NULL;

	if (image->path)
		return g_strdup(image->path);
	if (image->pool && image->volume)
		return vk_host_volume_path(host, image->pool, image->volume, error);
	label = vk_domain_image_label(image);
	vk_fail(error, VK_ERROR_FAILED,
		"'%s' of type '%s' can be read only while the guest runs; start it", label,
		image->type);
	return NULL;
}
