/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a clone would share with its original: one list of all kinds of devices. Each is changed so
 * that both can run side by side, or dropped. A note names everything that the clone loses.
 */
#include "domain-rewrite-priv.h"

#include <string.h>

/* FALSE: the device is dropped. */
typedef gboolean (*Separate)(const VkRewrite *rewrite, xmlNode *device);

/* ---- paths ---- */

static gboolean is_derived_path(const char *path)
{
	return strstr(path, "/qemu/channel/") || strstr(path, "/qemu/domain-");
}

/* PATH with the new name in place of the old one, or behind it. */
static char *rename_path(const VkRewrite *rewrite, const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	g_autoptr(GString) renamed = g_string_new(base);

	if (!g_string_replace(renamed, rewrite->old_name, rewrite->changes->name, 0))
		g_string_append_printf(renamed, ".%s", rewrite->changes->name);
	return g_build_filename(directory, renamed->str, NULL);
}

static void rename_path_attribute(const VkRewrite *rewrite, xmlNode *node, const char *name)
{
	g_autofree char *path = rewrite->is_renamed ? vk_xml_attribute(node, name) : NULL;

	if (!path)
		return;
	g_autofree char *renamed = rename_path(rewrite, path);
	vk_xml_set_attribute(node, name, renamed);
}

/* Leaves WHAT out of the clone: only one guest can have it. */
static gboolean leave_out(const VkRewrite *rewrite, const char *what, const char *which)
{
	vk_rewrite_note(rewrite, "%s%s%s is the original's alone: the new guest does not have it",
			what, which ? " " : "", which ? which : "");
	return FALSE;
}

/* ---- character devices ---- */

static gboolean is_listening(const xmlNode *device)
{
	const xmlNode *source = vk_xml_child(device, "source");

	for (; source; source = vk_xml_next(source, "source"))
		if (vk_xml_attribute_is(source, "mode", "bind"))
			return TRUE;
	return FALSE;
}

/* The source that the device connects to; it may have another that listens. */
static const xmlNode *connected_source(const xmlNode *device)
{
	const xmlNode *source = vk_xml_child(device, "source");

	while (source && vk_xml_attribute_is(source, "mode", "bind"))
		source = vk_xml_next(source, "source");
	return source;
}

/* WHAT can be shared, but its other end hears both guests. */
static void note_connected(const VkRewrite *rewrite, const char *what, const xmlNode *device)
{
	const xmlNode *source = connected_source(device);
	g_autofree char *path = vk_xml_attribute(source, "path");
	g_autofree char *host = vk_xml_attribute(source, "host");
	g_autofree char *service = vk_xml_attribute(source, "service");

	if (rewrite->is_clone && source)
		vk_rewrite_note(rewrite, "the %s connects to '%s%s%s', as the original does", what,
				path   ? path
				: host ? host
				       : "",
				service ? ":" : "", service ? service : "");
}

/* In words: "serial port on '/dev/ttyS0'". New string. */
static char *character_label(const xmlNode *device)
{
	const xmlNode *source = vk_xml_child(device, "source");
	g_autofree char *path = vk_xml_attribute(source, "path");
	g_autofree char *host = vk_xml_attribute(source, "host");
	g_autofree char *service = vk_xml_attribute(source, "service");

	return g_strdup_printf("the %s on '%s%s%s'", (const char *)device->name,
			       path   ? path
			       : host ? host
				      : "",
			       service ? ":" : "", service ? service : "");
}

/* The guest keeps its port, but what is at the host's end is the original's. */
static void connect_to_pty(const VkRewrite *rewrite, xmlNode *device)
{
	g_autofree char *label = character_label(device);

	vk_xml_drop_children(device, "source");
	vk_xml_drop_children(device, "protocol");
	vk_xml_set_attribute(device, "type", "pty");
	vk_rewrite_note(rewrite,
			"%s is the original's alone: the new guest has a pseudo terminal instead",
			label);
}

static void separate_socket(const VkRewrite *rewrite, xmlNode *device)
{
	xmlNode *source = vk_xml_child(device, "source");
	g_autofree char *path = vk_xml_attribute(source, "path");

	if (!path)
		return;
	if (vk_xml_attribute_is(source, "mode", "connect"))
		note_connected(rewrite, (const char *)device->name, device);
	else if (!is_derived_path(path))
		rename_path_attribute(rewrite, source, "path");
	else if (rewrite->changes->drop_channel_paths)
		vk_xml_drop(source);
}

