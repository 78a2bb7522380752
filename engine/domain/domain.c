/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain.h"

#include "domain-priv.h"
#include "errors.h"

#include <string.h>

#define TARGET_LENGTH_MAX 64

static void boot_clear(gpointer boot)
{
	g_free(((VkDomainBoot *)boot)->path);
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

static gboolean target_is_sane(const char *target)
{
	return strlen(target) <= TARGET_LENGTH_MAX &&
	       target[strspn(target, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_-:")] == '\0';
}

static gboolean parse_disks(VkDomain *domain, const xmlNode *devices, GError **error)
{
	g_autoptr(GHashTable) targets = g_hash_table_new(g_str_hash, g_str_equal);
	const xmlNode *node = vk_xml_child(devices, "disk");

	for (; node; node = vk_xml_next(node, "disk")) {
		VkDomainDisk *disk = vk_domain_disk_parse(node);

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

const char *vk_domain_foreign_reason(void)
{
	return "given to QEMU by <qemu:commandline>, out of libvirt's reach";
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
	vk_passthrough_find(devices, domain->passthrough);
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
	domain->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vk_domain_disk_free);
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
