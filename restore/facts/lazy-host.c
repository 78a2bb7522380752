/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lazy-host.h"

struct VkLazyHost {
	const char *uri;
	VkHost *host; /* NULL until it is asked for */
};

VkLazyHost *vk_lazy_host_new(const char *uri)
{
	VkLazyHost *lazy = g_new0(VkLazyHost, 1);

	lazy->uri = uri;
	return lazy;
}

void vk_lazy_host_free(VkLazyHost *lazy)
{
	if (!lazy)
		return;
	vk_host_free(lazy->host);
	g_free(lazy);
}

const char *vk_lazy_host_uri(const VkLazyHost *lazy)
{
	return lazy->uri;
}

VkHost *vk_lazy_host_get(VkLazyHost *lazy, GError **error)
{
	if (!lazy->host)
		lazy->host = vk_host_open(lazy->uri, error);
	return lazy->host;
}