static gboolean separate_character(const VkRewrite *rewrite, xmlNode *device)
{
	g_autofree char *type = vk_xml_attribute(device, "type");
	gboolean is_network = !g_strcmp0(type, "tcp") || !g_strcmp0(type, "udp");

	rename_path_attribute(rewrite, vk_xml_child(device, "log"), "file");
	if (!g_strcmp0(type, "unix"))
		separate_socket(rewrite, device);
	else if (!g_strcmp0(type, "file"))
		rename_path_attribute(rewrite, vk_xml_child(device, "source"), "path");
	else if (rewrite->is_clone && (!g_strcmp0(type, "dev") || !g_strcmp0(type, "pipe") ||
				       (is_network && is_listening(device))))
		connect_to_pty(rewrite, device);
	else if (is_network)
		note_connected(rewrite, (const char *)device->name, device);
	return TRUE;
}

/* What makes no sense without its other end. */
static gboolean separate_redirection(const VkRewrite *rewrite, xmlNode *device)
{
	gboolean is_host = vk_xml_attribute_is(device, "mode", "host");
	gboolean is_shared = vk_xml_attribute_is(device, "type", "dev") || is_listening(device);

	if (!rewrite->is_clone ||
	    (!is_host && (!is_shared || vk_xml_attribute_is(device, "type", "unix"))))
		return separate_character(rewrite, device);
	g_autofree char *label =
		is_host ? g_strdup("the host's smartcard reader") : character_label(device);
	return leave_out(rewrite, label, NULL);
}

/* ---- graphics ---- */

static void separate_graphics_socket(const VkRewrite *rewrite, xmlNode *node)
{
	g_autofree char *path = vk_xml_attribute(node, "socket");

	if (!path || !is_derived_path(path))
		rename_path_attribute(rewrite, node, "socket");
	else if (rewrite->changes->drop_channel_paths)
		vk_xml_drop_attribute(node, "socket");
}

/* libvirt takes -1 for a port of its choice. */
static gboolean is_fixed_port(const xmlNode *graphics, const char *name)
{
	g_autofree char *port = vk_xml_attribute(graphics, name);

	return port && !g_str_equal(port, "-1");
}

static gboolean separate_graphics(const VkRewrite *rewrite, xmlNode *graphics)
{
	gboolean is_automatic = vk_xml_attribute_is(graphics, "autoport", "yes");
	g_autofree char *address = vk_xml_attribute(graphics, "address");

	separate_graphics_socket(rewrite, graphics);
	separate_graphics_socket(rewrite, vk_xml_child(graphics, "listen"));
	if (!rewrite->is_clone)
		return TRUE;
	if (is_fixed_port(graphics, "websocket"))
		vk_xml_set_attribute(graphics, "websocket", "-1");
	if (!is_automatic &&
	    (is_fixed_port(graphics, "port") || is_fixed_port(graphics, "tlsPort"))) {
		vk_xml_set_attribute(graphics, "autoport", "yes");
		vk_xml_drop_attribute(graphics, "port");
		vk_xml_drop_attribute(graphics, "tlsPort");
	}
	return !address || leave_out(rewrite, "the display on the D-Bus", address);
}

/* ---- networks ---- */

/* A filter that lets only the original's address pass would cut off the clone. */
static void drop_filter_mac(xmlNode *interface)
{
	xmlNode *node = vk_xml_find(interface, "filterref/parameter");

	while (node) {
		xmlNode *next = vk_xml_next(node, "parameter");

		if (vk_xml_attribute_is(node, "name", "MAC"))
			vk_xml_drop(node);
		node = next;
	}
}

static void new_mac(xmlNode *interface)
{
	xmlNode *port = vk_xml_child(interface, "virtualport");
	xmlNode *parameters = vk_xml_child(port, "parameters");

	vk_xml_drop_children(interface, "mac");
	drop_filter_mac(interface);
	if (!vk_xml_attribute_is(interface, "type", "hostdev"))
		vk_xml_drop_children(interface, "target"); /* the name of the tap device */
	if (parameters && vk_xml_attribute_is(port, "type", "openvswitch"))
		vk_xml_drop_attribute(parameters, "interfaceid");
	if (parameters && vk_xml_attribute_is(port, "type", "802.1Qbg"))
		vk_xml_drop_attribute(parameters, "instanceid");
}

