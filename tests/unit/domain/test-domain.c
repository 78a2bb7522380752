/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML as libvirt prints it, and what is none. */
#include "domain-bed.h"
#include "domain.h"
#include "errors.h"
#include "xml-text.h"

#include <string.h>

static VkDomain *parse(const char *name)
{
	g_autofree char *xml = load(name);
	g_autoptr(GError) error = NULL;
	VkDomain *domain = vk_domain_parse(xml, &error);

	g_assert_no_error(error);
	return domain;
}

/* "TARGET BUS DEVICE TYPE FORMAT LABEL: REASON" a line for each disk. */
static char *describe_disks(const VkDomain *domain)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		const VkDomainImage *image = disk->image;
		const char *reason = vk_domain_disk_skip_reason(disk);
		g_autofree char *label = image ? vk_domain_image_label(image) : NULL;

		ck_assert(disk->empty == !image);
		g_string_append_printf(text, "%s %s %s %s %s %s: %s\n", disk->target, disk->bus,
				       disk->device, image ? image->type : "-",
				       image && image->format ? image->format : "-",
				       label ? label : "-", reason ? reason : "saved");
	}
	return g_string_free(text, FALSE);
}

static void assert_disks(const VkDomain *domain, const char *expected)
{
	g_autofree char *found = describe_disks(domain);

	ck_assert_str_eq(found, expected);
}

static void assert_list(const GPtrArray *list, const char *expected)
{
	g_autoptr(GString) found = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++)
		g_string_append_printf(found, "%s\n", (char *)g_ptr_array_index(list, i));
	ck_assert_str_eq(found->str, expected);
}

START_TEST(parses_linux)
{
	g_autoptr(VkDomain) domain = parse("linux-q35.xml");

	ck_assert_str_eq(domain->name, "web01");
	ck_assert_str_eq(domain->uuid, "3f1c3a8e-7d59-4a3f-9a4b-2c1d5e6f7a80");
	assert_disks(domain,
		     "vda virtio disk file qcow2 /var/lib/libvirt/images/web01.qcow2: saved\n"
		     "vdb virtio disk file raw /var/lib/libvirt/images/web01-data.raw: saved\n"
		     "sda sata cdrom - - -: CD-ROM drive, empty\n");
	assert_list(domain->interfaces, "52:54:00:1a:2b:3c\n52:54:00:1a:2b:3d\n");
	assert_list(domain->passthrough, "");
	ck_assert_str_eq(vk_domain_find_disk(domain, "vda")->serial, "WEB01ROOT");
	ck_assert_ptr_null(vk_domain_find_disk(domain, "vdb")->serial);
	ck_assert_ptr_null(vk_domain_find_disk(domain, "vdc"));
	ck_assert(!vk_domain_find_disk(domain, "vda")->backing_known);
	ck_assert_ptr_null(domain->nvram);
	ck_assert(!domain->has_emulated_tpm && !domain->tpm_version);
	ck_assert(domain->has_agent_channel && !domain->agent_connected);
}
END_TEST

START_TEST(parses_a_live_backing_chain)
{
	static const char *const chain[] = {
		"file qcow2 /var/lib/libvirt/images/web01.snap1",
		"file qcow2 /var/lib/libvirt/images/web01.qcow2",
		"block raw /dev/vg0/golden",
	};
	g_autoptr(VkDomain) domain = parse("linux-live.xml");
	const VkDomainDisk *disk = vk_domain_find_disk(domain, "vda");

	ck_assert(domain->agent_connected);
	ck_assert_str_eq(disk->image->path, "/var/lib/libvirt/images/web01.snap2");
	ck_assert(disk->backing_known);
	ck_assert_uint_eq(disk->backing->len, G_N_ELEMENTS(chain));
	for (guint i = 0; i < G_N_ELEMENTS(chain); i++) {
		const VkDomainImage *image = g_ptr_array_index(disk->backing, i);
		g_autofree char *found =
			g_strdup_printf("%s %s %s", image->type, image->format, image->path);

		ck_assert_str_eq(found, chain[i]);
	}
	disk = vk_domain_find_disk(domain, "vdb");
	ck_assert(disk->backing_known);
	ck_assert_uint_eq(disk->backing->len, 0);
	ck_assert_str_eq(disk->image->path, "/var/lib/libvirt/images/web01-data.raw");
}
END_TEST

