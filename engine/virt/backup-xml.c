/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-priv.h"

#include "checkpoint-xml.h"
#include "errors.h"
#include "xml-priv.h"

static const VkBackupJobDisk *find_disk(const GArray *disks, const char *target)
{
	for (guint i = 0; i < disks->len; i++) {
		const VkBackupJobDisk *disk = &g_array_index(disks, VkBackupJobDisk, i);

		if (g_str_equal(disk->target, target))
			return disk;
	}
	return NULL;
}

static xmlNode *add_node(xmlNode *parent, const char *name)
{
	return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

static void add_disk(xmlNode *disks, const VkBackupJobDisk *disk, const VkBackupXml *how)
{
	g_autofree char *name = g_strdup_printf("%s-%s-%08x%08x.qcow2", how->uuid, disk->target,
						g_random_int(), g_random_int());
	char *scratch = g_build_filename(how->scratch_dir, name, NULL);
	xmlNode *node = add_node(disks, "disk");

	vk_xml_set_attribute(node, "name", disk->target);
	vk_xml_set_attribute(node, "backup", "yes");
	vk_xml_set_attribute(node, "type", "file");
	vk_xml_set_attribute(node, "exportname", disk->target);
	if (disk->incremental) {
		vk_xml_set_attribute(node, "backupmode", "incremental");
		vk_xml_set_attribute(node, "incremental", how->plan->base);
		vk_xml_set_attribute(node, "exportbitmap", how->bitmap);
	} else {
		vk_xml_set_attribute(node, "backupmode", "full");
	}
	vk_xml_set_attribute(add_node(node, "driver"), "type", "qcow2");
	vk_xml_set_attribute(add_node(node, "scratch"), "file", scratch);
	g_ptr_array_add(how->scratch, scratch);
}

char *vk_backup_build_xml(const VkDomain *domain, const VkBackupXml *how, GError **error)
{
	g_autoptr(xmlDoc) doc =
		vk_xml_parse("<domainbackup mode='pull'/>", "domainbackup", "the job", error);
	xmlNode *root, *server, *disks;

	if (!doc)
		return NULL;
	root = xmlDocGetRootElement(doc);
	server = add_node(root, "server");
	vk_xml_set_attribute(server, "transport", "unix");
	vk_xml_set_attribute(server, "socket", how->socket);
	disks = add_node(root, "disks");
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		const VkBackupJobDisk *wanted = find_disk(how->plan->disks, disk->target);

		if (wanted) {
			add_disk(disks, wanted, how);
		} else {
			xmlNode *node = add_node(disks, "disk");

			vk_xml_set_attribute(node, "name", disk->target);
			vk_xml_set_attribute(node, "backup", "no");
		}
	}
	return vk_xml_to_string(doc);
}

char *vk_backup_build_checkpoint_xml(const VkDomain *domain, const VkBackupJobPlan *plan,
				     GError **error)
{
	g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < plan->disks->len; i++) {
		const VkBackupJobDisk *disk = &g_array_index(plan->disks, VkBackupJobDisk, i);

		if (disk->track)
			g_ptr_array_add(targets, g_strdup(disk->target));
	}
	return vk_checkpoint_build_xml(domain, plan->checkpoint, targets, NULL, NULL, error);
}