/* What is taken by one guest at a time, in words; NULL: the interface is for many. New string. */
static char *exclusive_interface(const xmlNode *interface)
{
	const xmlNode *source = vk_xml_child(interface, "source");
	g_autofree char *type = vk_xml_attribute(interface, "type");
	g_autofree char *device = vk_xml_attribute(source, "dev");
	g_autofree char *path = vk_xml_attribute(source, "path");
	g_autofree char *port = vk_xml_attribute(source, "port");

	if (!type)
		return NULL;
	if (g_str_equal(type, "hostdev")) {
		g_autofree char *address = vk_pci_address(vk_xml_child(source, "address"));

		return g_strdup_printf("the network device pci %s", address);
	}
	if (g_str_equal(type, "vdpa"))
		return g_strdup_printf("the vDPA device '%s'", device ? device : "");
	if (g_str_equal(type, "vhostuser"))
		return g_strdup_printf("the vhost-user port '%s'", path ? path : "");
	if (g_str_equal(type, "direct") && vk_xml_attribute_is(source, "mode", "passthrough"))
		return g_strdup_printf("the network device '%s'", device ? device : "");
	if (g_str_equal(type, "server") || g_str_equal(type, "udp"))
		return g_strdup_printf("the network socket at port %s", port ? port : "?");
	return NULL;
}

static gboolean separate_interface(const VkRewrite *rewrite, xmlNode *interface)
{
	g_autofree char *exclusive = exclusive_interface(interface);

	if (rewrite->changes->drop_passthrough && exclusive)
		return leave_out(rewrite, exclusive, NULL);
	rename_path_attribute(rewrite, vk_xml_child(interface, "backend"), "logFile");
	if (rewrite->is_clone && vk_xml_child(interface, "portForward")) {
		vk_xml_drop_children(interface, "portForward");
		vk_rewrite_note(rewrite, "ports of the host that are forwarded to the original are "
					 "not to the new guest");
	}
	if (rewrite->changes->new_macs)
		new_mac(interface);
	return TRUE;
}

/* ---- all else ---- */

static gboolean separate_vsock(const VkRewrite *rewrite, xmlNode *vsock)
{
	xmlNode *cid = vk_xml_child(vsock, "cid");

	if (!cid || !rewrite->is_clone)
		return TRUE;
	vk_xml_set_attribute(cid, "auto", "yes");
	vk_xml_drop_attribute(cid, "address");
	return TRUE;
}

static gboolean separate_tpm(const VkRewrite *rewrite, xmlNode *tpm)
{
	xmlNode *backend = vk_xml_child(tpm, "backend");
	g_autofree char *device = vk_xml_attribute(vk_xml_child(backend, "device"), "path");
	g_autofree char *path = vk_xml_attribute(vk_xml_child(backend, "source"), "path");

	if (rewrite->changes->drop_passthrough &&
	    vk_xml_attribute_is(backend, "type", "passthrough"))
		return leave_out(rewrite, "the TPM of the host,", device ? device : "/dev/tpm0");
	if (rewrite->changes->drop_passthrough && vk_xml_attribute_is(backend, "type", "external"))
		return leave_out(rewrite, "the TPM at", path);
	/* A place of the user's choice for the state: the default is keyed by the uuid. */
	if (rewrite->is_clone)
		vk_xml_drop_children(backend, "source");
	return TRUE;
}

static gboolean separate_host_device(const VkRewrite *rewrite, xmlNode *device)
{
	g_autofree char *label = vk_hostdev_label(device);

	return !rewrite->changes->drop_passthrough || leave_out(rewrite, "the host device", label);
}

/* With its contents at first use, it is the original's data. */
static gboolean separate_memory(const VkRewrite *rewrite, xmlNode *memory)
{
	g_autofree char *path = vk_xml_text(vk_xml_find(memory, "source/path"));

	return !path || !rewrite->changes->drop_passthrough ||
	       leave_out(rewrite, "the memory in", path);
}

/* A clone is to change nothing that the original has. */
static gboolean separate_filesystem(const VkRewrite *rewrite, xmlNode *filesystem)
{
	static const char *const names[] = {"dir", "socket", "file", "dev", "name", "volume"};
	g_autofree char *label = NULL;

	for (gsize i = 0; !label && i < G_N_ELEMENTS(names); i++)
		label = vk_xml_attribute(vk_xml_child(filesystem, "source"), names[i]);
	return !rewrite->changes->drop_passthrough ||
	       leave_out(rewrite, "the shared directory", label);
}