START_TEST(parses_windows)
{
	g_autoptr(VkDomain) domain = parse("windows-uefi-tpm.xml");

	assert_disks(domain, "sda sata disk file qcow2 /srv/vm/win2022/C.qcow2: saved\n"
			     "sdc sata cdrom file raw /srv/iso/virtio-win.iso: CD-ROM\n"
			     "sdb scsi disk file raw /srv/vm/win2022/D.raw: saved\n");
	ck_assert_str_eq(domain->nvram, "/var/lib/libvirt/qemu/nvram/win2022_VARS.fd");
	ck_assert(domain->has_emulated_tpm);
	ck_assert_str_eq(domain->tpm_version, "2.0");
	assert_list(domain->passthrough, "");
}
END_TEST

START_TEST(parses_network_storage)
{
	g_autoptr(VkDomain) ceph = parse("ceph-rbd.xml");
	g_autoptr(VkDomain) iscsi = parse("iscsi-network.xml");
	const VkDomainDisk *root = vk_domain_find_disk(ceph, "vda");
	const VkDomainDisk *data = vk_domain_find_disk(ceph, "vdb");

	assert_disks(ceph, "vda virtio disk network raw rbd:vms/db-ceph-root: saved\n"
			   "vdb virtio disk network raw rbd:vms/db-ceph-data: saved\n");
	ck_assert_ptr_null(root->image->path);
	ck_assert_str_eq(root->image->protocol, "rbd");
	ck_assert_str_eq(root->image->name, "vms/db-ceph-root");
	ck_assert_str_eq(root->image->host, "mon1.example.net:6789");
	ck_assert(!root->image->encrypted && data->image->encrypted);
	ck_assert_ptr_nonnull(vk_domain_disk_offline_reason(root));
	assert_disks(iscsi, "vda virtio disk network raw "
			    "iscsi:iqn.2013-07.com.example:iscsi-pool/1: saved\n");
}
END_TEST

START_TEST(parses_local_storage)
{
	g_autoptr(VkDomain) lvm = parse("lvm-block.xml");
	g_autoptr(VkDomain) multipath = parse("multipath.xml");
	g_autoptr(VkDomain) pool = parse("nfs-pool-volume.xml");
	g_autoptr(VkDomain) slice = parse("consoles.xml");
	const VkDomainDisk *volume = vk_domain_find_disk(pool, "vdb");
	const VkDomainDisk *sliced = vk_domain_find_disk(slice, "vda");

	assert_disks(lvm, "vda virtio disk block raw /dev/vg0/erp-root: saved\n"
			  "sda scsi disk block raw /dev/vg0/erp-data: saved\n");
	assert_disks(multipath, "sda scsi disk block raw "
				"/dev/mapper/3600a098038304437415d4b6a59676d51: saved\n"
				"sdb scsi disk block raw /dev/mapper/mpathb: saved\n"
				"sdc scsi lun block raw /dev/mapper/mpathc: "
				"SCSI device passed through\n");
	assert_disks(pool, "vda virtio disk file qcow2 /mnt/filer/vm store/files.qcow2: saved\n"
			   "vdb virtio disk volume qcow2 default/files-data.qcow2: saved\n");
	ck_assert_str_eq(volume->image->pool, "default");
	ck_assert_str_eq(volume->image->volume, "files-data.qcow2");
	ck_assert_ptr_null(volume->image->path);
	ck_assert_ptr_null(vk_domain_disk_offline_reason(volume));
	ck_assert_ptr_null(vk_domain_disk_offline_reason(vk_domain_find_disk(lvm, "vda")));
	ck_assert(sliced->image->sliced);
	ck_assert_ptr_nonnull(vk_domain_disk_offline_reason(sliced));
}
END_TEST

