/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-rewrite-priv.h"

#include "errors.h"

#include <string.h>

#define TARGET_LENGTH_MAX 64

static GPtrArray *image_array_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)vk_domain_image_free);
}

static void boot_clear(gpointer boot)
{
	g_free(((VkDomainBoot *)boot)->path);
}

static void disk_free(VkDomainDisk *disk)
{
	g_free(disk->target);
	g_free(disk->bus);
	g_free(disk->device);
	g_free(disk->serial);
	g_free(disk->unknown);
	vk_domain_image_free(disk->image);
	g_ptr_array_unref(disk->backing);
	g_free(disk);
}

void vk_domain_free(VkDomain *domain)
{
	if (!domain)
		return;
	g_free(domain->name);
	g_free(domain->uuid);
	g_ptr_array_unref(domain->disks);
	g_ptr_array_unref(domain->passthrough);
	g_ptr_array_unref(domain->foreign);
	g_array_unref(domain->boot);
	g_free(domain->nvram);
	g_free(domain->tpm_version);
	g_ptr_array_unref(domain->interfaces);
	g_free(domain);
}

/* An address of hexadecimal and decimal attributes as libvirt and lspci write it. */
char *vk_pci_address(const xmlNode *address)
{
	static const char *const names[] = {"domain", "bus", "slot", "function"};
	guint64 values[G_N_ELEMENTS(names)] = {0};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *text = vk_xml_attribute(address, names[i]);

		if (text)
			values[i] = g_ascii_strtoull(text, NULL, 0);
	}
	return g_strdup_printf("%04x:%02x:%02x.%x", (unsigned)values[0], (unsigned)values[1],
			       (unsigned)values[2], (unsigned)values[3]);
}

/* ---- disks ---- */

static void parse_backing(VkDomainDisk *disk, const xmlNode *node)
{
	const xmlNode *layer = vk_xml_child(node, "backingStore");

	for (; layer; layer = vk_xml_child(layer, "backingStore")) {
		g_autofree char *type = vk_xml_attribute(layer, "type");
		VkDomainImage *image = NULL;

		if (type)
			image = vk_image_parse(vk_xml_child(layer, "source"), type);
		if (!image) {
			disk->backing_known = !layer->children && !type;
			return;
		}
		image->format = vk_xml_attribute(vk_xml_child(layer, "format"), "type");
		g_ptr_array_add(disk->backing, image);
	}
}

static gboolean target_is_sane(const char *target)
{
	return strlen(target) <= TARGET_LENGTH_MAX &&
	       target[strspn(target, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_-:")] == '\0';
}

static VkDomainDisk *disk_parse(const xmlNode *node)
{
	VkDomainDisk *disk = g_new0(VkDomainDisk, 1);
	g_autofree char *type = vk_xml_attribute(node, "type");
	const xmlNode *target = vk_xml_child(node, "target");

	disk->target = vk_xml_attribute(target, "dev");
	disk->bus = vk_xml_attribute(target, "bus");
	disk->device = vk_xml_attribute(node, "device");
	if (!disk->device)
		disk->device = g_strdup("disk");
	disk->serial = vk_xml_text(vk_xml_child(node, "serial"));
	disk->readonly = vk_xml_child(node, "readonly") != NULL;
	disk->shareable = vk_xml_child(node, "shareable") != NULL;
	disk->transient = vk_xml_child(node, "transient") != NULL;
	disk->unknown = vk_disk_unknown_part(node);
	disk->backing = image_array_new();
	disk->image = vk_image_parse(vk_xml_child(node, "source"), type);
	disk->empty = !disk->image;
	if (disk->empty)
		return disk;
	disk->image->format = vk_xml_attribute(vk_xml_child(node, "driver"), "type");
	vk_image_parse_encryption(disk->image, vk_xml_child(node, "encryption"));
	parse_backing(disk, node);
	return disk;
}

static gboolean parse_disks(VkDomain *domain, const xmlNode *devices, GError **error)
{
	g_autoptr(GHashTable) targets = g_hash_table_new(g_str_hash, g_str_equal);
	const xmlNode *node = vk_xml_child(devices, "disk");

	for (; node; node = vk_xml_next(node, "disk")) {
		VkDomainDisk *disk = disk_parse(node);

		g_ptr_array_add(domain->disks, disk);
		if (!disk->target)
			return vk_fail(error, VK_ERROR_FAILED,
				       "the definition of guest '%s' has a disk without a target",
				       domain->name);
		if (!target_is_sane(disk->target))
			return vk_fail(error, VK_ERROR_FAILED,
				       "the definition of guest '%s' has a disk with the target "
				       "'%s', which no disk can have",
				       domain->name, disk->target);
		if (!g_hash_table_add(targets, disk->target))
			return vk_fail(error, VK_ERROR_FAILED,
				       "the definition of guest '%s' has two disks with the "
				       "target '%s'",
				       domain->name, disk->target);
	}
	return TRUE;
}

const VkDomainDisk *vk_domain_find_disk(const VkDomain *domain, const char *target)
{
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);

		if (g_str_equal(disk->target, target))
			return disk;
	}
	return NULL;
}

