/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rewriting of domain XML, one change at a time. */
#include "domain-bed.h"
#include "domain.h"
#include "errors.h"

#include <string.h>

#define NEW_UUID "99999999-8888-4777-8666-555555555555"

/* The chain of vda, without the numbers of its layers, and the end of that of vdb. */
#define CHAIN                                                                                 \
	"+ /devices/disk/backingStore/backingStore/backingStore/backingStore=\n"              \
	"+ /devices/disk/backingStore/backingStore/backingStore/format=\n"                    \
	"+ /devices/disk/backingStore/backingStore/backingStore/format@type=raw\n"            \
	"+ /devices/disk/backingStore/backingStore/backingStore/source=\n"                    \
	"+ /devices/disk/backingStore/backingStore/backingStore/source@dev=/dev/vg0/golden\n" \
	"+ /devices/disk/backingStore/backingStore/backingStore@type=block\n"                 \
	"+ /devices/disk/backingStore/backingStore/format=\n"                                 \
	"+ /devices/disk/backingStore/backingStore/format@type=qcow2\n"                       \
	"+ /devices/disk/backingStore/backingStore/source=\n"                                 \
	"+ /devices/disk/backingStore/backingStore/source@file=/var/lib/libvirt/images/"      \
	"web01.qcow2\n"                                                                       \
	"+ /devices/disk/backingStore/backingStore@type=file\n"                               \
	"+ /devices/disk/backingStore/format=\n"                                              \
	"+ /devices/disk/backingStore/format@type=qcow2\n"                                    \
	"+ /devices/disk/backingStore/source=\n"                                              \
	"+ /devices/disk/backingStore/source@file=/var/lib/libvirt/images/web01.snap1\n"      \
	"+ /devices/disk/backingStore=\n"                                                     \
	"+ /devices/disk/backingStore@type=file\n"

START_TEST(a_live_definition_becomes_the_inactive_one)
{
	g_autofree char *live = load("linux-live.xml");
	g_autofree char *inactive = load("linux-q35.xml");
	VkDomainChanges nothing = {0};
	g_autofree char *text = rewrite(live, &nothing);
	g_autofree char *found = difference(inactive, text);

	/* What libvirt itself ignores on the way back in, and what changed while it ran. */
	ck_assert_str_eq(found, "+ /devices/channel/source=\n"
				"+ /devices/channel/source@mode=bind\n"
				"+ "
				"/devices/channel/source@path=/var/lib/libvirt/qemu/channel/target/"
				"domain-3-web01/org.qemu.guest_agent.0\n"
				"+ /devices/disk/alias=\n"
				"+ /devices/disk/alias@name=ua-datadisk\n" CHAIN
				"- /devices/disk/source@file=/var/lib/libvirt/images/web01.qcow2\n"
				"+ /devices/disk/source@file=/var/lib/libvirt/images/web01.snap2\n"
				"+ /devices/graphics/listen@address=127.0.0.1\n"
				"+ /devices/graphics@listen=127.0.0.1\n"
				"- /devices/graphics@port=-1\n"
				"+ /devices/graphics@port=5900\n"
				"+ /devices/interface/source@bridge=virbr0\n"
				"+ /devices/interface/target=\n"
				"+ /devices/interface/target@dev=vnet4\n"
				"+ /resource/partition=/machine\n");
}
END_TEST