START_TEST(skips_what_cannot_be_saved)
{
	g_autoptr(VkDomain) drives = parse("drives.xml");
	g_autoptr(VkDomain) shared = parse("shared-readonly.xml");
	g_autoptr(VkDomain) vhost = parse("vhostuser.xml");

	assert_disks(drives, "hda ide disk file raw /srv/vm/drives.raw: saved\n"
			     "hdb ide cdrom file raw /srv/iso/debian-12.iso: CD-ROM\n"
			     "hdc ide cdrom - - -: CD-ROM drive, empty\n"
			     "hdd ide cdrom network raw https:pub/install.iso: CD-ROM\n"
			     "fda fdc floppy file raw /srv/floppy/drivers.img: floppy\n"
			     "fdb fdc floppy - - -: floppy drive, empty\n");
	assert_disks(shared, "vda virtio disk file qcow2 /srv/vm/cluster-a.qcow2: saved\n"
			     "vdb virtio disk block raw /dev/vg0/quorum: "
			     "shared with other guests\n"
			     "vdc virtio disk file raw /srv/vm/reference.raw: read-only\n"
			     "vdd virtio disk file qcow2 /srv/vm/scratch.qcow2: "
			     "transient: its changes end with the guest\n");
	assert_disks(vhost, "vda virtio disk file raw /srv/vm/spdk.raw: saved\n"
			    "vdb virtio disk vhostuser raw vhostuser:/var/run/spdk/vhost.0: "
			    "served by a vhost device, out of QEMU's reach\n");
}
END_TEST

START_TEST(lists_what_is_given_through)
{
	g_autoptr(VkDomain) domain = parse("passthrough.xml");
	g_autoptr(VkDomain) nvdimm = parse("consoles.xml");

	assert_disks(domain, "vda virtio disk file qcow2 /srv/vm/gpu.qcow2: saved\n"
			     "vdb virtio disk nvme raw nvme:0000:05:00.0: "
			     "NVMe device passed through\n"
			     "sda scsi lun block raw /dev/sdx: SCSI device passed through\n");
	assert_list(domain->passthrough, "pci 0000:01:00.0\n"
					 "usb 046d:c52b\n"
					 "usb bus 1 device 4\n"
					 "scsi scsi_host0:0:3:1\n"
					 "mdev c2177883-f1bb-47f0-914d-32a22e3a8804\n"
					 "network pci 0000:81:10.2\n"
					 "directory /srv/export\n"
					 "tpm /dev/tpm0\n");
	assert_list(nvdimm->passthrough, "memory /srv/nvdimm/term\n");
	ck_assert(!domain->has_emulated_tpm);
}
END_TEST

START_TEST(takes_odd_names)
{
	g_autoptr(VkDomain) odd = parse("odd-name.xml");
	g_autoptr(VkDomain) longest = parse("long-name.xml");

	ck_assert_str_eq(odd->name, "Müllers \"Büro\" & <Lager> '1'");
	assert_disks(odd, "vda virtio disk file qcow2 "
			  "/srv/vm/Müllers \"Büro\" & <Lager>.qcow2: saved\n");
	ck_assert_uint_eq(strlen(longest->name), 200);
}
END_TEST

START_TEST(takes_uuids_of_any_form)
{
	g_autoptr(VkDomain) domain = vk_domain_parse("<domain><name>a</name><uuid> "
						     "3F1C3A8E7D594A3F9A4B2C1D5E6F7A80 "
						     "</uuid></domain>",
						     NULL);

	ck_assert_ptr_nonnull(domain);
	ck_assert_str_eq(domain->uuid, "3f1c3a8e-7d59-4a3f-9a4b-2c1d5e6f7a80");
	ck_assert_uint_eq(domain->disks->len, 0);
}
END_TEST

/* File, and what its error must say. */
static const char *const broken[][2] = {
	{"truncated.xml", "not well-formed"},
	{"not-xml.xml", "not well-formed"},
	{"empty.xml", "not well-formed"},
	{"deep.xml", "depth"},
	{"not-a-domain.xml", "is not a <domain>"},
	{"no-uuid.xml", "'erp' has no valid uuid"},
	{"bad-uuid.xml", "'erp' has no valid uuid"},
	{"no-name.xml", "has no name"},
	{"slash-in-name.xml", "'../erp'"},
	{"no-target.xml", "a disk without a target"},
	{"odd-target.xml", "'../vda'"},
	{"duplicate-target.xml", "two disks with the target 'vda'"},
	{"two-device-lists.xml", "devices twice"},
	{"billion-laughs.xml", "document type"},
	{"external-entity.xml", "document type"},
	{"external-dtd.xml", "document type"},
};

