/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a disk lies, rewritten: what is not touched is, byte for byte, what libvirt had before. The
 * judge is libvirt's own parser, by its test driver, which needs no daemon.
 */
#include "domain-bed.h"
#include "domain.h"
#include "errors.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

static virConnectPtr connection;

static GPtrArray *list_corpus(void)
{
	g_autofree char *path = g_build_filename(g_getenv("VK_TEST_DATA"), "domains", NULL);
	g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	ck_assert_ptr_nonnull(directory);
	while ((name = g_dir_read_name(directory)))
		if (g_str_has_suffix(name, ".xml"))
			g_ptr_array_add(names, g_strdup(name));
	return names;
}

/* XML as the test driver takes it. New string. */
static char *for_test_driver(const char *xml)
{
	g_autoptr(GRegex) type = g_regex_new("(<domain[^>]* type=)(['\"])[a-z]*['\"]", 0, 0, NULL);
	char *text = g_regex_replace(type, xml, -1, 0, "\\1\\2test\\2", 0, NULL);

	return text;
}

/* What libvirt makes of XML. New string. */
static char *through_libvirt(const char *name, const char *xml)
{
	virDomainPtr domain = virDomainDefineXML(connection, xml);
	char *text, *copy;

	ck_assert_msg(domain != NULL, "%s: %s", name, virGetLastErrorMessage());
	text = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(virDomainUndefine(domain), 0);
	virDomainFree(domain);
	copy = g_strdup(text);
	free(text);
	return copy;
}

static void assert_same(const char *name, const char *before, const char *after)
{
	gsize same = 0;

	while (before[same] && before[same] == after[same])
		same++;
	ck_assert_msg(before[same] == after[same], "%s: '%.120s' became '%.120s'", name,
		      before + same - MIN(same, 40), after + same - MIN(same, 40));
}

/* ---- back to where it was ---- */

/* All disks that can be saved come back to their places, in their formats. */
static GArray *stay(const VkDomain *domain)
{
	GArray *places = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk));

	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		VkDomainNewDisk place = {.target = disk->target, .format = "raw"};

		/* What must change has its own tests below. */
		if (vk_domain_disk_skip_reason(disk) || disk->backing->len > 0 ||
		    disk->image->encrypted || disk->image->sliced)
			continue;
		place.type = g_str_equal(disk->image->type, "block") ? "block" : "file";
		place.path = disk->image->path ? disk->image->path : "/pool/volume";
		place.format = disk->image->format;
		place.stays = !disk->image->path;
		if (disk->image->path || disk->image->pool)
			g_array_append_val(places, place);
	}
	return places;
}

START_TEST(what_is_not_touched_comes_back_byte_by_byte)
{
	g_autoptr(GPtrArray) names = list_corpus();

	ck_assert_uint_ge(names->len, 22);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *text = load(name);
		g_autofree char *xml = for_test_driver(text);
		g_autofree char *before = through_libvirt(name, xml);
		g_autoptr(VkDomain) domain = vk_domain_parse(before, NULL);
		g_autoptr(GArray) disks = stay(domain);
		VkDomainChanges changes = {
			.name = domain->name, .uuid = domain->uuid, .disks = disks};
		g_autofree char *rewritten = rewrite(before, &changes);
		g_autofree char *after = through_libvirt(name, rewritten);

		assert_same(name, before, after);
	}
}
END_TEST

/* ---- to another place ---- */

static char *one_disk(const char *disk)
{
	return g_strdup_printf("<domain type='test'><name>x</name>"
			       "<uuid>11111111-2222-4333-8444-555555555555</uuid><memory>1</memory>"
			       "<os><type>hvm</type></os><devices>%s</devices></domain>",
			       disk);
}

