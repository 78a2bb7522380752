/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of the host that a guest has for itself. Nothing of them can be saved. */
#include "domain-priv.h"

/* An address of hexadecimal and decimal attributes as libvirt and lspci write it. */
char *vk_pci_address(const xmlNode *address)
{
	static const char *const names[] = {"domain", "bus", "slot", "function"};
	guint64 values[G_N_ELEMENTS(names)] = {0};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *text = vk_xml_attribute(address, names[i]);

		if (text)
			values[i] = g_ascii_strtoull(text, NULL, 0);
	}
	return g_strdup_printf("%04x:%02x:%02x.%x", (unsigned)values[0], (unsigned)values[1],
			       (unsigned)values[2], (unsigned)values[3]);
}

static char *usb_label(const xmlNode *source)
{
	const xmlNode *address = vk_xml_child(source, "address");
	g_autofree char *vendor = vk_xml_attribute(vk_xml_child(source, "vendor"), "id");
	g_autofree char *product = vk_xml_attribute(vk_xml_child(source, "product"), "id");
	g_autofree char *bus = vk_xml_attribute(address, "bus");
	g_autofree char *device = vk_xml_attribute(address, "device");

	if (vendor && product)
		return g_strdup_printf("usb %s:%s",
				       vendor + (g_str_has_prefix(vendor, "0x") ? 2 : 0),
				       product + (g_str_has_prefix(product, "0x") ? 2 : 0));
	return g_strdup_printf("usb bus %s device %s", bus ? bus : "?", device ? device : "?");
}

static char *scsi_label(const xmlNode *source)
{
	const xmlNode *address = vk_xml_child(source, "address");
	g_autofree char *name = vk_xml_attribute(source, "name"); /* iSCSI */
	g_autofree char *adapter = vk_xml_attribute(vk_xml_child(source, "adapter"), "name");
	g_autofree char *bus = vk_xml_attribute(address, "bus");
	g_autofree char *target = vk_xml_attribute(address, "target");
	g_autofree char *unit = vk_xml_attribute(address, "unit");

	if (name)
		return g_strdup_printf("scsi %s", name);
	return g_strdup_printf("scsi %s:%s:%s:%s", adapter ? adapter : "?", bus ? bus : "?",
			       target ? target : "?", unit ? unit : "?");
}

char *vk_hostdev_label(const xmlNode *node)
{
	const xmlNode *source = vk_xml_child(node, "source");
	g_autofree char *type = vk_xml_attribute(node, "type");
	g_autofree char *uuid = vk_xml_attribute(vk_xml_child(source, "address"), "uuid");
	g_autofree char *wwpn = vk_xml_attribute(source, "wwpn");

	if (!type)
		return g_strdup("host device");
	if (g_str_equal(type, "pci")) {
		g_autofree char *address = vk_pci_address(vk_xml_child(source, "address"));

		return g_strdup_printf("pci %s", address);
	}
	if (g_str_equal(type, "usb"))
		return usb_label(source);
	if (g_str_equal(type, "scsi"))
		return scsi_label(source);
	if (uuid || wwpn)
		return g_strdup_printf("%s %s", type, uuid ? uuid : wwpn);
	g_autofree char *text = vk_xml_text(source); /* <block>, <char> or <interface> of LXC */
	return g_strdup_printf("%s %s", type, text ? g_strstrip(text) : "");
}

static void add_labelled(GPtrArray *found, const char *kind, const xmlNode *node,
			 const char *attribute)
{
	g_autofree char *text = attribute ? vk_xml_attribute(node, attribute) : vk_xml_text(node);

	g_ptr_array_add(found, text ? g_strdup_printf("%s %s", kind, text) : g_strdup(kind));
}

void vk_passthrough_find(const xmlNode *devices, GPtrArray *found)
{
	const xmlNode *node;

	for (node = vk_xml_child(devices, "hostdev"); node; node = vk_xml_next(node, "hostdev"))
		g_ptr_array_add(found, vk_hostdev_label(node));
	node = vk_xml_child(devices, "interface");
	for (; node; node = vk_xml_next(node, "interface"))
		if (vk_xml_attribute_is(node, "type", "hostdev")) {
			g_autofree char *address =
				vk_pci_address(vk_xml_find(node, "source/address"));

			g_ptr_array_add(found, g_strdup_printf("network pci %s", address));
		}
	node = vk_xml_child(devices, "filesystem");
	for (; node; node = vk_xml_next(node, "filesystem")) {
		const xmlNode *source = vk_xml_child(node, "source");
		gboolean is_served = source && xmlHasProp(source, (const xmlChar *)"socket");

		add_labelled(found, "directory", source, is_served ? "socket" : "dir");
	}
	node = vk_xml_child(devices, "memory");
	for (; node; node = vk_xml_next(node, "memory")) {
		const xmlNode *path = vk_xml_find(node, "source/path");

		if (path)
			add_labelled(found, "memory", path, NULL);
	}
	node = vk_xml_find(devices, "tpm/backend");
	if (vk_xml_attribute_is(node, "type", "passthrough"))
		add_labelled(found, "tpm", vk_xml_child(node, "device"), "path");
}