START_TEST(changes_identity)
{
	VkDomainChanges changes = {
		.name = "it's <new> & \"odd\"", .uuid = NEW_UUID, .new_macs = TRUE};

	assert_difference("linux-q35.xml", &changes,
			  "- /devices/interface/mac=\n"
			  "- /devices/interface/mac=\n"
			  "- /devices/interface/mac@address=52:54:00:1a:2b:3c\n"
			  "- /devices/interface/mac@address=52:54:00:1a:2b:3d\n"
			  "- /devices/interface/target=\n"
			  "- /devices/interface/target@dev=tap-web01\n"
			  "- "
			  "/devices/interface/virtualport/"
			  "parameters@interfaceid=6c1f0d3e-52b1-4b6e-9d5e-0e6f2c9a7b11\n"
			  "- /devices/vsock/cid@address=42\n"
			  "- /devices/vsock/cid@auto=no\n"
			  "+ /devices/vsock/cid@auto=yes\n"
			  "+ /name=it's <new> & \"odd\"\n"
			  "- /name=web01\n"
			  "- /sysinfo/system/entry=3f1c3a8e-7d59-4a3f-9a4b-2c1d5e6f7a80\n"
			  "+ /sysinfo/system/entry=" NEW_UUID "\n"
			  "- /uuid=3f1c3a8e-7d59-4a3f-9a4b-2c1d5e6f7a80\n"
			  "+ /uuid=" NEW_UUID "\n");
}
END_TEST

START_TEST(the_same_identity_is_no_clone)
{
	VkDomainChanges changes = {.name = "web01", .uuid = "3F1C3A8E-7d59-4a3f-9a4b-2c1d5e6f7a80"};
	g_autofree char *before = load("linux-q35.xml");
	g_autofree char *after = rewrite(before, &changes);

	ck_assert_ptr_nonnull(strstr(after, "<cid auto=\"no\" address=\"42\"/>"));
}
END_TEST

START_TEST(changes_firmware)
{
	VkDomainChanges changes = {.nvram = "/new/vars & more.fd", .new_generation_id = TRUE};
	g_autofree char *before = load("windows-uefi-tpm.xml");
	g_autofree char *after = rewrite(before, &changes);
	g_autofree char *again = rewrite(before, &changes);
	g_autofree char *found = difference(before, after);
	g_autofree char *randomness = difference(after, again);
	g_auto(GStrv) lines = g_strsplit(found, "\n", -1);

	ck_assert_uint_eq(g_strv_length(lines), 5);
	ck_assert(g_str_has_prefix(lines[0], "- /genid=") ||
		  g_str_has_prefix(lines[0], "+ /genid="));
	ck_assert_ptr_nonnull(strstr(found, "- /genid=43dc0cf8-809b-4adb-9bea-a9abb5f3d90e\n"));
	ck_assert_ptr_nonnull(strstr(found, "+ /os/nvram=/new/vars & more.fd\n"));
	ck_assert_ptr_nonnull(strstr(found, "- /os/nvram=/var/lib/libvirt/qemu/nvram/"));
	ck_assert_ptr_nonnull(strstr(after, "template=\"/usr/share/OVMF/OVMF_VARS_4M.ms.fd\""));
	ck_assert_str_ne(randomness, "");
}
END_TEST

START_TEST(a_clone_gets_an_automatic_port)
{
	VkDomainChanges changes = {.uuid = NEW_UUID};

	assert_difference("windows-uefi-tpm.xml", &changes,
			  "- /devices/graphics@autoport=no\n"
			  "+ /devices/graphics@autoport=yes\n"
			  "- /devices/graphics@port=5931\n"
			  "+ /uuid=" NEW_UUID "\n"
			  "- /uuid=a1b2c3d4-0001-4002-8003-00000000beef\n");
}
END_TEST

START_TEST(renames_sockets_and_logs)
{
	VkDomainChanges changes = {.name = "next"};

	assert_difference("consoles.xml", &changes,
			  "+ /devices/console/log@file=/var/log/consoles/next.log\n"
			  "- /devices/console/log@file=/var/log/consoles/term.log\n"
			  "+ /devices/console/source@path=/run/consoles/next.sock\n"
			  "- /devices/console/source@path=/run/consoles/term.sock\n"
			  "- /devices/graphics/listen@socket=/run/consoles/vnc.sock\n"
			  "+ /devices/graphics/listen@socket=/run/consoles/vnc.sock.next\n"
			  "- /devices/graphics@socket=/run/consoles/vnc.sock\n"
			  "+ /devices/graphics@socket=/run/consoles/vnc.sock.next\n"
			  "+ /devices/serial/log@file=/var/log/consoles/next.log\n"
			  "- /devices/serial/log@file=/var/log/consoles/term.log\n"
			  "+ /devices/serial/source@path=/run/consoles/next.sock\n"
			  "- /devices/serial/source@path=/run/consoles/second.sock\n"
			  "+ /devices/serial/source@path=/run/consoles/second.sock.next\n"
			  "- /devices/serial/source@path=/run/consoles/term.sock\n"
			  "+ /devices/serial/source@path=/var/log/consoles/out-next.txt\n"
			  "- /devices/serial/source@path=/var/log/consoles/out-term.txt\n"
			  "+ /name=next\n"
			  "- /name=term\n");
}
END_TEST