static const struct {
	const char *disk;
	VkDomainNewDisk place;
	const char *expected; /* the disk after it */
} moves[] = {
	/* The same sort of place: all that is about the disk stays. */
	{"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
	 "<source file='/old' startupPolicy='optional' index='3'>"
	 "<seclabel model='selinux' labelskip='yes'/></source><target dev='vda'/></disk>",
	 {"vda", "file", "/new", "raw"},
	 "<disk type=\"file\" device=\"disk\"><driver name=\"qemu\" type=\"raw\"/>"
	 "<source startupPolicy=\"optional\" file=\"/new\">"
	 "<seclabel model=\"selinux\" labelskip=\"yes\"/></source><target dev=\"vda\"/></disk>"},
	{"<disk type='block' device='disk'><source dev='/dev/a'><reservations managed='yes'/>"
	 "</source><target dev='vda'/><driver name='qemu' type='raw'/></disk>",
	 {"vda", "block", "/dev/b", "raw"},
	 "<disk type=\"block\" device=\"disk\"><source dev=\"/dev/b\"><reservations "
	 "managed=\"yes\"/></source><target dev=\"vda\"/><driver name=\"qemu\" "
	 "type=\"raw\"/></disk>"},
	/* Notes of other programs are none of ours. */
	{"<disk type='file'><driver type='raw'/><source file='/old'><my:note xmlns:my='urn:my'>k"
	 "</my:note></source><target dev='vda'/></disk>",
	 {"vda", "file", "/new", "raw"},
	 "<disk type=\"file\"><driver type=\"raw\"/><source file=\"/new\"><my:note "
	 "xmlns:my=\"urn:my\">k</my:note></source><target dev=\"vda\"/></disk>"},
	/* The very place: not even the order of attributes changes. */
	{"<disk type='file'><driver type='raw'/><source file='/old' startupPolicy='optional'/>"
	 "<target dev='vda'/></disk>",
	 {"vda", "file", "/old", "raw"},
	 "<disk type=\"file\"><driver type=\"raw\"/><source file=\"/old\" "
	 "startupPolicy=\"optional\"/><target dev=\"vda\"/></disk>"},
	/* A part of an image becomes an image. */
	{"<disk type='file'><driver type='raw'/><source file='/old'><slices><slice type='storage' "
	 "offset='0' size='1'/></slices></source><target dev='vda'/></disk>",
	 {"vda", "file", "/new", "raw"},
	 "<disk type=\"file\"><driver type=\"raw\"/><source file=\"/new\"/><target "
	 "dev=\"vda\"/></disk>"},
	/* An image that was on others stands alone. */
	{"<disk type='file'><driver type='qcow2'/><source file='/old'/><backingStore type='file'>"
	 "<format type='raw'/><source file='/base'/><backingStore/></backingStore>"
	 "<target dev='vda'/></disk>",
	 {"vda", "file", "/old", "qcow2"},
	 "<disk type=\"file\"><driver type=\"qcow2\"/><source file=\"/old\"/><target "
	 "dev=\"vda\"/></disk>"},
	/* Of another sort: nothing of the network is left. */
	{"<disk type='network'><driver type='raw'/><source protocol='iscsi' name='iqn.x:y/1'>"
	 "<host name='h' port='3260'/><initiator><iqn name='iqn.z'/></initiator>"
	 "<auth username='u'><secret type='iscsi' usage='s'/></auth></source>"
	 "<target dev='vda'/></disk>",
	 {"vda", "file", "/new", "raw"},
	 "<disk type=\"file\"><driver type=\"raw\"/><source file=\"/new\"/><target "
	 "dev=\"vda\"/></disk>"},
	/* A volume of a pool keeps it when it stays. */
	{"<disk type='volume'><driver type='qcow2'/><source pool='p' volume='v' "
	 "startupPolicy='optional'/><target dev='vda'/></disk>",
	 {"vda", "file", "/pool/v", "qcow2", TRUE},
	 "<disk type=\"volume\"><driver type=\"qcow2\"/><source pool=\"p\" volume=\"v\" "
	 "startupPolicy=\"optional\"/><target dev=\"vda\"/></disk>"},
};

START_TEST(only_what_tells_the_place_changes)
{
	g_autofree char *xml = one_disk(moves[_i].disk);
	g_autoptr(GArray) disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk));
	VkDomainChanges changes = {.disks = disks};
	g_autofree char *text = NULL;

	g_array_append_val(disks, moves[_i].place);
	text = rewrite(xml, &changes);
	ck_assert_msg(strstr(text, moves[_i].expected) != NULL, "%s", text);
}
END_TEST

