/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rewriting of domain XML. What it changes is seen by comparing the two trees as multisets of
 * lines, one for each attribute and text, so that nothing is lost unnoticed.
 */
#include "domain-rewrite.h"
#include "domain.h"
#include "errors.h"

#include <check.h>
#include <libxml/parser.h>
#include <string.h>

#define NEW_NAME "restored-42"
#define NEW_UUID "99999999-8888-4777-8666-555555555555"

static const char *const corpus[] = {
	"arm-router.xml",
	"ceph-rbd.xml",
	"cloud-instance.xml",
	"consoles.xml",
	"direct-boot-virtiofs.xml",
	"drives.xml",
	"gpu-workstation.xml",
	"iscsi-network.xml",
	"linux-live.xml",
	"linux-q35.xml",
	"long-name.xml",
	"lvm-block.xml",
	"microvm-commandline.xml",
	"multipath.xml",
	"nfs-pool-volume.xml",
	"odd-name.xml",
	"passthrough.xml",
	"shared-readonly.xml",
	"slices.xml",
	"sources.xml",
	"vhostuser.xml",
	"windows-uefi-tpm.xml",
};

static char *load(const char *name)
{
	g_autofree char *path = g_build_filename(g_getenv("VK_TEST_DATA"), "domains", name, NULL);
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	g_file_get_contents(path, &text, NULL, &error);
	g_assert_no_error(error);
	return text;
}

static char *rewrite(const char *xml, const VkDomainChanges *changes)
{
	g_autoptr(GError) error = NULL;
	char *text = vk_domain_rewrite(xml, changes, &error);

	g_assert_no_error(error);
	return text;
}

/* ---- comparing ---- */

static void flatten_node(const xmlNode *node, const char *above, GPtrArray *lines)
{
	g_autofree char *path = g_strdup_printf("%s/%s", above, node->name);
	gboolean is_leaf = TRUE;

	for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
		xmlChar *value = xmlNodeGetContent((const xmlNode *)attribute);

		g_ptr_array_add(lines, g_strdup_printf("%s@%s=%s", path, attribute->name, value));
		xmlFree(value);
	}
	for (const xmlNode *child = node->children; child; child = child->next)
		if (child->type == XML_ELEMENT_NODE) {
			flatten_node(child, path, lines);
			is_leaf = FALSE;
		}
	if (is_leaf) {
		xmlChar *text = xmlNodeGetContent(node);

		g_ptr_array_add(lines, g_strdup_printf("%s=%s", path, text));
		xmlFree(text);
	}
}

static int compare_lines(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *flatten(const char *xml)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, 0);
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	ck_assert_ptr_nonnull(doc);
	for (const xmlNode *node = xmlDocGetRootElement(doc)->children; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE)
			flatten_node(node, "", lines);
	for (const xmlAttr *attribute = xmlDocGetRootElement(doc)->properties; attribute;
	     attribute = attribute->next)
		g_ptr_array_add(lines, g_strdup_printf("@%s", attribute->name));
	xmlFreeDoc(doc);
	g_ptr_array_sort(lines, compare_lines);
	return lines;
}

/* "- LINE" for what is only in BEFORE, "+ LINE" for what is only in AFTER. */
static char *difference(const char *before, const char *after)
{
	g_autoptr(GPtrArray) old = flatten(before);
	g_autoptr(GPtrArray) new = flatten(after);
	GString *text = g_string_new(NULL);
	guint i = 0, j = 0;

	while (i < old->len || j < new->len) {
		int order = i == old->len   ? 1
			    : j == new->len ? -1
					    : strcmp(old->pdata[i], new->pdata[j]);

		if (order < 0)
			g_string_append_printf(text, "- %s\n", (char *)old->pdata[i]);
		if (order > 0)
			g_string_append_printf(text, "+ %s\n", (char *)new->pdata[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return g_string_free(text, FALSE);
}

static void assert_difference(const char *name, const VkDomainChanges *changes,
			      const char *expected)
{
	g_autofree char *before = load(name);
	g_autofree char *after = rewrite(before, changes);
	g_autofree char *found = difference(before, after);

	ck_assert_str_eq(found, expected);
}

/* ---- a clone with all disks in new places ---- */

typedef struct Clone {
	VkDomainChanges changes;
	GPtrArray *paths;
} Clone;

static Clone *clone_new(const char *xml)
{
	g_autoptr(VkDomain) domain = vk_domain_parse(xml, NULL);
	Clone *clone = g_new0(Clone, 1);

	clone->paths = g_ptr_array_new_with_free_func(g_free);
	clone->changes = (VkDomainChanges){
		.name = NEW_NAME,
		.uuid = NEW_UUID,
		.nvram = domain->nvram ? "/restored/nvram.fd" : NULL,
		.new_macs = TRUE,
		.drop_channel_paths = TRUE,
		.drop_passthrough = TRUE,
		.disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk)),
		.eject = g_ptr_array_new_with_free_func(g_free),
		.drop = g_ptr_array_new_with_free_func(g_free),
	};
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		VkDomainNewDisk place = {.type = "file", .format = "raw"};

		if (g_str_equal(disk->device, "cdrom") || g_str_equal(disk->device, "floppy")) {
			g_ptr_array_add(clone->changes.eject, g_strdup(disk->target));
		} else if (vk_domain_disk_skip_reason(disk)) {
			g_ptr_array_add(clone->changes.drop, g_strdup(disk->target));
		} else {
			place.target = g_strdup(disk->target);
			place.path = g_strdup_printf("/restored/%s.raw", disk->target);
			g_ptr_array_add(clone->paths, g_strdup(place.path));
			g_array_append_val(clone->changes.disks, place);
		}
	}
	return clone;
}