START_TEST(refuses_what_is_broken)
{
	g_autofree char *name = g_build_filename("broken", broken[_i][0], NULL);
	g_autofree char *xml = load(name);
	g_autoptr(GError) error = NULL;
	VkDomainChanges nothing = {0};

	ck_assert_ptr_null(vk_domain_parse(xml, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_msg(strstr(error->message, broken[_i][1]), "%s: %s", name, error->message);
	g_clear_error(&error);
	ck_assert_ptr_null(vk_domain_rewrite(xml, &nothing, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
	g_autofree char *xml = load("linux-q35.xml");
	g_autofree char *pad = g_strnfill(16 << 20, ' ');
	g_autofree char *padded = g_strconcat(xml, pad, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_domain_parse(padded, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "too large"));
}
END_TEST

/* Cut anywhere, it is an error and never a domain. */
START_TEST(refuses_every_truncation)
{
	g_autofree char *xml = load("linux-live.xml");
	gsize end = (gsize)(strstr(xml, "</domain>") - xml) + strlen("</domain>");

	for (gsize length = 0; length < end; length += 7) {
		g_autofree char *part = g_strndup(xml, length);

		ck_assert_ptr_null(vk_domain_parse(part, NULL));
	}
}
END_TEST

static const char snapshot_xml[] =
	"<domainsnapshot><name>before</name><disks>"
	"<disk name='vda' snapshot='external'><source file='/images/a&amp;b.before'/></disk>"
	"<disk name='vdb' snapshot='internal'><source file='/images/b.qcow2'/></disk>"
	"<disk name='vdc' snapshot='external'><source file='/images/c.before'/></disk>"
	"<disk name='vdd' snapshot='no'/></disks></domainsnapshot>";

START_TEST(finds_texts_by_their_place)
{
	const char *files = "/domainsnapshot/disks/disk[@snapshot='external']/source/@file";
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *name = vk_xml_text_at(snapshot_xml, "/domainsnapshot/name");
	g_autoptr(GError) error = NULL;

	ck_assert_str_eq(name, "before");
	ck_assert_ptr_null(vk_xml_text_at(snapshot_xml, "/domainsnapshot/parent"));
	ck_assert_ptr_null(vk_xml_text_at("<domainsnapshot>", "/domainsnapshot"));
	ck_assert(vk_xml_add_texts(snapshot_xml, "domainsnapshot", files, found, NULL));
	ck_assert_uint_eq(found->len, 2);
	ck_assert_str_eq(g_ptr_array_index(found, 0), "/images/a&b.before");
	ck_assert_str_eq(g_ptr_array_index(found, 1), "/images/c.before");
	ck_assert(!vk_xml_add_texts("<domain/>", "domainsnapshot", files, found, &error));
	ck_assert_int_eq(error->code, VK_ERROR_FAILED);
	ck_assert_uint_eq(found->len, 2);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, parses_linux);
	tcase_add_test(tests, parses_a_live_backing_chain);
	tcase_add_test(tests, parses_windows);
	tcase_add_test(tests, parses_network_storage);
	tcase_add_test(tests, parses_local_storage);
	tcase_add_test(tests, skips_what_cannot_be_saved);
	tcase_add_test(tests, lists_what_is_given_through);
	tcase_add_test(tests, takes_odd_names);
	tcase_add_test(tests, takes_uuids_of_any_form);
	tcase_add_loop_test(tests, refuses_what_is_broken, 0, G_N_ELEMENTS(broken));
	tcase_add_test(tests, refuses_what_is_too_large);
	tcase_add_test(tests, refuses_every_truncation);
	tcase_add_test(tests, finds_texts_by_their_place);
}

int main(void)
{
	return run_domain_tests("domain", add_tests);
}