const char *vk_domain_disk_skip_reason(const VkDomainDisk *disk)
{
	if (g_str_equal(disk->device, "cdrom"))
		return disk->empty ? "CD-ROM drive, empty" : "CD-ROM";
	if (g_str_equal(disk->device, "floppy"))
		return disk->empty ? "floppy drive, empty" : "floppy";
	if (disk->empty)
		return "empty drive";
	if (g_str_equal(disk->device, "lun"))
		return "SCSI device given through";
	if (disk->readonly)
		return "read-only";
	if (disk->shareable)
		return "shared with other guests";
	if (disk->transient)
		return "transient: its changes end with the guest";
	if (g_str_equal(disk->image->type, "nvme"))
		return "NVMe device given through";
	if (g_str_equal(disk->image->type, "dir"))
		return "directory of the host";
	if (g_str_equal(disk->image->type, "vhostuser") ||
	    g_str_equal(disk->image->type, "vhostvdpa"))
		return "served by a vhost device, out of QEMU's reach";
	return NULL;
}

const char *vk_domain_foreign_reason(void)
{
	return "given to QEMU by <qemu:commandline>, out of libvirt's reach";
}

/* A static string of few. */
static const char *off_reason(const char *whose, const char *obstacle)
{
	g_autofree char *reason = g_strconcat(whose, obstacle, ", and the guest is off", NULL);

	return g_intern_string(reason);
}

gboolean vk_domain_disk_is_encrypted(const VkDomainDisk *disk)
{
	gboolean is = disk->image && disk->image->encrypted;

	for (guint i = 0; !is && i < disk->backing->len; i++)
		is = ((const VkDomainImage *)g_ptr_array_index(disk->backing, i))->encrypted;
	return is;
}

const char *vk_domain_disk_offline_reason(const VkDomainDisk *disk)
{
	const char *obstacle;

	if (!disk->image)
		return "empty drive";
	if (vk_domain_image_obstacle(disk->image))
		return off_reason("", vk_domain_image_obstacle(disk->image));
	for (guint i = 0; i < disk->backing->len; i++) {
		obstacle = vk_domain_image_obstacle(g_ptr_array_index(disk->backing, i));
		if (obstacle)
			return off_reason("its backing chain has an image that is ", obstacle);
	}
	return NULL;
}

/* ---- what is given through ---- */

static char *usb_label(const xmlNode *source)
{
	const xmlNode *address = vk_xml_child(source, "address");
	g_autofree char *vendor = vk_xml_attribute(vk_xml_child(source, "vendor"), "id");
	g_autofree char *product = vk_xml_attribute(vk_xml_child(source, "product"), "id");
	g_autofree char *bus = vk_xml_attribute(address, "bus");
	g_autofree char *device = vk_xml_attribute(address, "device");

	if (vendor && product)
		return g_strdup_printf("usb %s:%s",
				       vendor + (g_str_has_prefix(vendor, "0x") ? 2 : 0),
				       product + (g_str_has_prefix(product, "0x") ? 2 : 0));
	return g_strdup_printf("usb bus %s device %s", bus ? bus : "?", device ? device : "?");
}