/* Others of the guest are not looked at: a base of a declared format stays declared. */
START_TEST(the_chain_of_a_disk_that_is_not_restored_stays)
{
	g_autofree char *xml = one_disk(
		"<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
		"<disk type='file'><driver type='qcow2'/><source file='/b'/><backingStore "
		"type='file' index='2'><format type='raw'/><source file='/base' index='4'/>"
		"<backingStore/></backingStore><target dev='vdb'/><readonly/></disk>");
	VkDomainChanges nothing = {0};
	g_autofree char *text = rewrite(xml, &nothing);

	ck_assert_ptr_nonnull(strstr(text, "<backingStore type=\"file\"><format type=\"raw\"/>"
					   "<source file=\"/base\"/><backingStore/>"));
}
END_TEST

START_TEST(labels_that_others_must_set_are_told)
{
	g_autofree char *xml = one_disk("<disk type='file'><source file='/a'><seclabel model='dac' "
					"relabel='no'/></source><target dev='vda'/></disk>");
	g_autoptr(GArray) disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk));
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	VkDomainNewDisk place = {"vda", "file", "/b", "raw"};
	VkDomainChanges changes = {.disks = disks, .notes = notes};
	g_autofree char *text = NULL;

	g_array_append_val(disks, place);
	text = rewrite(xml, &changes);
	ck_assert_ptr_nonnull(strstr(text, "relabel=\"no\""));
	ck_assert_uint_eq(notes->len, 1);
	ck_assert_ptr_nonnull(strstr(notes->pdata[0], "'/b'"));
}
END_TEST

/* ---- what is not known ---- */

static const struct {
	const char *disk;
	const char *unknown;
} parts[] = {
	{"<disk type='file'><source file='/a'/><target dev='vda'/></disk>", NULL},
	{"<disk type='file'><source file='/a' fdgroup='g'/><target dev='vda'/></disk>",
	 "fdgroup= of <source>"},
	{"<disk type='file'><source file='/a'><dataStore type='file'/></source><target "
	 "dev='vda'/></disk>",
	 NULL},
	{"<disk type='file'><source file='/a'><newStore/></source><target dev='vda'/></disk>",
	 "<newStore> in <source>"},
	{"<disk type='file'><source file='/a'/><newThing/><target dev='vda'/></disk>",
	 "<newThing>"},
	{"<disk type='file'><source file='/a'><my:x xmlns:my='urn:my'/></source><target "
	 "dev='vda'/></disk>",
	 NULL},
};

START_TEST(what_is_not_known_is_told)
{
	g_autofree char *xml = one_disk(parts[_i].disk);
	g_autoptr(VkDomain) domain = vk_domain_parse(xml, NULL);

	ck_assert_pstr_eq(vk_domain_find_disk(domain, "vda")->unknown, parts[_i].unknown);
}
END_TEST

START_TEST(all_of_the_corpus_is_known)
{
	g_autoptr(GPtrArray) names = list_corpus();

	for (guint i = 0; i < names->len; i++) {
		g_autofree char *xml = load(g_ptr_array_index(names, i));
		g_autoptr(VkDomain) domain = vk_domain_parse(xml, NULL);

		for (guint k = 0; k < domain->disks->len; k++) {
			const VkDomainDisk *disk = g_ptr_array_index(domain->disks, k);

			ck_assert_pstr_eq(disk->unknown, NULL);
		}
	}
}
END_TEST

static void setup(void)
{
	connection = virConnectOpen("test:///default");
	ck_assert_ptr_nonnull(connection);
}

static void teardown(void)
{
	virConnectClose(connection);
}

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_is_not_touched_comes_back_byte_by_byte);
	tcase_add_loop_test(tests, only_what_tells_the_place_changes, 0, G_N_ELEMENTS(moves));
	tcase_add_test(tests, the_chain_of_a_disk_that_is_not_restored_stays);
	tcase_add_test(tests, labels_that_others_must_set_are_told);
	tcase_add_loop_test(tests, what_is_not_known_is_told, 0, G_N_ELEMENTS(parts));
	tcase_add_test(tests, all_of_the_corpus_is_known);
}

int main(void)
{
	return run_domain_tests("domain-rewrite-disks", add_tests);
}
