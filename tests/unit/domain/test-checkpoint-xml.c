/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-xml.h"
#include "checkpoint-xml.h"
#include "checkpoint.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char guest_xml[] =
	"<domain type='kvm'><name>a &lt; b</name>"
	"<uuid>8f5a2c1e-0d3b-4c6f-9a77-1f2e3d4c5b6a</uuid><devices>"
	"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
	"<source file='/images/a&amp;b.qcow2'/><target dev='vda' bus='virtio'/></disk>"
	"<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
	"<disk type='block' device='disk'><driver name='qemu' type='raw'/>"
	"<source dev='/dev/vg/data'/><target dev='vdb' bus='virtio'/></disk>"
	"</devices></domain>";

#define NAME "virtkeep-01234567-89abcdef"

static VkDomain *domain;

static void set_up(void)
{
	domain = vk_domain_parse(guest_xml, NULL);
	ck_assert_ptr_nonnull(domain);
}

static void tear_down(void)
{
	g_clear_pointer(&domain, vk_domain_free);
}

static void expect_in(const char *xml, const char *part)
{
	ck_assert_msg(strstr(xml, part) != NULL, "'%s' is not in %s", part, xml);
}

/* libvirt chooses for disks that are left out: each has to be named. */
START_TEST(names_each_disk)
{
	g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *xml = NULL;

	g_ptr_array_add(targets, g_strdup("vda"));
	xml = vk_checkpoint_build_xml(domain, NAME, targets, NULL, NULL, NULL);
	expect_in(xml, "<name>" NAME "</name>");
	expect_in(xml, "<disk name=\"vda\" checkpoint=\"bitmap\" bitmap=\"" NAME "\"/>");
	expect_in(xml, "<disk name=\"sda\" checkpoint=\"no\"/>");
	expect_in(xml, "<disk name=\"vdb\" checkpoint=\"no\"/>");
	ck_assert_ptr_null(strstr(xml, "<domain>"));
}
END_TEST

START_TEST(comes_back_as_it_was)
{
	g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(VkCheckpointInfo) info = NULL;
	g_autofree char *xml = NULL;

	g_ptr_array_add(targets, g_strdup("vda"));
	xml = vk_checkpoint_build_xml(domain, NAME, targets, "1790000000", guest_xml, NULL);
	info = vk_checkpoint_parse(xml, NULL);
	ck_assert_ptr_nonnull(info);
	ck_assert_str_eq(info->name, NAME);
	ck_assert_str_eq(info->created, "1790000000");
	ck_assert(vk_checkpoint_info_has(info, "vda") && !vk_checkpoint_info_has(info, "vdb"));
	ck_assert_str_eq(info->domain->name, "a < b");
}
END_TEST

START_TEST(refuses_what_is_no_checkpoint)
{
	static const char *const nonsense[] = {
		"",
		"<domaincheckpoint>",
		"<domain/>",
		"<domaincheckpoint/>",
		"<domaincheckpoint><name>x</name></domaincheckpoint>",
		"<domaincheckpoint><name>x</name><creationTime>1</creationTime><domain/>"
		"</domaincheckpoint>",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(nonsense); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(vk_checkpoint_parse(nonsense[i], &error) == NULL, "%s", nonsense[i]);
		ck_assert_ptr_nonnull(error);
	}
}
END_TEST

START_TEST(knows_whose_it_is)
{
	const char *vault = "01234567000000000000000000000000";
	const char *other = "01234568000000000000000000000000";
	g_autofree char *fresh = vk_checkpoint_name_new(vault);
	g_autofree char *again = vk_checkpoint_name_new(vault);

	ck_assert(vk_checkpoint_is_ours(fresh, vault) && vk_checkpoint_is_ours(fresh, NULL));
	ck_assert(!vk_checkpoint_is_ours(fresh, other));
	ck_assert_str_ne(fresh, again);
	ck_assert(!vk_checkpoint_is_ours("virtnbdbackup.0", NULL));
	ck_assert(!vk_checkpoint_is_ours("virtkeep-mine", NULL));
	ck_assert(!vk_checkpoint_is_ours("virtkeep-01234567-89abcdef-1", NULL));
	ck_assert(!vk_checkpoint_is_ours("virtkeep-01234567-89abcdeg", NULL));
}
END_TEST

START_TEST(asks_for_a_job)
{
	g_autoptr(GArray) disks = g_array_new(FALSE, FALSE, sizeof(VkBackupJobDisk));
	g_autoptr(GPtrArray) scratch = g_ptr_array_new_with_free_func(g_free);
	const VkBackupJobDisk vda = {.target = "vda", .incremental = TRUE, .track = TRUE};
	const VkBackupJobDisk vdb = {.target = "vdb"};
	const VkBackupXml job = {.disks = disks,
				 .scratch = scratch,
				 .base = NAME,
				 .bitmap = "virtkeep-export",
				 .socket = "/run/a&b.sock"};
	g_autofree char *xml = NULL;
	g_autofree char *checkpoint = NULL;

	g_array_append_val(disks, vda);
	g_array_append_val(disks, vdb);
	g_ptr_array_add(scratch, g_strdup("/scratch/vda.qcow2"));
	g_ptr_array_add(scratch, g_strdup("/scratch/vdb.qcow2"));
	xml = vk_backup_build_xml(domain, &job, NULL);
	expect_in(xml, "socket=\"/run/a&amp;b.sock\"");
	expect_in(xml, "<disk name=\"vda\" backup=\"yes\" type=\"file\" exportname=\"vda\" "
		       "backupmode=\"incremental\" incremental=\"" NAME "\" "
		       "exportbitmap=\"virtkeep-export\">");
	expect_in(xml, "<disk name=\"vdb\" backup=\"yes\" type=\"file\" exportname=\"vdb\" "
		       "backupmode=\"full\">");
	expect_in(xml, "<disk name=\"sda\" backup=\"no\"/>");
	expect_in(xml, "<scratch file=\"/scratch/vda.qcow2\"/>");
	expect_in(xml, "<scratch file=\"/scratch/vdb.qcow2\"/>");
	checkpoint = vk_backup_build_checkpoint_xml(domain, disks, NAME "0", NULL);
	expect_in(checkpoint, "<disk name=\"vda\" checkpoint=\"bitmap\"");
	expect_in(checkpoint, "<disk name=\"vdb\" checkpoint=\"no\"/>");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("checkpoint-xml");
	TCase *tests = tcase_create("checkpoint-xml");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, names_each_disk);
	tcase_add_test(tests, comes_back_as_it_was);
	tcase_add_test(tests, refuses_what_is_no_checkpoint);
	tcase_add_test(tests, knows_whose_it_is);
	tcase_add_test(tests, asks_for_a_job);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
