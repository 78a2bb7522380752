/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-checkpoints.h"

#include "errors.h"
#include "libvirt-priv.h"

#include <stdlib.h>

#include <libvirt/virterror.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainCheckpoint, virDomainCheckpointFree)

static char *get_xml(VkGuest *guest, const char *name, unsigned int flags, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autoptr(virDomainCheckpoint) checkpoint = NULL;
	char *xml = NULL, *copy;

	if (!domain)
		return NULL;
	checkpoint = virDomainCheckpointLookupByName(domain, name, 0);
	if (checkpoint)
		xml = virDomainCheckpointGetXMLDesc(checkpoint, flags);
	if (!xml) {
		vk_fail_libvirt(error, "cannot get the checkpoint '%s' of guest '%s'", name,
				vk_guest_name(guest));
		return NULL;
	}
	copy = g_strdup(xml);
	free(xml);
	return copy;
}

char *vk_checkpoint_get_xml(VkGuest *guest, const char *name, GError **error)
{
	return get_xml(guest, name, VIR_DOMAIN_CHECKPOINT_XML_SECURE, error);
}

char *vk_checkpoint_get_sizes(VkGuest *guest, const char *name, GError **error)
{
	return get_xml(guest, name,
		       VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN | VIR_DOMAIN_CHECKPOINT_XML_SIZE, error);
}

GPtrArray *vk_checkpoint_names(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	virDomainCheckpointPtr *list = NULL;
	int count;

	if (!domain)
		return NULL;
	count = virDomainListAllCheckpoints(domain, &list, 0);
	if (count < 0) {
		vk_fail_libvirt(error, "cannot list the checkpoints of guest '%s'",
				vk_guest_name(guest));
		return NULL;
	}
	for (int i = 0; i < count; i++) {
		g_ptr_array_add(names, g_strdup(virDomainCheckpointGetName(list[i])));
		virDomainCheckpointFree(list[i]);
	}
	free(list);
	return g_steal_pointer(&names);
}

gboolean vk_checkpoint_define(VkGuest *guest, const char *xml, gboolean validate,
			      gboolean *ret_whole, GError **error)
{
	unsigned int flags = VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE;
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autoptr(virDomainCheckpoint) checkpoint = NULL;

	if (!domain)
		return FALSE;
	if (validate)
		flags |= VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE;
	checkpoint = virDomainCheckpointCreateXML(domain, xml, flags);
	if (ret_whole)
		*ret_whole = checkpoint != NULL;
	if (checkpoint || (ret_whole && virGetLastErrorCode() == VIR_ERR_CHECKPOINT_INCONSISTENT))
		return TRUE;
	return vk_fail_libvirt(error, "cannot define a checkpoint of guest '%s'",
			       vk_guest_name(guest));
}

static gboolean delete (VkGuest *guest, const char *name, gboolean metadata_only,
			gboolean *ret_whole, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autoptr(virDomainCheckpoint) checkpoint = NULL;

	if (!domain)
		return FALSE;
	checkpoint = virDomainCheckpointLookupByName(domain, name, 0);
	if (ret_whole)
		*ret_whole = TRUE;
	if (!checkpoint && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_CHECKPOINT)
		return TRUE;
	if (checkpoint && !metadata_only && virDomainCheckpointDelete(checkpoint, 0) == 0)
		return TRUE;
	if (ret_whole)
		*ret_whole = FALSE;
	if (checkpoint &&
	    virDomainCheckpointDelete(checkpoint, VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY) == 0)
		return TRUE;
	return vk_fail_libvirt(error, "cannot delete the checkpoint '%s' of guest '%s'", name,
			       vk_guest_name(guest));
}

gboolean vk_checkpoint_delete_whole(VkGuest *guest, const char *name, gboolean *ret_whole,
				    GError **error)
{
	return delete (guest, name, FALSE, ret_whole, error);
}

gboolean vk_checkpoint_delete(VkGuest *guest, const char *name, GError **error)
{
	return delete (guest, name, FALSE, NULL, error);
}

gboolean vk_checkpoint_forget(VkGuest *guest, const char *name, GError **error)
{
	return delete (guest, name, TRUE, NULL, error);
}
