/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network interfaces in the rewriting of a domain XML: what they are connected to.
 */
#include "domain-rewrite-priv.h"

#include "errors.h"

static gboolean is_on(const xmlNode *interface, const char *name)
{
	const xmlNode *source = vk_xml_child(interface, "source");

	return (vk_xml_attribute_is(interface, "type", "network") &&
		vk_xml_attribute_is(source, "network", name)) ||
	       (vk_xml_attribute_is(interface, "type", "bridge") &&
		vk_xml_attribute_is(source, "bridge", name));
}

static void connect_to(xmlNode *interface, const VkDomainNewNetwork *network)
{
	g_autofree char *old_type = vk_xml_attribute(interface, "type");
	const char *type = network->type ? network->type : old_type;
	xmlNode *source = vk_xml_child(interface, "source");

	/* These belong to what it was connected to. */
	vk_xml_drop_attribute(source, "portgroup");
	vk_xml_drop_attribute(source, "portid");
	vk_xml_drop_attribute(source, "bridge");
	vk_xml_drop_attribute(source, "network");
	if (!g_str_equal(type, old_type))
		vk_xml_drop_children(interface, "virtualport");
	vk_xml_set_attribute(interface, "type", type);
	vk_xml_set_attribute(source, type, network->name);
}

/* The first of the changes that is for INTERFACE, by what it was on; NULL: none is. */
static const VkDomainNewNetwork *find_new(const GArray *networks, const xmlNode *interface)
{
	for (guint i = 0; i < networks->len; i++) {
		const VkDomainNewNetwork *network = &g_array_index(networks, VkDomainNewNetwork, i);

		if (is_on(interface, network->old))
			return network;
	}
	return NULL;
}

static gboolean check_used(const VkRewrite *rewrite, const char *old, GError **error)
{
	const xmlNode *interface = vk_xml_child(rewrite->devices, "interface");

	for (; interface; interface = vk_xml_next(interface, "interface"))
		if (is_on(interface, old))
			return TRUE;
	return vk_fail(error, VK_ERROR_NOT_FOUND, "guest '%s' is on no network or bridge '%s'",
		       rewrite->old_name, old);
}

gboolean vk_rewrite_networks(const VkRewrite *rewrite, GError **error)
{
	const VkDomainChanges *changes = rewrite->changes;
	xmlNode *interface = vk_xml_child(rewrite->devices, "interface");

	for (guint i = 0; changes->networks && i < changes->networks->len; i++)
		if (!check_used(rewrite,
				g_array_index(changes->networks, VkDomainNewNetwork, i).old, error))
			return FALSE;
	for (; changes->networks && interface; interface = vk_xml_next(interface, "interface")) {
		const VkDomainNewNetwork *network = find_new(changes->networks, interface);

		if (network)
			connect_to(interface, network);
	}
	if (changes->drop_networks && vk_xml_child(rewrite->devices, "interface")) {
		vk_xml_drop_children(rewrite->devices, "interface");
		vk_rewrite_note(rewrite, "the guest gets no network interface");
	}
	return TRUE;
}
