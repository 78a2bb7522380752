/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-xml.h"

#include "checkpoint-xml.h"
#include "errors.h"
#include "xml-priv.h"

static xmlNode *add_node(xmlNode *parent, const char *name)
{
	return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

static void add_read_disk(xmlNode *node, const VkBackupXml *job, guint number)
{
	const VkBackupJobDisk *disk = &g_array_index(job->disks, VkBackupJobDisk, number);
	const char *scratch = g_ptr_array_index(job->scratch, number);

	vk_xml_set_attribute(node, "backup", "yes");
	vk_xml_set_attribute(node, "type", "file");
	vk_xml_set_attribute(node, "exportname", disk->target);
	if (disk->incremental) {
		vk_xml_set_attribute(node, "backupmode", "incremental");
		vk_xml_set_attribute(node, "incremental", job->base);
		vk_xml_set_attribute(node, "exportbitmap", job->bitmap);
	} else {
		vk_xml_set_attribute(node, "backupmode", "full");
	}
	vk_xml_set_attribute(add_node(node, "driver"), "type", "qcow2");
	vk_xml_set_attribute(add_node(node, "scratch"), "file", scratch);
}

static void add_disk(xmlNode *disks, const char *target, const VkBackupXml *job)
{
	xmlNode *node = add_node(disks, "disk");

	vk_xml_set_attribute(node, "name", target);
	for (guint i = 0; i < job->disks->len; i++) {
		if (g_str_equal(g_array_index(job->disks, VkBackupJobDisk, i).target, target)) {
			add_read_disk(node, job, i);
			return;
		}
	}
	vk_xml_set_attribute(node, "backup", "no");
}

char *vk_backup_build_xml(const VkDomain *domain, const VkBackupXml *job, GError **error)
{
	g_autoptr(xmlDoc) doc =
		vk_xml_parse("<domainbackup mode='pull'/>", "domainbackup", "the job", error);
	xmlNode *root, *server, *disks;

	if (!doc)
		return NULL;
	root = xmlDocGetRootElement(doc);
	server = add_node(root, "server");
	vk_xml_set_attribute(server, "transport", "unix");
	vk_xml_set_attribute(server, "socket", job->socket);
	disks = add_node(root, "disks");
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);

		add_disk(disks, disk->target, job);
	}
	return vk_xml_to_string(doc);
}

char *vk_backup_build_checkpoint_xml(const VkDomain *domain, const GArray *disks,
				     const char *checkpoint, GError **error)
{
	g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < disks->len; i++) {
		const VkBackupJobDisk *disk = &g_array_index(disks, VkBackupJobDisk, i);

		if (disk->track)
			g_ptr_array_add(targets, g_strdup(disk->target));
	}
	return vk_checkpoint_build_xml(domain, checkpoint, targets, NULL, NULL, error);
}
