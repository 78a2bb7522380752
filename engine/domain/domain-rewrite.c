/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rewriting of a domain XML: on the tree, so that what is not known here stays as it is.
 */
#include "domain-rewrite.h"

#include "domain-rewrite-priv.h"
#include "domain.h"
#include "errors.h"

/* ---- what belongs to a run ---- */

static void drop_dynamic_labels(xmlNode *root)
{
	xmlNode *node = vk_xml_child(root, "seclabel");

	while (node) {
		xmlNode *next = vk_xml_next(node, "seclabel");

		if (vk_xml_attribute_is(node, "type", "dynamic")) {
			vk_xml_drop_children(node, "label");
			vk_xml_drop_children(node, "imagelabel");
			/*
			 * A label that the user has not set only ties the guest to this host's
			 * security driver.
			 */
			if (!vk_xml_child(node, "baselabel") &&
			    !vk_xml_attribute_is(node, "relabel", "no"))
				vk_xml_drop(node);
		}
		node = next;
	}
}

/* Aliases of the user's own begin with "ua-": the rest of the XML may name them. */
static void drop_alias(xmlNode *device)
{
	xmlNode *alias = vk_xml_child(device, "alias");
	g_autofree char *name = vk_xml_attribute(alias, "name");

	if (!name || !g_str_has_prefix(name, "ua-"))
		vk_xml_drop(alias);
}

/*
 * The chain itself stays. It has the format of each base, which must not be guessed from the bytes:
 * a guest may have written them.
 */
static void drop_chain_numbers(xmlNode *disk)
{
	xmlNode *layer = vk_xml_child(disk, "backingStore");

	for (; layer; layer = vk_xml_child(layer, "backingStore")) {
		xmlNode *source = vk_xml_child(layer, "source");

		vk_xml_drop_attribute(layer, "index");
		if (source)
			vk_xml_drop_attribute(source, "index");
	}
}

static void drop_run_state_of_device(xmlNode *device)
{
	xmlNode *source = vk_xml_child(device, "source");

	drop_alias(device);
	if (vk_xml_is(device, "disk")) {
		vk_xml_drop_children(device, "mirror");
		drop_chain_numbers(device);
		if (source)
			vk_xml_drop_attribute(source, "index");
	} else if (vk_xml_is(device, "channel")) {
		xmlNode *target = vk_xml_child(device, "target");

		if (target)
			vk_xml_drop_attribute(target, "state");
	} else if (vk_xml_is(device, "interface")) {
		if (source)
			vk_xml_drop_attribute(source, "portid");
	}
	if (vk_xml_attribute_is(device, "type", "pty")) {
		vk_xml_drop_attribute(device, "tty");
		if (source)
			vk_xml_drop_attribute(source, "path");
		if (source && !xmlFirstElementChild(source))
			vk_xml_drop(source);
	}
}

static void drop_run_state(VkRewrite *rewrite)
{
	gboolean is_live = xmlHasProp(rewrite->root, (const xmlChar *)"id") != NULL;

	/* In the definition of a guest that is off they are the user's. */
	if (is_live)
		drop_dynamic_labels(rewrite->root);
	vk_xml_drop_attribute(rewrite->root, "id");
	if (!rewrite->devices)
		return;
	for (xmlNode *node = rewrite->devices->children; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE)
			drop_run_state_of_device(node);
}

/* ---- identity ---- */

static void set_child_text(xmlNode *parent, const char *name, const char *text)
{
	vk_xml_set_text(vk_xml_child(parent, name), text);
}

/* Some people also write the uuid as the serial number. */
static gboolean names_uuid(const xmlNode *entry, const char *old_uuid)
{
	g_autofree char *text = vk_xml_text(entry);

	return vk_xml_attribute_is(entry, "name", "uuid") ||
	       (text && g_ascii_strcasecmp(text, old_uuid) == 0);
}

/* libvirt refuses a domain whose SMBIOS uuid differs from its own. */
static void set_uuid(VkRewrite *rewrite, const char *uuid)
{
	xmlNode *info = vk_xml_child(rewrite->root, "sysinfo");

	set_child_text(rewrite->root, "uuid", uuid);
	for (; info; info = vk_xml_next(info, "sysinfo")) {
		xmlNode *entry = vk_xml_find(info, "system/entry");

		for (; entry; entry = vk_xml_next(entry, "entry"))
			if (names_uuid(entry, rewrite->old_uuid))
				vk_xml_set_text(entry, uuid);
	}
}