static void clone_free(Clone *clone)
{
	for (guint i = 0; i < clone->changes.disks->len; i++) {
		VkDomainNewDisk *place = &g_array_index(clone->changes.disks, VkDomainNewDisk, i);

		g_free((void *)(gintptr)place->target);
		g_free((void *)(gintptr)place->path);
	}
	g_array_unref(clone->changes.disks);
	g_ptr_array_unref(clone->changes.eject);
	g_ptr_array_unref(clone->changes.drop);
	g_ptr_array_unref(clone->paths);
	g_free(clone);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clone, clone_free)

static void assert_absent(const GPtrArray *lines, const char *word)
{
	for (guint i = 0; i < lines->len; i++)
		ck_assert_msg(!strstr(lines->pdata[i], word), "'%s' is in '%s'", word,
			      (char *)lines->pdata[i]);
}

START_TEST(a_clone_shares_nothing)
{
	g_autofree char *xml = load(corpus[_i]);
	g_autoptr(VkDomain) original = vk_domain_parse(xml, NULL);
	g_autoptr(Clone) clone = clone_new(xml);
	g_autofree char *text = rewrite(xml, &clone->changes);
	g_autoptr(VkDomain) domain = vk_domain_parse(text, NULL);
	g_autoptr(GPtrArray) lines = flatten(text);

	ck_assert_str_eq(domain->name, NEW_NAME);
	ck_assert_str_eq(domain->uuid, NEW_UUID);
	assert_absent(lines, original->name);
	assert_absent(lines, original->uuid);
	for (guint i = 0; i < original->interfaces->len; i++)
		assert_absent(lines, g_ptr_array_index(original->interfaces, i));
	if (original->nvram)
		ck_assert_str_eq(domain->nvram, "/restored/nvram.fd");
	ck_assert_uint_eq(domain->passthrough->len, 0);
	ck_assert_uint_eq(domain->disks->len, original->disks->len - clone->changes.drop->len);
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);

		if (!disk->empty)
			ck_assert_msg(g_str_has_prefix(disk->image->path, "/restored/"), "%s",
				      disk->image->path);
	}
}
END_TEST

START_TEST(rewriting_is_idempotent)
{
	g_autofree char *xml = load(corpus[_i]);
	g_autoptr(Clone) clone = clone_new(xml);
	g_autofree char *once = rewrite(xml, &clone->changes);

	g_ptr_array_set_size(clone->changes.drop, 0);
	g_autofree char *twice = rewrite(once, &clone->changes);
	ck_assert_str_eq(once, twice);
}
END_TEST

/* The definition of a guest that is off has nothing that belongs to a run. */
START_TEST(no_changes_change_nothing)
{
	VkDomainChanges nothing = {0};

	if (!g_str_equal(corpus[_i], "linux-live.xml"))
		assert_difference(corpus[_i], &nothing, "");
}
END_TEST

/* ---- one change at a time ---- */

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

int main(void)
{
	Suite *suite = suite_create("domain-rewrite");
	TCase *tests = tcase_create("domain-rewrite");

	tcase_add_loop_test(tests, a_clone_shares_nothing, 0, G_N_ELEMENTS(corpus));
	tcase_add_loop_test(tests, rewriting_is_idempotent, 0, G_N_ELEMENTS(corpus));
	tcase_add_loop_test(tests, no_changes_change_nothing, 0, G_N_ELEMENTS(corpus));
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
	suite_add_tcase(suite, tests);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
