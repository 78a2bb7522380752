/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "user-snapshots.h"

#include "errors.h"
#include "libvirt-priv.h"
#include "xml-text.h"

#include <stdlib.h>

/* The disks of an external snapshot go on in these files. An internal snapshot has none. */
static const char files_xpath[] = "/domainsnapshot/disks/disk[@snapshot='external']/source/@file";

VkUserSnapshot *vk_user_snapshot_new(const char *name)
{
	VkUserSnapshot *snapshot = g_new0(VkUserSnapshot, 1);

	snapshot->name = g_strdup(name);
	snapshot->files = g_ptr_array_new_with_free_func(g_free);
	return snapshot;
}

void vk_user_snapshot_free(VkUserSnapshot *snapshot)
{
	if (!snapshot)
		return;
	g_free(snapshot->name);
	g_ptr_array_unref(snapshot->files);
	g_free(snapshot);
}

static gboolean add(GPtrArray *found, virDomainSnapshotPtr entry, const char *guest, GError **error)
{
	const char *name = virDomainSnapshotGetName(entry);
	VkUserSnapshot *snapshot = vk_user_snapshot_new(name);
	char *xml = virDomainSnapshotGetXMLDesc(entry, 0);
	gboolean ok;

	g_ptr_array_add(found, snapshot);
	if (!xml)
		return vk_fail_libvirt(error, "cannot get the snapshot '%s' of guest '%s'", name,
				       guest);
	ok = vk_xml_add_texts(xml, "domainsnapshot", files_xpath, snapshot->files, error);
	free(xml);
	return ok;
}

/* Does one thing for each snapshot that libvirt lists. */
typedef gboolean (*Visitor)(GPtrArray *found, virDomainSnapshotPtr entry, const char *guest,
			    GError **error);

static gboolean visit(VkGuest *guest, Visitor visitor, GPtrArray *found, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	virDomainSnapshotPtr *list = NULL;
	gboolean ok = TRUE;
	int count;

	if (!domain)
		return FALSE;
	count = virDomainListAllSnapshots(domain, &list, 0);
	if (count < 0)
		return vk_fail_libvirt(error, "cannot list the snapshots of guest '%s'",
				       vk_guest_name(guest));
	for (int i = 0; i < count; i++) {
		ok = ok && visitor(found, list[i], vk_guest_name(guest), error);
		virDomainSnapshotFree(list[i]);
	}
	free(list);
	return ok;
}

GPtrArray *vk_user_snapshots_list(VkGuest *guest, GError **error)
{
	g_autoptr(GPtrArray) found =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_user_snapshot_free);

	return visit(guest, add, found, error) ? g_steal_pointer(&found) : NULL;
}

static gboolean forget(GPtrArray *found, virDomainSnapshotPtr entry, const char *guest,
		       GError **error)
{
	const char *name = virDomainSnapshotGetName(entry);

	return virDomainSnapshotDelete(entry, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) == 0 ||
	       vk_fail_libvirt(error, "cannot remove the entry of the snapshot '%s' of guest '%s'",
			       name, guest);
}

gboolean vk_user_snapshots_forget(VkGuest *guest, GError **error)
{
	return visit(guest, forget, NULL, error);
}
