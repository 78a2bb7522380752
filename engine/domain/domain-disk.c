/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One disk of a definition, and what keeps it from being saved. */
#include "domain-disk.h"

#include "domain-priv.h"

/*
 * What libvirt's schema has, as far as it is known here what it means for the bytes of the image.
 */
static const char *const disk_parts[] = {
	"source",  "backingStore", "mirror",    "target",        "iotune",     "throttlefilters",
	"driver",  "readonly",     "shareable", "transient",     "serial",     "wwn",
	"vendor",  "product",      "alias",     "boot",          "encryption", "auth",
	"blockio", "address",      "geometry",  "backenddomain", "acpi",       NULL};
static const char *const source_parts[] = {"host",       "snapshot",     "config",    "auth",
					   "encryption", "reservations", "initiator", "address",
					   "slices",     "ssl",          "cookies",   "readahead",
					   "timeout",    "identity",     "reconnect", "knownHosts",
					   "seclabel",   "privateData",  "dataStore", NULL};
static const char *const source_attributes[] = {
	"file",     "dev",  "dir",         "pool",          "volume",    "mode",
	"protocol", "name", "type",        "managed",       "namespace", "path",
	"query",    "tls",  "tlsHostname", "startupPolicy", "index",     NULL};

void vk_domain_disk_free(VkDomainDisk *disk)
{
	g_free(disk->target);
	g_free(disk->bus);
	g_free(disk->device);
	g_free(disk->serial);
	g_free(disk->unknown);
	vk_domain_image_free(disk->image);
	g_ptr_array_unref(disk->backing);
	g_free(disk);
}

/* The elements of other namespaces are notes of their makers'. */
static const char *unknown_child(const xmlNode *parent, const char *const *known)
{
	for (const xmlNode *node = parent ? parent->children : NULL; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && !node->ns &&
		    !g_strv_contains(known, (const char *)node->name))
			return (const char *)node->name;
	return NULL;
}

/*
 * The part of a disk's definition that is not known here. The image may then not be what it seems.
 * "<x> in its <source>"; NULL: all parts are known. New string.
 */
static char *unknown_part(const xmlNode *disk)
{
	const xmlNode *source = vk_xml_child(disk, "source");
	const char *name = unknown_child(disk, disk_parts);

	if (name)
		return g_strdup_printf("<%s>", name);
	name = unknown_child(source, source_parts);
	if (name)
		return g_strdup_printf("<%s> in <source>", name);
	for (const xmlAttr *at = source ? source->properties : NULL; at; at = at->next)
		if (!at->ns && !g_strv_contains(source_attributes, (const char *)at->name))
			return g_strdup_printf("%s= of <source>", at->name);
	return NULL;
}

static void parse_backing(VkDomainDisk *disk, const xmlNode *node)
{
	const xmlNode *layer = vk_xml_child(node, "backingStore");

	for (; layer; layer = vk_xml_child(layer, "backingStore")) {
		g_autofree char *type = vk_xml_attribute(layer, "type");
		VkDomainImage *image = NULL;

		if (type)
			image = vk_image_parse(vk_xml_child(layer, "source"), type);
		if (!image) {
			disk->backing_known = !layer->children && !type;
			return;
		}
		image->format = vk_xml_attribute(vk_xml_child(layer, "format"), "type");
		g_ptr_array_add(disk->backing, image);
	}
}

VkDomainDisk *vk_domain_disk_parse(const xmlNode *node)
{
	VkDomainDisk *disk = g_new0(VkDomainDisk, 1);
	g_autofree char *type = vk_xml_attribute(node, "type");
	const xmlNode *target = vk_xml_child(node, "target");

	disk->target = vk_xml_attribute(target, "dev");
	disk->bus = vk_xml_attribute(target, "bus");
	disk->device = vk_xml_attribute(node, "device");
	if (!disk->device)
		disk->device = g_strdup("disk");
	disk->serial = vk_xml_text(vk_xml_child(node, "serial"));
	disk->readonly = vk_xml_child(node, "readonly") != NULL;
	disk->shareable = vk_xml_child(node, "shareable") != NULL;
	disk->transient = vk_xml_child(node, "transient") != NULL;
	disk->unknown = unknown_part(node);
	disk->backing = g_ptr_array_new_with_free_func((GDestroyNotify)vk_domain_image_free);
	disk->image = vk_image_parse(vk_xml_child(node, "source"), type);
	disk->empty = !disk->image;
	if (disk->empty)
		return disk;
	disk->image->format = vk_xml_attribute(vk_xml_child(node, "driver"), "type");
	vk_image_parse_encryption(disk->image, vk_xml_child(node, "encryption"));
	parse_backing(disk, node);
	return disk;
}

const char *vk_domain_disk_skip_reason(const VkDomainDisk *disk)
{
	if (g_str_equal(disk->device, "cdrom"))
		return disk->empty ? "CD-ROM drive, empty" : "CD-ROM";
	if (g_str_equal(disk->device, "floppy"))
		return disk->empty ? "floppy drive, empty" : "floppy";
	if (disk->empty)
		return "empty drive";
	if (g_str_equal(disk->device, "lun"))
		return "SCSI device passed through";
	if (disk->readonly)
		return "read-only";
	if (disk->shareable)
		return "shared with other guests";
	if (disk->transient)
		return "transient: its changes end with the guest";
	if (g_str_equal(disk->image->type, "nvme"))
		return "NVMe device passed through";
	if (g_str_equal(disk->image->type, "dir"))
		return "directory of the host";
	if (g_str_equal(disk->image->type, "vhostuser") ||
	    g_str_equal(disk->image->type, "vhostvdpa"))
		return "served by a vhost device, out of QEMU's reach";
	return NULL;
}

/* A static string of few. */
static const char *off_reason(const char *whose, const char *obstacle)
{
	g_autofree char *reason = g_strconcat(whose, obstacle, ", and the guest is off", NULL);

	return g_intern_string(reason);
}

gboolean vk_domain_disk_is_encrypted(const VkDomainDisk *disk)
{
	gboolean is = disk->image && disk->image->encrypted;

	for (guint i = 0; !is && i < disk->backing->len; i++)
		is = ((const VkDomainImage *)g_ptr_array_index(disk->backing, i))->encrypted;
	return is;
}

const char *vk_domain_disk_offline_reason(const VkDomainDisk *disk)
{
	const char *obstacle;

	if (!disk->image)
		return "empty drive";
	if (vk_domain_image_obstacle(disk->image))
		return off_reason("", vk_domain_image_obstacle(disk->image));
	for (guint i = 0; i < disk->backing->len; i++) {
		obstacle = vk_domain_image_obstacle(g_ptr_array_index(disk->backing, i));
		if (obstacle)
			return off_reason("its backing chain has an image that is ", obstacle);
	}
	return NULL;
}
