/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments that a definition hands to QEMU past libvirt, <qemu:commandline>. libvirt knows nothing
 * of what they attach, so it cannot be saved: it can only be named.
 */
#include "domain-priv.h"

#include <string.h>

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

typedef enum {
	REACH_NONE,    /* nothing outside of QEMU */
	REACH_STORAGE, /* a disk's contents */
	REACH_HOST,    /* a socket, a port, a file or a device of the host */
} Reach;

/* The options of QEMU that reach out of it, without their dashes; others do not. */
static const struct {
	const char *option;
	Reach reach;
} options[] = {
	{"blockdev", REACH_STORAGE}, {"drive", REACH_STORAGE},   {"hda", REACH_STORAGE},
	{"hdb", REACH_STORAGE},      {"hdc", REACH_STORAGE},     {"hdd", REACH_STORAGE},
	{"mtdblock", REACH_STORAGE}, {"pflash", REACH_STORAGE},  {"sd", REACH_STORAGE},
	{"cdrom", REACH_HOST},       {"chardev", REACH_HOST},    {"debugcon", REACH_HOST},
	{"fda", REACH_HOST},         {"fdb", REACH_HOST},        {"fsdev", REACH_HOST},
	{"gdb", REACH_HOST},         {"incoming", REACH_HOST},   {"mem-path", REACH_HOST},
	{"monitor", REACH_HOST},     {"net", REACH_HOST},        {"netdev", REACH_HOST},
	{"nic", REACH_HOST},         {"parallel", REACH_HOST},   {"pidfile", REACH_HOST},
	{"qmp", REACH_HOST},         {"qmp-pretty", REACH_HOST}, {"serial", REACH_HOST},
	{"spice", REACH_HOST},       {"tpmdev", REACH_HOST},     {"virtfs", REACH_HOST},
	{"vnc", REACH_HOST},
};

/* What an object or a device of these sorts has to do with the host. */
static const char *const host_sorts[] = {
	"vfio-",    "usb-host",    "scsi-generic",        "scsi-block",  "vhost-",
	"ivshmem-", "input-linux", "memory-backend-file", "qemu-vdagent"};

static Reach reach_of_value(const char *value)
{
	for (gsize i = 0; value && i < G_N_ELEMENTS(host_sorts); i++)
		if (g_str_has_prefix(value, host_sorts[i]))
			return REACH_HOST;
	return REACH_NONE;
}

/* A medium that the guest cannot write to has no data of the guest's. */
static gboolean is_medium(const char *value)
{
	return value && (strstr(value, "media=cdrom") || strstr(value, "readonly=on") ||
			 strstr(value, "read-only=on"));
}

static Reach reach_of(const char *argument, const char *value)
{
	const char *option = argument + strspn(argument, "-");

	if (option == argument)
		return REACH_NONE;
	if (g_str_equal(option, "s"))
		return REACH_HOST; /* listens for a debugger */
	if (g_str_equal(option, "device") || g_str_equal(option, "object"))
		return reach_of_value(value);
	for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
		if (g_str_equal(option, options[i].option))
			return options[i].reach == REACH_STORAGE && is_medium(value)
				       ? REACH_HOST
				       : options[i].reach;
	return REACH_NONE;
}

static gboolean is_qemu(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       xmlStrEqual(node->ns->href, (const xmlChar *)QEMU_NAMESPACE) &&
	       xmlStrEqual(node->name, (const xmlChar *)name);
}

/* The first from NODE on, itself included. */
static xmlNode *find_qemu(xmlNode *node, const char *name)
{
	while (node && !is_qemu(node, name))
		node = node->next;
	return node;
}

/* The values of all arguments in their order. New array of new strings. */
static GPtrArray *list_arguments(const xmlNode *root)
{
	GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
	const xmlNode *commandline = find_qemu(root->children, "commandline");

	for (; commandline; commandline = find_qemu(commandline->next, "commandline")) {
		const xmlNode *node = find_qemu(commandline->children, "arg");

		for (; node; node = find_qemu(node->next, "arg")) {
			char *value = vk_xml_attribute(node, "value");

			if (value)
				g_ptr_array_add(arguments, value);
		}
	}
	return arguments;
}

/* Adds "-drive file=x" for each that reaches out to FOUND. */
static void find_reaching(const xmlNode *root, gboolean storage_only, GPtrArray *found)
{
	g_autoptr(GPtrArray) arguments = list_arguments(root);

	for (guint i = 0; i < arguments->len; i++) {
		const char *argument = g_ptr_array_index(arguments, i);
		const char *next =
			i + 1 < arguments->len ? g_ptr_array_index(arguments, i + 1) : NULL;
		const char *value = next && *next != '-' ? next : NULL;
		Reach reach = reach_of(argument, value);

		if (reach == REACH_STORAGE || (reach == REACH_HOST && !storage_only))
			g_ptr_array_add(found,
					g_strjoin(value ? " " : NULL, argument, value, NULL));
	}
}

void vk_commandline_find_disks(const xmlNode *root, GPtrArray *found)
{
	find_reaching(root, TRUE, found);
}

void vk_commandline_find_shared(const xmlNode *root, GPtrArray *found)
{
	find_reaching(root, FALSE, found);
}

void vk_commandline_drop(xmlNode *root)
{
	xmlNode *node = find_qemu(root->children, "commandline");

	while (node) {
		xmlNode *next = find_qemu(node->next, "commandline");

		vk_xml_drop(node);
		node = next;
	}
}
