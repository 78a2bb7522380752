/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rewriting of a domain XML: on the tree, so that what is not known here stays as it is.
 */
#include "domain.h"

#include "errors.h"
#include "xml-priv.h"

#include <string.h>

typedef struct Rewrite {
	const VkDomainChanges *changes;
	xmlNode *root;
	xmlNode *devices;  /* NULL when the domain has none */
	char *old_name;    /* borrowed from the caller */
	gboolean is_clone; /* it gets another uuid */
	gboolean is_renamed;
} Rewrite;

/* ---- what belongs to a run ---- */

static void drop_dynamic_labels(xmlNode *root)
{
	xmlNode *node = vk_xml_child(root, "seclabel");

	while (node) {
		xmlNode *next = vk_xml_next(node, "seclabel");

		if (vk_xml_attribute_is(node, "type", "dynamic")) {
			vk_xml_drop_children(node, "label");
			vk_xml_drop_children(node, "imagelabel");
			/* Without a wish of the user's it only ties the guest to this host's
			 * security driver. */
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

static void drop_run_state_of_device(xmlNode *device)
{
	xmlNode *source = vk_xml_child(device, "source");

	drop_alias(device);
	if (vk_xml_is(device, "disk")) {
		vk_xml_drop_children(device, "backingStore");
		vk_xml_drop_children(device, "mirror");
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
		vk_xml_drop(source);
	}
}

static void drop_run_state(Rewrite *rewrite)
{
	vk_xml_drop_attribute(rewrite->root, "id");
	drop_dynamic_labels(rewrite->root);
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

/* libvirt refuses a domain whose SMBIOS uuid differs from its own. */
static void set_uuid(Rewrite *rewrite, const char *uuid)
{
	xmlNode *info = vk_xml_child(rewrite->root, "sysinfo");

	set_child_text(rewrite->root, "uuid", uuid);
	for (; info; info = vk_xml_next(info, "sysinfo")) {
		xmlNode *entry = vk_xml_find(info, "system/entry");

		for (; entry; entry = vk_xml_next(entry, "entry"))
			if (vk_xml_attribute_is(entry, "name", "uuid"))
				vk_xml_set_text(entry, uuid);
	}
}

static gboolean set_nvram(Rewrite *rewrite, const char *path, GError **error)
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

static void new_generation_id(Rewrite *rewrite)
{
	xmlNode *genid = vk_xml_child(rewrite->root, "genid");
	g_autofree char *uuid = g_uuid_string_random();

	if (genid)
		vk_xml_set_text(genid, uuid);
}

static void new_mac(xmlNode *interface)
{
	xmlNode *port = vk_xml_child(interface, "virtualport");
	xmlNode *parameters = vk_xml_child(port, "parameters");

	vk_xml_drop_children(interface, "mac");
	if (!vk_xml_attribute_is(interface, "type", "hostdev"))
		vk_xml_drop_children(interface, "target"); /* the name of the tap device */
	if (parameters && vk_xml_attribute_is(port, "type", "openvswitch"))
		vk_xml_drop_attribute(parameters, "interfaceid");
	if (parameters && vk_xml_attribute_is(port, "type", "802.1Qbg"))
		vk_xml_drop_attribute(parameters, "instanceid");
}

/* ---- what would collide with the original ---- */

static gboolean is_derived_path(const char *path)
{
	return strstr(path, "/qemu/channel/") || strstr(path, "/qemu/domain-");
}

/* PATH with the new name in place of the old one, or behind it. */
static char *rename_path(const Rewrite *rewrite, const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	g_autoptr(GString) renamed = g_string_new(base);

	if (!g_string_replace(renamed, rewrite->old_name, rewrite->changes->name, 0))
		g_string_append_printf(renamed, ".%s", rewrite->changes->name);
	return g_build_filename(directory, renamed->str, NULL);
}

static void rename_path_attribute(const Rewrite *rewrite, xmlNode *node, const char *name)
{
	g_autofree char *path = vk_xml_attribute(node, name);

	if (!path)
		return;
	g_autofree char *renamed = rename_path(rewrite, path);
	vk_xml_set_attribute(node, name, renamed);
}

/* A character device: its socket, its file and its log. */
static void separate_character_device(const Rewrite *rewrite, xmlNode *device)
{
	xmlNode *source = vk_xml_child(device, "source");
	g_autofree char *path = vk_xml_attribute(source, "path");
	gboolean is_file = vk_xml_attribute_is(device, "type", "file") ||
			   vk_xml_attribute_is(device, "type", "pipe");
	gboolean is_socket = vk_xml_attribute_is(device, "type", "unix") &&
			     !vk_xml_attribute_is(source, "mode", "connect");

	if (path && is_socket && is_derived_path(path)) {
		if (rewrite->changes->drop_channel_paths)
			vk_xml_drop(source);
	} else if (path && rewrite->is_renamed && (is_file || is_socket)) {
		rename_path_attribute(rewrite, source, "path");
	}
	if (rewrite->is_renamed)
		rename_path_attribute(rewrite, vk_xml_child(device, "log"), "file");
}

static void separate_graphics_socket(const Rewrite *rewrite, xmlNode *node)
{
	g_autofree char *path = vk_xml_attribute(node, "socket");

	if (path && is_derived_path(path)) {
		if (rewrite->changes->drop_channel_paths)
			vk_xml_drop_attribute(node, "socket");
	} else if (rewrite->is_renamed) {
		rename_path_attribute(rewrite, node, "socket");
	}
}

static void separate_graphics(const Rewrite *rewrite, xmlNode *graphics)
{
	separate_graphics_socket(rewrite, graphics);
	separate_graphics_socket(rewrite, vk_xml_child(graphics, "listen"));
	if (!rewrite->is_clone || !vk_xml_attribute_is(graphics, "autoport", "no"))
		return;
	vk_xml_set_attribute(graphics, "autoport", "yes");
	vk_xml_drop_attribute(graphics, "port");
	vk_xml_drop_attribute(graphics, "tlsPort");
}

static void separate_vsock(xmlNode *vsock)
{
	xmlNode *cid = vk_xml_child(vsock, "cid");

	if (!cid)
		return;
	vk_xml_set_attribute(cid, "auto", "yes");
	vk_xml_drop_attribute(cid, "address");
}

/* A directory of the host is no such: many guests can have it. */
static gboolean is_exclusive(const xmlNode *device)
{
	if (vk_xml_is(device, "memory"))
		return vk_xml_find(device, "source/path") != NULL;
	if (vk_xml_is(device, "interface"))
		return vk_xml_attribute_is(device, "type", "hostdev");
	if (vk_xml_is(device, "tpm"))
		return vk_xml_attribute_is(vk_xml_child(device, "backend"), "type", "passthrough");
	return vk_xml_is(device, "hostdev");
}

static gboolean is_character_device(const xmlNode *device)
{
	static const char *const names[] = {"channel", "serial",   "parallel",
					    "console", "redirdev", "smartcard"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (vk_xml_is(device, names[i]))
			return TRUE;
	return FALSE;
}

static void separate_device(const Rewrite *rewrite, xmlNode *device)
{
	if (is_character_device(device))
		separate_character_device(rewrite, device);
	else if (vk_xml_is(device, "graphics"))
		separate_graphics(rewrite, device);
	else if (vk_xml_is(device, "vsock") && rewrite->is_clone)
		separate_vsock(device);
	else if (vk_xml_is(device, "tpm") && rewrite->is_clone)
		/* A place of the user's choice for the state: the default is keyed by the uuid. */
		vk_xml_drop_children(vk_xml_child(device, "backend"), "source");
	else if (vk_xml_is(device, "interface") && rewrite->changes->new_macs)
		new_mac(device);
	if (rewrite->changes->drop_passthrough && is_exclusive(device))
		vk_xml_drop(device);
}

static void separate_devices(const Rewrite *rewrite)
{
	xmlNode *node = rewrite->devices ? rewrite->devices->children : NULL;

	while (node) {
		xmlNode *next = node->next;

		/* Dropping an element takes the white space before it along, never what follows. */
		if (node->type == XML_ELEMENT_NODE)
			separate_device(rewrite, node);
		node = next;
	}
}

/* ---- disks ---- */

static xmlNode *find_disk(const Rewrite *rewrite, const char *target, GError **error)
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

static gboolean move_disk(const Rewrite *rewrite, const VkDomainNewDisk *place, GError **error)
{
	xmlNode *disk = find_disk(rewrite, place->target, error);

	if (!disk)
		return FALSE;
	if (!g_str_equal(place->type, "file") && !g_str_equal(place->type, "block"))
		return vk_fail(error, VK_ERROR_USAGE, "disk '%s' cannot be moved to a '%s'",
			       place->target, place->type);
	vk_xml_drop_children(disk, "auth");
	vk_xml_drop_children(disk, "encryption");
	vk_xml_drop_children(disk, "source");
	xmlNode *source = vk_xml_prepend(disk, "source");
	set_driver_format(disk, place->format);
	vk_xml_set_attribute(disk, "type", place->type);
	vk_xml_set_attribute(source, g_str_equal(place->type, "file") ? "file" : "dev",
			     place->path);
	return TRUE;
}

static gboolean eject(const Rewrite *rewrite, const char *target, GError **error)
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
	vk_xml_drop_children(disk, "source");
	vk_xml_set_attribute(disk, "type", "file");
	return TRUE;
}

static gboolean change_disks(const Rewrite *rewrite, GError **error)
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

/* ---- all of it ---- */

static gboolean change_tree(Rewrite *rewrite, GError **error)
{
	const VkDomainChanges *changes = rewrite->changes;

	drop_run_state(rewrite);
	if (!change_disks(rewrite, error))
		return FALSE;
	separate_devices(rewrite);
	if (changes->nvram && !set_nvram(rewrite, changes->nvram, error))
		return FALSE;
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
	Rewrite rewrite = {
		.changes = changes,
		.root = root,
		.devices = vk_xml_child(root, "devices"),
		.old_name = domain->name,
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
