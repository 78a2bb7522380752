/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checkpoint-xml.h"

#include "errors.h"
#include "xml-priv.h"

#include <string.h>

#define WHAT "the checkpoint"

static void add_text(xmlNode *parent, const char *name, const char *text)
{
	xmlNewTextChild(parent, NULL, (const xmlChar *)name, (const xmlChar *)text);
}

static xmlNode *add_node(xmlNode *parent, const char *name)
{
	return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

static gboolean contains(const GPtrArray *strings, const char *string)
{
	for (guint i = 0; i < strings->len; i++) {
		if (g_str_equal(g_ptr_array_index(strings, i), string))
			return TRUE;
	}
	return FALSE;
}

static void add_disk(xmlNode *disks, const char *name, const char *target, gboolean tracked)
{
	xmlNode *disk = add_node(disks, "disk");

	vk_xml_set_attribute(disk, "name", target);
	vk_xml_set_attribute(disk, "checkpoint", tracked ? "bitmap" : "no");
	if (tracked)
		vk_xml_set_attribute(disk, "bitmap", name);
}

static gboolean add_domain(xmlNode *root, const char *domain_xml, GError **error)
{
	g_autoptr(xmlDoc) domain = vk_xml_parse(domain_xml, "domain", "the definition", error);
	xmlNode *copy;

	if (!domain)
		return FALSE;
	copy = xmlDocCopyNode(xmlDocGetRootElement(domain), root->doc, 1);
	if (!copy)
		g_error("out of memory");
	xmlAddChild(root, copy);
	return TRUE;
}

char *vk_checkpoint_build_xml(const VkDomain *domain, const char *name, const GPtrArray *targets,
			      const char *created, const char *domain_xml, GError **error)
{
	g_autoptr(xmlDoc) doc =
		vk_xml_parse("<domaincheckpoint/>", "domaincheckpoint", WHAT, error);
	xmlNode *root, *disks;

	if (!doc)
		return NULL;
	root = xmlDocGetRootElement(doc);
	add_text(root, "name", name);
	if (created)
		add_text(root, "creationTime", created);
	disks = add_node(root, "disks");
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);

		add_disk(disks, name, disk->target, contains(targets, disk->target));
	}
	if (domain_xml && !add_domain(root, domain_xml, error))
		return NULL;
	return vk_xml_to_string(doc);
}

static VkDomain *parse_domain(xmlNode *node, GError **error)
{
	g_autoptr(xmlDoc) doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNode *copy = doc ? xmlDocCopyNode(node, doc, 1) : NULL;
	g_autofree char *text = NULL;

	if (!copy)
		g_error("out of memory");
	xmlDocSetRootElement(doc, copy);
	text = vk_xml_to_string(doc);
	return vk_domain_parse(text, error);
}

VkCheckpointInfo *vk_checkpoint_parse(const char *xml, GError **error)
{
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, "domaincheckpoint", WHAT, error);
	g_autoptr(VkCheckpointInfo) info = NULL;
	xmlNode *root, *disk, *domain;

	if (!doc)
		return NULL;
	root = xmlDocGetRootElement(doc);
	info = g_new0(VkCheckpointInfo, 1);
	info->name = vk_xml_text(vk_xml_child(root, "name"));
	info->created = vk_xml_text(vk_xml_child(root, "creationTime"));
	info->targets = g_ptr_array_new_with_free_func(g_free);
	if (!info->name || !info->created) {
		vk_fail(error, VK_ERROR_FAILED, WHAT " has no name or no time");
		return NULL;
	}
	disk = vk_xml_child(vk_xml_child(root, "disks"), "disk");
	for (; disk; disk = vk_xml_next(disk, "disk")) {
		char *target = vk_xml_attribute(disk, "name");

		if (target && vk_xml_attribute_is(disk, "checkpoint", "bitmap"))
			g_ptr_array_add(info->targets, target);
		else
			g_free(target);
	}
	domain = vk_xml_child(root, "domain");
	if (domain && !(info->domain = parse_domain(domain, error)))
		return NULL;
	return g_steal_pointer(&info);
}

gboolean vk_checkpoint_parse_size(const char *xml, const char *target, guint64 *ret, GError **error)
{
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, "domaincheckpoint", WHAT, error);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	xmlNode *disk = root ? vk_xml_child(vk_xml_child(root, "disks"), "disk") : NULL;

	if (!doc)
		return FALSE;
	for (; disk; disk = vk_xml_next(disk, "disk")) {
		g_autofree char *size = vk_xml_attribute(disk, "size");

		if (size && vk_xml_attribute_is(disk, "name", target))
			return g_ascii_string_to_unsigned(size, 10, 0, G_MAXINT64, ret, error);
	}
	return vk_fail(error, VK_ERROR_FAILED, WHAT " has no size of disk '%s'", target);
}

void vk_checkpoint_info_free(VkCheckpointInfo *info)
{
	if (!info)
		return;
	g_free(info->name);
	g_free(info->created);
	if (info->targets)
		g_ptr_array_unref(info->targets);
	vk_domain_free(info->domain);
	g_free(info);
}

gboolean vk_checkpoint_info_has(const VkCheckpointInfo *info, const char *target)
{
	return contains(info->targets, target);
}
