/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-secret.h"

#include "errors.h"
#include "libvirt-priv.h"

#include <string.h>

#include <libvirt/virterror.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virSecret, virSecretFree)

static virSecretPtr find(VkHost *host, const VkDomainImage *image, GError **error)
{
	g_autoptr(virConnect) connection = vk_host_connection(host, NULL, error);
	virSecretPtr found;

	if (!connection)
		return NULL;
	found = image->secret_uuid
			? virSecretLookupByUUIDString(connection, image->secret_uuid)
			: virSecretLookupByUsage(connection, VIR_SECRET_USAGE_TYPE_VOLUME,
						 image->secret_usage);
	if (!found)
		vk_fail_libvirt(error, "libvirt does not give the secret '%s'",
				vk_domain_image_secret(image));
	return found;
}

VkQemuSecret *vk_secret_of_image(VkHost *host, const VkDomainImage *image, GError **error)
{
	g_autoptr(virSecret) found = find(host, image, error);
	VkQemuSecret *secret;
	unsigned char *value;
	size_t length;

	if (!found)
		return NULL;
	value = virSecretGetValue(found, &length, 0);
	if (!value) {
		/* A private one is for libvirt alone. */
		vk_fail_libvirt(error, "libvirt does not give the secret '%s'",
				vk_domain_image_secret(image));
		return NULL;
	}
	secret = vk_qemu_secret_new(value, length, error);
	explicit_bzero(value, length);
	free(value);
	return secret;
}