static char *scsi_label(const xmlNode *source)
{
	const xmlNode *address = vk_xml_child(source, "address");
	g_autofree char *name = vk_xml_attribute(source, "name"); /* iSCSI */
	g_autofree char *adapter = vk_xml_attribute(vk_xml_child(source, "adapter"), "name");
	g_autofree char *bus = vk_xml_attribute(address, "bus");
	g_autofree char *target = vk_xml_attribute(address, "target");
	g_autofree char *unit = vk_xml_attribute(address, "unit");

	if (name)
		return g_strdup_printf("scsi %s", name);
	return g_strdup_printf("scsi %s:%s:%s:%s", adapter ? adapter : "?", bus ? bus : "?",
			       target ? target : "?", unit ? unit : "?");
}

char *vk_hostdev_label(const xmlNode *node)
{
	const xmlNode *source = vk_xml_child(node, "source");
	g_autofree char *type = vk_xml_attribute(node, "type");
	g_autofree char *uuid = vk_xml_attribute(vk_xml_child(source, "address"), "uuid");
	g_autofree char *wwpn = vk_xml_attribute(source, "wwpn");

	if (!type)
		return g_strdup("host device");
	if (g_str_equal(type, "pci")) {
		g_autofree char *address = vk_pci_address(vk_xml_child(source, "address"));

		return g_strdup_printf("pci %s", address);
	}
	if (g_str_equal(type, "usb"))
		return usb_label(source);
	if (g_str_equal(type, "scsi"))
		return scsi_label(source);
	if (uuid || wwpn)
		return g_strdup_printf("%s %s", type, uuid ? uuid : wwpn);
	g_autofree char *text = vk_xml_text(source); /* <block>, <char> or <interface> of LXC */
	return g_strdup_printf("%s %s", type, text ? g_strstrip(text) : "");
}

static void add_labelled(VkDomain *domain, const char *kind, const xmlNode *node,
			 const char *attribute)
{
	g_autofree char *text = attribute ? vk_xml_attribute(node, attribute) : vk_xml_text(node);

	g_ptr_array_add(domain->passthrough,
			text ? g_strdup_printf("%s %s", kind, text) : g_strdup(kind));
}

static void parse_passthrough(VkDomain *domain, const xmlNode *devices)
{
	const xmlNode *node;

	for (node = vk_xml_child(devices, "hostdev"); node; node = vk_xml_next(node, "hostdev"))
		g_ptr_array_add(domain->passthrough, vk_hostdev_label(node));
	node = vk_xml_child(devices, "interface");
	for (; node; node = vk_xml_next(node, "interface"))
		if (vk_xml_attribute_is(node, "type", "hostdev")) {
			g_autofree char *address =
				vk_pci_address(vk_xml_find(node, "source/address"));

			g_ptr_array_add(domain->passthrough,
					g_strdup_printf("network pci %s", address));
		}
	node = vk_xml_child(devices, "filesystem");
	for (; node; node = vk_xml_next(node, "filesystem")) {
		const xmlNode *source = vk_xml_child(node, "source");
		gboolean is_served = source && xmlHasProp(source, (const xmlChar *)"socket");

		add_labelled(domain, "directory", source, is_served ? "socket" : "dir");
	}
	node = vk_xml_child(devices, "memory");
	for (; node; node = vk_xml_next(node, "memory")) {
		const xmlNode *path = vk_xml_find(node, "source/path");

		if (path)
			add_labelled(domain, "memory", path, NULL);
	}
	node = vk_xml_find(devices, "tpm/backend");
	if (vk_xml_attribute_is(node, "type", "passthrough"))
		add_labelled(domain, "tpm", vk_xml_child(node, "device"), "path");
}

/* ---- the domain ---- */

static void parse_boot(VkDomain *domain, const xmlNode *os)
{
	static const char *const elements[] = {"kernel", "initrd", "dtb"};

	for (gsize i = 0; i < G_N_ELEMENTS(elements); i++) {
		VkDomainBoot boot = {elements[i], vk_xml_text(vk_xml_child(os, elements[i]))};

		if (boot.path)
			g_array_append_val(domain->boot, boot);
	}
}

