/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-needs.h"

#include "errors.h"
#include "libvirt-priv.h"

#include <libvirt/virterror.h>
#include <net/if.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetwork, virNetworkFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virSecret, virSecretFree)

/* After a look-up that found nothing: FALSE when that is not because there is none, CODE. */
static gboolean is_absent(int code, const char *label, const char **ret_lack, GError **error)
{
	int found = virGetLastErrorCode();

	/* A driver that this libvirt has not has nothing. */
	if (found != code && found != VIR_ERR_NO_SUPPORT)
		return vk_fail_libvirt(error, "cannot look up the %s", label);
	*ret_lack = "does not exist";
	return TRUE;
}

static gboolean check_network(virConnectPtr connection, const VkNeed *need, const char **ret_lack,
			      GError **error)
{
	g_autoptr(virNetwork) network = virNetworkLookupByName(connection, need->name);
	g_autofree char *label = vk_need_label(need);

	if (!network)
		return is_absent(VIR_ERR_NO_NETWORK, label, ret_lack, error);
	if (virNetworkIsActive(network) == 0)
		*ret_lack = "is not active";
	return TRUE;
}

static gboolean check_pool(virConnectPtr connection, const VkNeed *need, const char **ret_lack,
			   GError **error)
{
	g_autoptr(virStoragePool) pool = virStoragePoolLookupByName(connection, need->name);
	g_autofree char *label = vk_need_label(need);

	if (!pool)
		return is_absent(VIR_ERR_NO_STORAGE_POOL, label, ret_lack, error);
	if (virStoragePoolIsActive(pool) == 0)
		*ret_lack = "is not active";
	return TRUE;
}

static virSecretPtr find_secret(virConnectPtr connection, const char *name)
{
	static const int usages[] = {VIR_SECRET_USAGE_TYPE_VOLUME, VIR_SECRET_USAGE_TYPE_CEPH,
				     VIR_SECRET_USAGE_TYPE_ISCSI, VIR_SECRET_USAGE_TYPE_TLS,
				     VIR_SECRET_USAGE_TYPE_VTPM};
	virSecretPtr secret = NULL;

	if (g_uuid_string_is_valid(name))
		return virSecretLookupByUUIDString(connection, name);
	for (gsize i = 0; !secret && i < G_N_ELEMENTS(usages); i++)
		secret = virSecretLookupByUsage(connection, usages[i], name);
	return secret;
}

static gboolean check_secret(virConnectPtr connection, const VkNeed *need, const char **ret_lack,
			     GError **error)
{
	g_autoptr(virSecret) secret = find_secret(connection, need->name);
	g_autofree char *label = vk_need_label(need);

	return secret || is_absent(VIR_ERR_NO_SECRET, label, ret_lack, error);
}

gboolean vk_host_check_need(VkHost *host, const VkNeed *need, const char **ret_lack, GError **error)
{
	g_autoptr(virConnect) connection = vk_host_connection(host, NULL, error);

	*ret_lack = NULL;
	if (!connection)
		return FALSE;
	switch (need->kind) {
	case VK_NEED_NETWORK:
		return check_network(connection, need, ret_lack, error);
	case VK_NEED_POOL:
		return check_pool(connection, need, ret_lack, error);
	case VK_NEED_SECRET:
		return check_secret(connection, need, ret_lack, error);
	case VK_NEED_BRIDGE:
		if (if_nametoindex(need->name) == 0)
			*ret_lack = "does not exist";
		return TRUE;
	case VK_NEED_FILE:
		if (!g_file_test(need->name, G_FILE_TEST_EXISTS))
			*ret_lack = "does not exist";
		return TRUE;
	}
	return TRUE;
}
