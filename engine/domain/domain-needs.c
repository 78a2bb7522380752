/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-needs.h"

#include "xml-priv.h"

void vk_need_free(VkNeed *need)
{
	if (!need)
		return;
	g_free(need->name);
	g_free(need);
}

char *vk_need_label(const VkNeed *need)
{
	static const char *const kinds[] = {[VK_NEED_NETWORK] = "network",
					    [VK_NEED_BRIDGE] = "bridge or network device",
					    [VK_NEED_POOL] = "storage pool",
					    [VK_NEED_SECRET] = "secret",
					    [VK_NEED_FILE] = "file"};

	return g_strdup_printf("%s '%s'", kinds[need->kind], need->name);
}

/* Takes NAME, which may be NULL: then there is no such need. */
static void add_need(GPtrArray *needs, VkNeedKind kind, char *name)
{
	VkNeed *need;

	for (guint i = 0; name && i < needs->len; i++) {
		const VkNeed *other = g_ptr_array_index(needs, i);

		if (other->kind == kind && g_str_equal(other->name, name))
			g_clear_pointer(&name, g_free);
	}
	if (!name)
		return;
	need = g_new0(VkNeed, 1);
	need->kind = kind;
	need->name = name;
	g_ptr_array_add(needs, need);
}

static void add_of_interface(GPtrArray *needs, const xmlNode *interface)
{
	const xmlNode *source = vk_xml_child(interface, "source");

	if (vk_xml_attribute_is(interface, "type", "network"))
		add_need(needs, VK_NEED_NETWORK, vk_xml_attribute(source, "network"));
	else if (vk_xml_attribute_is(interface, "type", "bridge"))
		add_need(needs, VK_NEED_BRIDGE, vk_xml_attribute(source, "bridge"));
	else if (vk_xml_attribute_is(interface, "type", "direct"))
		add_need(needs, VK_NEED_BRIDGE, vk_xml_attribute(source, "dev"));
}

/* Of all below NODE: secrets are named in several places, which grow with libvirt's versions. */
static void add_secrets(GPtrArray *needs, const xmlNode *node)
{
	for (const xmlNode *child = node->children; child; child = child->next) {
		if (child->type != XML_ELEMENT_NODE)
			continue;
		if (vk_xml_is(child, "secret")) {
			char *uuid = vk_xml_attribute(child, "uuid");

			add_need(needs, VK_NEED_SECRET,
				 uuid ? uuid : vk_xml_attribute(child, "usage"));
		}
		add_secrets(needs, child);
	}
}

static void add_of_devices(GPtrArray *needs, const xmlNode *devices)
{
	const xmlNode *node = vk_xml_child(devices, "interface");

	for (; node; node = vk_xml_next(node, "interface"))
		add_of_interface(needs, node);
	node = vk_xml_child(devices, "disk");
	for (; node; node = vk_xml_next(node, "disk")) {
		add_need(needs, VK_NEED_POOL,
			 vk_xml_attribute(vk_xml_child(node, "source"), "pool"));
		add_secrets(needs, node);
	}
	add_need(needs, VK_NEED_FILE, vk_xml_text(vk_xml_child(devices, "emulator")));
}

GPtrArray *vk_needs_of(const char *xml, GError **error)
{
	static const char *const files[] = {"os/loader", "os/kernel", "os/initrd", "os/dtb"};
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, "domain", "the definition of a guest", error);
	GPtrArray *needs;

	if (!doc)
		return NULL;
	const xmlNode *root = xmlDocGetRootElement(doc);
	needs = g_ptr_array_new_with_free_func((GDestroyNotify)vk_need_free);
	if (vk_xml_child(root, "devices"))
		add_of_devices(needs, vk_xml_child(root, "devices"));
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		add_need(needs, VK_NEED_FILE, vk_xml_text(vk_xml_find(root, files[i])));
	return needs;
}
