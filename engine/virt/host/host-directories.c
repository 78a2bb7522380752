/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where libvirt keeps what belongs to its guests. */
#include "host.h"

#include "libvirt-priv.h"

char *vk_libvirt_directory(const char *uri, const char *what)
{
	g_autofree char *path = NULL;

	/* As libvirt does: what else the URI has, such as a socket's path, tells nothing of it. */
	if (g_uri_split(uri, G_URI_FLAGS_NONE, NULL, NULL, NULL, NULL, &path, NULL, NULL, NULL) &&
	    g_strcmp0(path, "/session") == 0)
		return g_build_filename(g_get_user_config_dir(), "libvirt/qemu", what, NULL);
	if (g_str_equal(what, "swtpm"))
		return g_strdup("/var/lib/libvirt/swtpm");
	return g_build_filename(VK_LIBVIRT_STATE_DIRECTORY, what, NULL);
}

char *vk_host_tpm_directory(const VkHost *host)
{
	return vk_libvirt_directory(vk_host_uri(host), "swtpm");
}
