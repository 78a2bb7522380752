/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backupplan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char guest_xml[] =
	"<domain type='kvm'><name>web</name>"
	"<uuid>8f5a2c1e-0d3b-4c6f-9a77-1f2e3d4c5b6a</uuid><devices>"
	"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
	"<source file='/images/web.qcow2'/><target dev='vda' bus='virtio'/></disk>"
	"<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
	"<disk type='block' device='disk'><driver name='qemu' type='raw'/>"
	"<source dev='/dev/vg/data'/><target dev='vdb' bus='virtio'/></disk>"
	"<hostdev mode='subsystem' type='pci'><source>"
	"<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev>"
	"</devices></domain>";

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

static VkSnapshot *new_last(const char *target, guint64 size)
{
	VkSnapshot *last = vk_snapshot_new();
	VkDiskRecord *disk = vk_disk_record_new();

	disk->target = g_strdup(target);
	disk->image = vk_image_record_new(size);
	last->time = g_strdup("20261122T201405Z");
	g_ptr_array_add(last->disks, disk);
	return last;
}

static const VkPlanDisk *plan_disk(const VkBackupPlan *plan, guint index, const char *target)
{
	const VkPlanDisk *disk;

	ck_assert_uint_lt(index, plan->disks->len);
	disk = g_ptr_array_index(plan->disks, index);
	ck_assert_str_eq(disk->disk->target, target);
	return disk;
}

static void check_reason(const VkBackupPlan *plan, const VkPlanDisk *disk, guint64 size,
			 const char *expected)
{
	g_autofree char *reason = vk_backup_plan_reason(plan, disk, size);

	ck_assert_str_eq(reason, expected);
}

START_TEST(skips_with_reasons)
{
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, NULL);
	g_autoptr(GArray) disks = vk_backup_plan_job_disks(plan);
	const VkSkipRecord *skip;

	ck_assert_uint_eq(disks->len, 2);
	ck_assert_str_eq(g_array_index(disks, VkBackupJobDisk, 0).target, "vda");
	ck_assert_str_eq(g_array_index(disks, VkBackupJobDisk, 1).target, "vdb");
	ck_assert_uint_eq(plan->skipped->len, 2);
	skip = g_ptr_array_index(plan->skipped, 0);
	ck_assert_str_eq(skip->target, "sda");
	ck_assert_ptr_nonnull(strstr(skip->reason, "empty"));
	skip = g_ptr_array_index(plan->skipped, 1);
	ck_assert_ptr_nonnull(strstr(skip->target, "01:00.0"));
	ck_assert_ptr_nonnull(strstr(skip->reason, "given through"));
}
END_TEST

START_TEST(saves_in_full_first)
{
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, NULL);
	const VkPlanDisk *disk = plan_disk(plan, 0, "vda");

	ck_assert_ptr_null(disk->earlier);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "full");
	check_reason(plan, disk, 4096, "first snapshot of this disk");
}
END_TEST

START_TEST(compares_with_the_last)
{
	g_autoptr(VkSnapshot) last = new_last("vdb", 4096);
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last);
	const VkPlanDisk *added = plan_disk(plan, 0, "vda");
	const VkPlanDisk *known = plan_disk(plan, 1, "vdb");

	ck_assert_str_eq(vk_backup_plan_mode(added), "full");
	check_reason(plan, added, 4096,
		     "first snapshot of this disk: the guest's last, 20261122T201405Z, is without "
		     "it");
	ck_assert_ptr_eq(known->earlier, g_ptr_array_index(last->disks, 0));
	ck_assert_str_eq(vk_backup_plan_mode(known), "compare");
	check_reason(plan, known, 4096,
		     "no changed-block tracking: everything is read, only new blocks are stored");
}
END_TEST

START_TEST(tells_of_a_new_size)
{
	g_autoptr(VkSnapshot) last = new_last("vdb", 4096);
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last);
	const VkPlanDisk *disk = plan_disk(plan, 1, "vdb");

	ck_assert_str_eq(vk_backup_plan_mode(disk), "compare");
	check_reason(plan, disk, 8192,
		     "resized from 4096 to 8192 bytes; no changed-block tracking: everything is "
		     "read, only new blocks are stored");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backupplan");
	TCase *tests = tcase_create("backupplan");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, skips_with_reasons);
	tcase_add_test(tests, saves_in_full_first);
	tcase_add_test(tests, compares_with_the_last);
	tcase_add_test(tests, tells_of_a_new_size);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