static gboolean set_nvram(VkRewrite *rewrite, const char *path, GError **error)
{
	xmlNode *os = vk_xml_child(rewrite->root, "os");
	xmlNode *nvram = vk_xml_child(os, "nvram");

	if (!nvram && (vk_xml_attribute_is(os, "firmware", "efi") ||
		       vk_xml_attribute_is(vk_xml_child(os, "loader"), "type", "pflash")))
		nvram = vk_xml_prepend(os, "nvram");
	if (!nvram)
		return vk_fail(error, VK_ERROR_USAGE,
			       "guest '%s' has no UEFI firmware, so no NVRAM can be given to it",
			       rewrite->old_name);
	/* With a type the path is in a <source>; a plain file is the form all versions know. */
	vk_xml_drop_attribute(nvram, "type");
	vk_xml_set_text(nvram, path);
	return TRUE;
}

static void new_generation_id(VkRewrite *rewrite)
{
	xmlNode *genid = vk_xml_child(rewrite->root, "genid");
	g_autofree char *uuid = g_uuid_string_random();

	if (!genid)
		return;
	vk_xml_set_text(genid, uuid);
	vk_rewrite_note(rewrite, "the guest gets a new generation id, by which it notices that it "
				 "was taken back in time");
}

static void set_boot(VkRewrite *rewrite)
{
	const GArray *boot = rewrite->changes->boot;
	xmlNode *os = vk_xml_child(rewrite->root, "os");

	for (guint i = 0; boot && i < boot->len; i++) {
		const VkDomainNewBoot *file = &g_array_index(boot, VkDomainNewBoot, i);
		xmlNode *node = vk_xml_child(os, file->element);

		if (node)
			vk_xml_set_text(node, file->path);
	}
}

/* ---- all of it ---- */

static gboolean change_tree(VkRewrite *rewrite, GError **error)
{
	const VkDomainChanges *changes = rewrite->changes;

	drop_run_state(rewrite);
	if (!vk_rewrite_disks(rewrite, error))
		return FALSE;
	if (!vk_rewrite_networks(rewrite, error))
		return FALSE;
	vk_rewrite_separate(rewrite);
	if (changes->nvram && !set_nvram(rewrite, changes->nvram, error))
		return FALSE;
	set_boot(rewrite);
	if (changes->new_generation_id)
		new_generation_id(rewrite);
	if (changes->uuid)
		set_uuid(rewrite, changes->uuid);
	if (changes->name)
		set_child_text(rewrite->root, "name", changes->name);
	return TRUE;
}

static gboolean check_value(const char *value, GError **error)
{
	if (!value || g_utf8_validate(value, -1, NULL))
		return TRUE;
	g_autofree char *readable = g_utf8_make_valid(value, -1);
	return vk_fail(error, VK_ERROR_USAGE,
		       "'%s' cannot be used in a guest's definition: it is not UTF-8", readable);
}

static gboolean check_changes(const VkDomainChanges *changes, GError **error)
{
	if (!check_value(changes->name, error) || !check_value(changes->uuid, error) ||
	    !check_value(changes->nvram, error))
		return FALSE;
	for (guint i = 0; changes->disks && i < changes->disks->len; i++)
		if (!check_value(g_array_index(changes->disks, VkDomainNewDisk, i).path, error))
			return FALSE;
	return TRUE;
}

/* What was well-formed before is spoilt by a new value only. */
static gboolean check_result(const char *text, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkDomain) domain = vk_domain_parse(text, &trouble);

	if (domain)
		return TRUE;
	return vk_fail(error, VK_ERROR_USAGE,
		       "a new name, uuid or path cannot be used in a guest's definition: %s",
		       trouble->message);
}

char *vk_domain_rewrite(const char *xml, const VkDomainChanges *changes, GError **error)
{
	g_autoptr(VkDomain) domain = vk_domain_parse(xml, error);

	if (!domain || !check_changes(changes, error))
		return NULL;
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, "domain", "the definition of a guest", error);
	if (!doc)
		return NULL;
	xmlNode *root = xmlDocGetRootElement(doc);
	VkRewrite rewrite = {
		.changes = changes,
		.root = root,
		.devices = vk_xml_child(root, "devices"),
		.old_name = domain->name,
		.old_uuid = domain->uuid,
		.is_clone = changes->uuid && g_ascii_strcasecmp(changes->uuid, domain->uuid) != 0,
		.is_renamed = changes->name && !g_str_equal(changes->name, domain->name),
	};
	if (!change_tree(&rewrite, error))
		return NULL;
	g_autofree char *text = vk_xml_to_string(doc);
	if (!check_result(text, error))
		return NULL;
	return g_steal_pointer(&text);
}
