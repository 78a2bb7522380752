/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

#include "virt-priv.h"
#include "errors.h"

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

char *vk_host_volume_path(VkHost *host, const char *pool, const char *volume, GError **error)
{
	g_autoptr(virStoragePool) found_pool = find_pool(host, pool, error);
	g_autoptr(virStorageVol) found_volume = NULL;
	char *path, *copy;

	if (!found_pool)
		return NULL;
	found_volume = virStorageVolLookupByName(found_pool, volume);
	path = found_volume ? virStorageVolGetPath(found_volume) : NULL;
	if (!path) {
		vk_fail_libvirt(error, "cannot look up volume '%s' in storage pool '%s'", volume,
				pool);
		return NULL;
	}
	copy = g_strdup(path);
	free(path);
	return copy;
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