/* Moves one disk of NAME and compares. */
static void assert_move(const char *name, VkDomainNewDisk place, const char *expected)
{
	g_autoptr(GArray) disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk));
	VkDomainChanges changes = {.disks = disks};

	g_array_append_val(disks, place);
	assert_difference(name, &changes, expected);
}

START_TEST(moves_disks)
{
	assert_move("linux-q35.xml", (VkDomainNewDisk){"vda", "file", "/new place/a&b.raw", "raw"},
		    "- /devices/disk/driver@type=qcow2\n"
		    "+ /devices/disk/driver@type=raw\n"
		    "+ /devices/disk/source@file=/new place/a&b.raw\n"
		    "- /devices/disk/source@file=/var/lib/libvirt/images/web01.qcow2\n");
	assert_move("lvm-block.xml", (VkDomainNewDisk){"sda", "file", "/n.qcow2", "qcow2"},
		    "+ /devices/disk/driver@type=qcow2\n"
		    "- /devices/disk/driver@type=raw\n"
		    "- /devices/disk/source@dev=/dev/vg0/erp-data\n"
		    "+ /devices/disk/source@file=/n.qcow2\n"
		    "- /devices/disk@type=block\n"
		    "+ /devices/disk@type=file\n");
	assert_move("nfs-pool-volume.xml", (VkDomainNewDisk){"vdb", "block", "/dev/vg1/n", "raw"},
		    "- /devices/disk/driver@type=qcow2\n"
		    "+ /devices/disk/driver@type=raw\n"
		    "+ /devices/disk/source@dev=/dev/vg1/n\n"
		    "- /devices/disk/source@pool=default\n"
		    "- /devices/disk/source@volume=files-data.qcow2\n"
		    "+ /devices/disk@type=block\n"
		    "- /devices/disk@type=volume\n");
}
END_TEST

START_TEST(moves_disks_away_from_their_secrets)
{
	assert_move(
		"ceph-rbd.xml", (VkDomainNewDisk){"vdb", "file", "/n.raw", "raw"},
		"- /devices/disk/auth/secret=\n"
		"- /devices/disk/auth/secret@type=ceph\n"
		"- /devices/disk/auth/secret@uuid=b2b1b1a6-1f9f-4b0a-9f2c-2f3b1f7f6c55\n"
		"- /devices/disk/auth@username=libvirt\n"
		"- /devices/disk/source/encryption/secret=\n"
		"- /devices/disk/source/encryption/secret@type=passphrase\n"
		"- "
		"/devices/disk/source/encryption/secret@uuid=f52a81b2-424e-490c-823d-6bd4235bc572\n"
		"- /devices/disk/source/encryption@engine=qemu\n"
		"- /devices/disk/source/encryption@format=luks\n"
		"- /devices/disk/source/host=\n"
		"- /devices/disk/source/host@name=mon1.example.net\n"
		"- /devices/disk/source/host@port=6789\n"
		"+ /devices/disk/source=\n"
		"+ /devices/disk/source@file=/n.raw\n"
		"- /devices/disk/source@name=vms/db-ceph-data\n"
		"- /devices/disk/source@protocol=rbd\n"
		"+ /devices/disk@type=file\n"
		"- /devices/disk@type=network\n");
	assert_move("multipath.xml", (VkDomainNewDisk){"sdb", "file", "/n.raw", "raw"},
		    "- /devices/disk/source/seclabel=\n"
		    "- /devices/disk/source/seclabel@model=dac\n"
		    "- /devices/disk/source/seclabel@relabel=no\n"
		    "+ /devices/disk/source=\n"
		    "- /devices/disk/source@dev=/dev/mapper/mpathb\n"
		    "+ /devices/disk/source@file=/n.raw\n"
		    "- /devices/disk@type=block\n"
		    "+ /devices/disk@type=file\n");
}
END_TEST

