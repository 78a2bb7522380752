/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a host has storage: pools, their volumes, and libvirt's own directories. */
#include "host.h"

#include "errors.h"
#include "libvirt-priv.h"
#include "xml-text.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStorageVol, virStorageVolFree)

static virStoragePoolPtr find_pool(VkHost *host, const char *pool, GError **error)
{
	g_autoptr(virConnect) connection = vk_host_connection(host, NULL, error);
	virStoragePoolPtr found;

	if (!connection)
		return NULL;
	found = virStoragePoolLookupByName(connection, pool);
	if (!found)
		vk_fail_libvirt(error, "cannot look up storage pool '%s'", pool);
	return found;
}

static virStorageVolPtr find_volume(VkHost *host, const char *pool, const char *volume,
				    GError **error)
{
	g_autoptr(virStoragePool) found_pool = find_pool(host, pool, error);
	virStorageVolPtr found;

	if (!found_pool)
		return NULL;
	if (virStoragePoolIsActive(found_pool) == 0) {
		vk_fail(error, VK_ERROR_FAILED,
			"the storage pool '%s' of volume '%s' is not active; run 'virsh pool-start "
			"%s'",
			pool, volume, pool);
		return NULL;
	}
	found = virStorageVolLookupByName(found_pool, volume);
	if (!found)
		vk_fail_libvirt(error, "cannot look up volume '%s' in storage pool '%s'", volume,
				pool);
	return found;
}

char *vk_host_volume_path(VkHost *host, const char *pool, const char *volume, GError **error)
{
	g_autoptr(virStorageVol) found = find_volume(host, pool, volume, error);
	char *path, *copy;

	if (!found)
		return NULL;
	path = virStorageVolGetPath(found);
	if (!path) {
		vk_fail_libvirt(error, "cannot get the path of volume '%s' in storage pool '%s'",
				volume, pool);
		return NULL;
	}
	copy = g_strdup(path);
	free(path);
	return copy;
}

gboolean vk_host_volume_size(VkHost *host, const char *pool, const char *volume, guint64 *ret_size,
			     guint64 *ret_allocation, GError **error)
{
	g_autoptr(virStorageVol) found = find_volume(host, pool, volume, error);
	virStorageVolInfo info;

	if (!found)
		return FALSE;
	if (virStorageVolGetInfo(found, &info) < 0)
		return vk_fail_libvirt(error,
				       "cannot get the size of volume '%s' in storage pool '%s'",
				       volume, pool);
	*ret_size = info.capacity;
	*ret_allocation = info.allocation;
	return TRUE;
}

char *vk_host_pool_directory(VkHost *host, const char *pool, GError **error)
{
	g_autoptr(virStoragePool) found = find_pool(host, pool, error);
	char *xml, *path;

	if (!found)
		return NULL;
	xml = virStoragePoolGetXMLDesc(found, 0);
	if (!xml) {
		vk_fail_libvirt(error, "cannot get the definition of storage pool '%s'", pool);
		return NULL;
	}
	path = vk_xml_text_at(xml, "/pool/target/path");
	free(xml);
	if (!path)
		vk_fail(error, VK_ERROR_NOT_FOUND, "storage pool '%s' has no directory", pool);
	return path;
}

/* ---- libvirt's own directories ---- */

char *vk_libvirt_directory(const char *uri, const char *what)
{
	g_autofree char *path = NULL;

	/* As libvirt does: the rest of the URI, as a socket's path, says nothing of the place. */
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
