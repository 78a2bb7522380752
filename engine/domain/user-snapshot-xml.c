/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "user-snapshot-xml.h"

#include "xml-priv.h"

gboolean vk_user_snapshot_xml_files(const char *xml, GPtrArray *files, GError **error)
{
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, "domainsnapshot", "the snapshot", error);
	const xmlNode *disks = doc ? vk_xml_child(xmlDocGetRootElement(doc), "disks") : NULL;

	for (xmlNode *disk = disks ? vk_xml_child(disks, "disk") : NULL; disk;
	     disk = vk_xml_next(disk, "disk")) {
		char *file = vk_xml_attribute_is(disk, "snapshot", "external")
				     ? vk_xml_attribute(vk_xml_child(disk, "source"), "file")
				     : NULL;

		if (file)
			g_ptr_array_add(files, file);
	}
	return doc != NULL;
}