START_TEST(ejects_and_drops)
{
	g_autoptr(GPtrArray) eject = g_ptr_array_new();
	g_autoptr(GPtrArray) drop = g_ptr_array_new();
	VkDomainChanges changes = {.eject = eject, .drop = drop};
	g_autofree char *before = load("drives.xml");
	static const char *const drives[] = {"hdb", "hdc", "hdd", "fda", "fdb"};

	for (gsize i = 0; i < G_N_ELEMENTS(drives); i++)
		g_ptr_array_add(eject, (void *)(gintptr)drives[i]);
	g_ptr_array_add(drop, (void *)(gintptr) "hda");
	g_autofree char *after = rewrite(before, &changes);
	g_autoptr(VkDomain) domain = vk_domain_parse(after, NULL);
	ck_assert_uint_eq(domain->disks->len, G_N_ELEMENTS(drives));
	for (gsize i = 0; i < G_N_ELEMENTS(drives); i++)
		ck_assert(vk_domain_find_disk(domain, drives[i])->empty);
	ck_assert_ptr_null(strstr(after, "startupPolicy"));
	ck_assert_ptr_null(strstr(after, "drives.raw"));
}
END_TEST

/* ---- what cannot be done ---- */

static void assert_refused(const VkDomainChanges *changes, VkErrorCode code, const char *words)
{
	g_autofree char *xml = load("linux-q35.xml");
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_domain_rewrite(xml, changes, &error));
	ck_assert_msg(g_error_matches(error, VK_ERROR, (int)code), "%s", error->message);
	ck_assert_msg(strstr(error->message, words), "%s", error->message);
}

START_TEST(refuses_what_cannot_be)
{
	g_autoptr(GArray) disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk));
	g_autoptr(GPtrArray) targets = g_ptr_array_new();
	VkDomainNewDisk place = {"vdx", "file", "/n.raw", "raw"};

	g_array_append_val(disks, place);
	assert_refused(&(VkDomainChanges){.disks = disks}, VK_ERROR_NOT_FOUND, "no disk 'vdx'");
	g_ptr_array_add(targets, (void *)(gintptr) "vdb");
	assert_refused(&(VkDomainChanges){.eject = targets}, VK_ERROR_USAGE, "not removable");
	assert_refused(&(VkDomainChanges){.nvram = "/n.fd"}, VK_ERROR_USAGE, "no UEFI");
	assert_refused(&(VkDomainChanges){.name = "a/b"}, VK_ERROR_USAGE, "'a/b'");
	assert_refused(&(VkDomainChanges){.name = ""}, VK_ERROR_USAGE, "name");
	assert_refused(&(VkDomainChanges){.name = "a\x01"}, VK_ERROR_USAGE, "cannot be used");
	assert_refused(&(VkDomainChanges){.name = "a\xff"}, VK_ERROR_USAGE, "cannot be used");
	assert_refused(&(VkDomainChanges){.uuid = "nonsense"}, VK_ERROR_USAGE, "uuid");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, a_live_definition_becomes_the_inactive_one);
	tcase_add_test(tests, changes_identity);
	tcase_add_test(tests, the_same_identity_is_no_clone);
	tcase_add_test(tests, changes_firmware);
	tcase_add_test(tests, a_clone_gets_an_automatic_port);
	tcase_add_test(tests, renames_sockets_and_logs);
	tcase_add_test(tests, moves_disks);
	tcase_add_test(tests, moves_disks_away_from_their_secrets);
	tcase_add_test(tests, ejects_and_drops);
	tcase_add_test(tests, refuses_what_cannot_be);
}

int main(void)
{
	return run_domain_tests("domain-rewrite", add_tests);
}
