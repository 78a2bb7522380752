/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks in the rewriting of a domain XML: what says where an image lies is changed, all else stays.
 */
#include "domain-rewrite-priv.h"

#include "errors.h"

#include <string.h>

/* What goes with another place of the same sort, and with one of any sort. */
static const char *const parts_of_sort[] = {"seclabel", "reservations", NULL};
static const char *const attributes_of_all[] = {"startupPolicy", NULL};

static xmlNode *find_disk(const VkRewrite *rewrite, const char *target, GError **error)
{
	xmlNode *disk = vk_xml_child(rewrite->devices, "disk");

	for (; disk; disk = vk_xml_next(disk, "disk"))
		if (vk_xml_attribute_is(vk_xml_child(disk, "target"), "dev", target))
			return disk;
	vk_fail(error, VK_ERROR_NOT_FOUND, "guest '%s' has no disk '%s'", rewrite->old_name,
		target);
	return NULL;
}

static void set_driver_format(xmlNode *disk, const char *format)
{
	xmlNode *driver = vk_xml_child(disk, "driver");

	if (!driver) {
		driver = vk_xml_prepend(disk, "driver");
		vk_xml_set_attribute(driver, "name", "qemu");
	}
	vk_xml_set_attribute(driver, "type", format);
	if (g_str_equal(format, "qcow2"))
		return;
	vk_xml_drop_children(driver, "metadata_cache"); /* QEMU knows them for qcow2 only */
	vk_xml_drop_attribute(driver, "discard_no_unref");
}

/* Drops the place from SOURCE; for another sort of disk also all that belongs to the place. */
static void clear_source(xmlNode *source, gboolean is_same_sort)
{
	xmlNode *node = source->children;
	xmlAttr *attribute = source->properties;

	while (attribute) {
		xmlAttr *next = attribute->next;

		if (!attribute->ns &&
		    !g_strv_contains(attributes_of_all, (const char *)attribute->name))
			xmlRemoveProp(attribute);
		attribute = next;
	}
	while (node) {
		xmlNode *next = node->next;

		if (node->type == XML_ELEMENT_NODE && !node->ns && !vk_xml_is(node, "encryption") &&
		    !(is_same_sort && g_strv_contains(parts_of_sort, (const char *)node->name)))
			vk_xml_drop(node);
		node = next;
	}
}

/* White space that only was between elements would make an empty one look filled. */
static void drop_blank_rest(xmlNode *node)
{
	if (!xmlFirstElementChild(node) && xmlIsBlankNode(node->children))
		xmlNodeSetContent(node, NULL);
}

static void drop_of_source(xmlNode *source, const char *part)
{
	if (!source || !vk_xml_child(source, part))
		return;
	vk_xml_drop_children(source, part);
	drop_blank_rest(source);
}

static void note_label(const VkRewrite *rewrite, const xmlNode *source,
		       const VkDomainNewDisk *place)
{
	const xmlNode *label = vk_xml_child(source, "seclabel");

	for (; label; label = vk_xml_next(label, "seclabel"))
		if (vk_xml_attribute_is(label, "relabel", "no"))
			vk_rewrite_note(
				rewrite,
				"disk '%s' is not relabelled by libvirt (relabel='no'): give "
				"'%s' an owner and a label that QEMU may open",
				place->target, place->path);
}

static void set_source(const VkRewrite *rewrite, xmlNode *disk, const VkDomainNewDisk *place)
{
	const char *naming = g_str_equal(place->type, "file") ? "file" : "dev";
	g_autofree char *old_type = vk_xml_attribute(disk, "type");
	gboolean is_same_sort = g_str_equal(old_type ? old_type : "file", place->type);
	xmlNode *source = vk_xml_child(disk, "source");

	if (is_same_sort && vk_xml_attribute_is(source, naming, place->path) &&
	    !vk_xml_child(source, "slices"))
		return;
	if (!source)
		source = vk_xml_prepend(disk, "source");
	clear_source(source, is_same_sort);
	drop_blank_rest(source);
	vk_xml_set_attribute(source, naming, place->path);
	if (!is_same_sort)
		vk_xml_set_attribute(disk, "type", place->type);
	note_label(rewrite, source, place);
}

/*
 * The new image holds what the guest saw: it has no backing file, its data is in itself, and it is
 * plain unless the change says that it is encrypted.
 */
static void describe_image(xmlNode *disk, const VkDomainNewDisk *place)
{
	xmlNode *source = vk_xml_child(disk, "source");
	xmlNode *chain = vk_xml_child(disk, "backingStore");

	/* Without a type it is the end of the chain. */
	if (chain && xmlHasProp(chain, (const xmlChar *)"type"))
		vk_xml_drop(chain);
	set_driver_format(disk, place->format);
	drop_of_source(source, "dataStore");
	if (place->encrypted)
		return;
	vk_xml_drop_children(disk, "encryption");
	drop_of_source(source, "encryption");
}

static gboolean move_disk(const VkRewrite *rewrite, const VkDomainNewDisk *place, GError **error)
{
	xmlNode *disk = find_disk(rewrite, place->target, error);

	if (!disk)
		return FALSE;
	if (!g_str_equal(place->type, "file") && !g_str_equal(place->type, "block"))
		return vk_fail(error, VK_ERROR_USAGE, "disk '%s' cannot be moved to a '%s'",
			       place->target, place->type);
	if (!place->stays) {
		vk_xml_drop_children(disk, "auth");
		set_source(rewrite, disk, place);
	}
	describe_image(disk, place);
	return TRUE;
}

static gboolean eject(const VkRewrite *rewrite, const char *target, GError **error)
{
	xmlNode *disk = find_disk(rewrite, target, error);

	if (!disk)
		return FALSE;
	if (!vk_xml_attribute_is(disk, "device", "cdrom") &&
	    !vk_xml_attribute_is(disk, "device", "floppy"))
		return vk_fail(error, VK_ERROR_USAGE, "disk '%s' of guest '%s' is not removable",
			       target, rewrite->old_name);
	vk_xml_drop_children(disk, "auth");
	vk_xml_drop_children(disk, "encryption");
	vk_xml_drop_children(disk, "backingStore");
	vk_xml_drop_children(disk, "source");
	vk_xml_set_attribute(disk, "type", "file");
	return TRUE;
}

gboolean vk_rewrite_disks(const VkRewrite *rewrite, GError **error)
{
	const VkDomainChanges *changes = rewrite->changes;

	for (guint i = 0; changes->disks && i < changes->disks->len; i++)
		if (!move_disk(rewrite, &g_array_index(changes->disks, VkDomainNewDisk, i), error))
			return FALSE;
	for (guint i = 0; changes->eject && i < changes->eject->len; i++)
		if (!eject(rewrite, g_ptr_array_index(changes->eject, i), error))
			return FALSE;
	for (guint i = 0; changes->drop && i < changes->drop->len; i++) {
		xmlNode *disk = find_disk(rewrite, g_ptr_array_index(changes->drop, i), error);

		if (!disk)
			return FALSE;
		vk_xml_drop(disk);
	}
	return TRUE;
}
