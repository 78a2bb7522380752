/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-tags.h"

#include "domain-tags.h"
#include "libvirt-priv.h"

#include <libvirt/virterror.h>
#include <stdlib.h>

typedef struct TagsQuestion {
	VkGuest *guest;
	char **tags;
} TagsQuestion;

static gboolean ask_tags(VkHost *host, gpointer data, GError **error)
{
	TagsQuestion *question = data;
	g_autoptr(virDomain) domain = vk_guest_domain(question->guest, error);
	char *xml;

	if (!domain)
		return FALSE;
	xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, VK_TAGS_NAMESPACE,
				   VIR_DOMAIN_AFFECT_CURRENT);
	if (!xml && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_METADATA)
		return vk_fail_libvirt(error, "cannot get the tags of guest '%s'",
				       vk_guest_name(question->guest));
	question->tags = vk_tags_parse(xml ? xml : "<tags/>");
	free(xml);
	return TRUE;
}

char **vk_guest_get_tags(VkGuest *guest, GError **error)
{
	TagsQuestion question = {.guest = guest};

	return vk_host_ask(vk_guest_host(guest), ask_tags, &question, error) ? question.tags : NULL;
}

gboolean vk_guest_set_tags(VkGuest *guest, const char *const *tags, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autofree char *xml = tags[0] ? vk_tags_format(tags) : NULL;
	unsigned int flags = 0;
	int active, persistent;

	if (!domain)
		return FALSE;
	active = virDomainIsActive(domain);
	persistent = virDomainIsPersistent(domain);
	if (active > 0)
		flags |= VIR_DOMAIN_AFFECT_LIVE;
	if (persistent > 0)
		flags |= VIR_DOMAIN_AFFECT_CONFIG;
	if (active >= 0 && persistent >= 0 &&
	    virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, VK_TAGS_PREFIX,
				 VK_TAGS_NAMESPACE, flags) == 0)
		return TRUE;
	return vk_fail_libvirt(error, "cannot set the tags of guest '%s'", vk_guest_name(guest));
}