static gboolean separate_shared_memory(const VkRewrite *rewrite, xmlNode *memory)
{
	g_autofree char *name = vk_xml_attribute(memory, "name");

	return !rewrite->changes->drop_passthrough || leave_out(rewrite, "the shared memory", name);
}

static gboolean separate_lease(const VkRewrite *rewrite, xmlNode *lease)
{
	g_autofree char *key = vk_xml_text(vk_xml_child(lease, "key"));

	return !rewrite->changes->drop_passthrough || leave_out(rewrite, "the lease", key);
}

/* An input device of the host. An emulated one has no source. */
static gboolean separate_input(const VkRewrite *rewrite, xmlNode *input)
{
	const xmlNode *source = vk_xml_child(input, "source");
	g_autofree char *device = vk_xml_attribute(source, "dev");
	g_autofree char *event = vk_xml_attribute(source, "evdev");

	return !source || !rewrite->changes->drop_passthrough ||
	       leave_out(rewrite, "the input device", device ? device : event);
}

static gboolean separate_random(const VkRewrite *rewrite, xmlNode *device)
{
	xmlNode *backend = vk_xml_child(device, "backend");

	if (!rewrite->is_clone || !vk_xml_attribute_is(backend, "model", "egd"))
		return TRUE;
	if (is_listening(backend))
		return leave_out(rewrite, "the source of random numbers", NULL);
	note_connected(rewrite, "source of random numbers", backend);
	return TRUE;
}

/* QEMU makes the file when it is not there. */
static gboolean separate_crash_store(const VkRewrite *rewrite, xmlNode *store)
{
	xmlNode *node = vk_xml_child(store, "path");
	g_autofree char *path = rewrite->is_renamed ? vk_xml_text(node) : NULL;

	if (path) {
		g_autofree char *renamed = rename_path(rewrite, path);

		vk_xml_set_text(node, renamed);
	}
	return TRUE;
}

static gboolean separate_audio(const VkRewrite *rewrite, xmlNode *audio)
{
	if (vk_xml_attribute_is(audio, "type", "file"))
		rename_path_attribute(rewrite, audio, "path");
	return TRUE;
}

/* Every kind of device that has to do with something outside of its guest. */
static const struct {
	const char *name;
	Separate separate;
} kinds[] = {
	{"audio", separate_audio},           {"channel", separate_character},
	{"console", separate_character},     {"filesystem", separate_filesystem},
	{"graphics", separate_graphics},     {"hostdev", separate_host_device},
	{"input", separate_input},           {"interface", separate_interface},
	{"lease", separate_lease},           {"memory", separate_memory},
	{"parallel", separate_character},    {"pstore", separate_crash_store},
	{"redirdev", separate_redirection},  {"rng", separate_random},
	{"serial", separate_character},      {"shmem", separate_shared_memory},
	{"smartcard", separate_redirection}, {"tpm", separate_tpm},
	{"vsock", separate_vsock},
};

static gboolean separate_device(const VkRewrite *rewrite, xmlNode *device)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (vk_xml_is(device, kinds[i].name))
			return kinds[i].separate(rewrite, device);
	return TRUE;
}

/* One argument may need another: they stay or go together. */
static void separate_commandline(const VkRewrite *rewrite)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);

	vk_commandline_find_shared(rewrite->root, found);
	if (!rewrite->is_clone || found->len == 0)
		return;
	for (guint i = 0; i < found->len; i++)
		vk_rewrite_note(rewrite,
				"'%s' of <qemu:commandline> is the original's alone: the new guest "
				"gets nothing of <qemu:commandline>",
				(const char *)g_ptr_array_index(found, i));
	vk_commandline_drop(rewrite->root);
}

void vk_rewrite_separate(const VkRewrite *rewrite)
{
	xmlNode *node = rewrite->devices ? rewrite->devices->children : NULL;

	while (node) {
		xmlNode *next = node->next;

		/* Dropping an element takes the white space before it along, never what follows. */
		if (node->type == XML_ELEMENT_NODE && !separate_device(rewrite, node))
			vk_xml_drop(node);
		node = next;
	}
	separate_commandline(rewrite);
}