static void parse_firmware(VkDomain *domain, const xmlNode *root)
{
	const xmlNode *nvram = vk_xml_find(root, "os/nvram");
	const xmlNode *source = vk_xml_child(nvram, "source");
	const xmlNode *tpm = vk_xml_find(root, "devices/tpm/backend");

	if (source) {
		domain->nvram = vk_xml_attribute(source, "file");
		if (!domain->nvram)
			domain->nvram = vk_xml_attribute(source, "dev");
	} else {
		domain->nvram = vk_xml_text(nvram);
	}
	domain->has_emulated_tpm = vk_xml_attribute_is(tpm, "type", "emulator");
	if (!domain->has_emulated_tpm)
		return;
	domain->tpm_version = vk_xml_attribute(tpm, "version");
	if (!domain->tpm_version)
		domain->tpm_version = g_strdup("2.0");
}

static void parse_devices(VkDomain *domain, const xmlNode *devices)
{
	const xmlNode *node = vk_xml_child(devices, "channel");

	for (; node; node = vk_xml_next(node, "channel")) {
		const xmlNode *target = vk_xml_child(node, "target");

		if (!vk_xml_attribute_is(target, "name", "org.qemu.guest_agent.0"))
			continue;
		domain->has_agent_channel = TRUE;
		domain->agent_connected = vk_xml_attribute_is(target, "state", "connected");
	}
	node = vk_xml_child(devices, "interface");
	for (; node; node = vk_xml_next(node, "interface")) {
		char *address = vk_xml_attribute(vk_xml_child(node, "mac"), "address");

		if (address)
			g_ptr_array_add(domain->interfaces, address);
	}
	parse_passthrough(domain, devices);
}

/* The usual form of a UUID; NULL when TEXT is none. libvirt takes dashes anywhere, or nowhere. */
static char *canonical_uuid(const char *text)
{
	GString *uuid = g_string_new(NULL);

	for (; *text && uuid->len <= 36; text++) {
		if (*text == '-' || g_ascii_isspace(*text))
			continue;
		if (uuid->len == 8 || uuid->len == 13 || uuid->len == 18 || uuid->len == 23)
			g_string_append_c(uuid, '-');
		g_string_append_c(uuid, g_ascii_tolower(*text));
	}
	if (g_uuid_string_is_valid(uuid->str))
		return g_string_free(uuid, FALSE);
	g_string_free(uuid, TRUE);
	return NULL;
}

static gboolean parse_identity(VkDomain *domain, const xmlNode *root, GError **error)
{
	g_autofree char *uuid = vk_xml_text(vk_xml_child(root, "uuid"));

	domain->name = vk_xml_text(vk_xml_child(root, "name"));
	if (!domain->name)
		return vk_fail(error, VK_ERROR_FAILED, "the definition of a guest has no name");
	if (strpbrk(domain->name, "/\n"))
		return vk_fail(error, VK_ERROR_FAILED,
			       "the definition of a guest has the name '%s', which no guest can "
			       "have: a slash or a line break is in it",
			       domain->name);
	domain->uuid = uuid ? canonical_uuid(uuid) : NULL;
	if (!domain->uuid)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the definition of guest '%s' has no valid uuid", domain->name);
	return TRUE;
}

VkDomain *vk_domain_parse(const char *xml, GError **error)
{
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, "domain", "the definition of a guest", error);

	if (!doc)
		return NULL;
	const xmlNode *root = xmlDocGetRootElement(doc);
	const xmlNode *devices = vk_xml_child(root, "devices");

	if (vk_xml_next(devices, "devices")) {
		vk_fail(error, VK_ERROR_FAILED, "the definition of a guest lists devices twice");
		return NULL;
	}
	g_autoptr(VkDomain) domain = g_new0(VkDomain, 1);
	domain->disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_free);
	domain->passthrough = g_ptr_array_new_with_free_func(g_free);
	domain->foreign = g_ptr_array_new_with_free_func(g_free);
	domain->boot = g_array_new(FALSE, FALSE, sizeof(VkDomainBoot));
	g_array_set_clear_func(domain->boot, boot_clear);
	domain->interfaces = g_ptr_array_new_with_free_func(g_free);
	if (!parse_identity(domain, root, error) || !parse_disks(domain, devices, error))
		return NULL;
	parse_boot(domain, vk_xml_child(root, "os"));
	parse_firmware(domain, root);
	parse_devices(domain, devices);
	vk_commandline_find_disks(root, domain->foreign);
	return g_steal_pointer(&domain);
}
