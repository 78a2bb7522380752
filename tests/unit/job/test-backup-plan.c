/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-plan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char guest_xml[] =
	"<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
	"<name>web</name>"
	"<uuid>8f5a2c1e-0d3b-4c6f-9a77-1f2e3d4c5b6a</uuid><devices>"
	"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
	"<source file='/images/web.qcow2'/><target dev='vda' bus='virtio'/></disk>"
	"<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
	"<disk type='block' device='disk'><driver name='qemu' type='raw'/>"
	"<source dev='/dev/vg/data'/><target dev='vdb' bus='virtio'/></disk>"
	"<hostdev mode='subsystem' type='pci'><source>"
	"<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev>"
	"</devices><qemu:commandline><qemu:arg value='-drive'/><qemu:arg value='file=/x.raw'/>"
	"</qemu:commandline></domain>";

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

static VkBackupPlanDisk *plan_disk(const VkBackupPlan *plan, guint index, const char *target)
{
	VkBackupPlanDisk *disk;

	ck_assert_uint_lt(index, plan->disks->len);
	disk = g_ptr_array_index(plan->disks, index);
	ck_assert_str_eq(disk->disk->target, target);
	return disk;
}

static void check_reason(const VkBackupPlan *plan, const VkBackupPlanDisk *disk,
			 const char *expected)
{
	g_autofree char *reason = vk_backup_plan_reason(plan, disk);

	ck_assert_str_eq(reason, expected);
}

START_TEST(skips_with_reasons)
{
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, NULL, NULL);
	g_autoptr(GArray) disks = vk_backup_plan_job_disks(plan);
	const VkSkipRecord *skip;

	ck_assert_uint_eq(disks->len, 2);
	ck_assert_str_eq(g_array_index(disks, VkBackupJobDisk, 0).target, "vda");
	ck_assert_str_eq(g_array_index(disks, VkBackupJobDisk, 1).target, "vdb");
	ck_assert_uint_eq(plan->skipped->len, 3);
	skip = g_ptr_array_index(plan->skipped, 0);
	ck_assert_str_eq(skip->target, "sda");
	ck_assert_ptr_nonnull(strstr(skip->reason, "empty"));
	skip = g_ptr_array_index(plan->skipped, 1);
	ck_assert_ptr_nonnull(strstr(skip->target, "01:00.0"));
	ck_assert_ptr_nonnull(strstr(skip->reason, "passed through"));
	skip = g_ptr_array_index(plan->skipped, 2);
	ck_assert_str_eq(skip->target, "-drive file=/x.raw");
	ck_assert_ptr_nonnull(strstr(skip->reason, "<qemu:commandline>"));
}
END_TEST

START_TEST(saves_in_full_first)
{
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, NULL, NULL);
	const VkBackupPlanDisk *disk = plan_disk(plan, 0, "vda");

	ck_assert_ptr_null(disk->earlier);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "full");
	check_reason(plan, disk, "first snapshot of this disk");
}
END_TEST

START_TEST(compares_with_the_last)
{
	g_autoptr(VkSnapshot) last = new_last("vdb", 4096);
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	const VkBackupPlanDisk *added = plan_disk(plan, 0, "vda");
	const VkBackupPlanDisk *known = plan_disk(plan, 1, "vdb");

	ck_assert_str_eq(vk_backup_plan_mode(added), "full");
	check_reason(
		plan, added,
		"first snapshot of this disk: the guest's last snapshot, 20261122T201405Z, does "
		"not have it");
	ck_assert_ptr_eq(known->earlier, g_ptr_array_index(last->disks, 0));
	ck_assert_str_eq(vk_backup_plan_mode(known), "compare");
	check_reason(plan, known, "no changed-block tracking");
}
END_TEST

/* What the images of vda and vdb allow. */
static void track(VkBackupPlan *plan, const VkTracking *vda, const VkTracking *vdb)
{
	g_autoptr(GPtrArray) tracking = g_ptr_array_new();
	VkTracking copies[] = {*vda, *vdb};

	g_ptr_array_add(tracking, &copies[0]);
	g_ptr_array_add(tracking, &copies[1]);
	vk_backup_plan_set_tracking(plan, tracking);
}

static VkSnapshot *new_tracked_last(void)
{
	VkSnapshot *last = new_last("vda", 4096);
	VkDiskRecord *disk = g_ptr_array_index(last->disks, 0);

	last->checkpoint = g_strdup("virtkeep-01234567-89abcdef");
	disk->bitmap = g_strdup(last->checkpoint);
	return last;
}

static char gone[] = "its dirty bitmap is gone", raw[] = "raw image";
static const VkTracking usable = {.can_track = TRUE, .usable = TRUE};
static const VkTracking lost = {.can_track = TRUE, .reason = gone};
static const VkTracking untracked = {.reason = raw};

START_TEST(another_file_is_read_in_whole)
{
	g_autoptr(VkSnapshot) last = new_tracked_last();
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	VkBackupPlanDisk *disk = g_ptr_array_index(plan->disks, 0);
	VkDiskRecord *earlier = g_ptr_array_index(last->disks, 0);

	g_free(earlier->source);
	earlier->source = g_strdup("/vm/a");
	earlier->inode = 7;
	track(plan, &usable, &untracked);
	vk_backup_plan_set_file(disk, "/vm/a", 7);
	vk_backup_plan_set_file(disk, "/vm/overlay", 8);
	ck_assert(disk->incremental);
	vk_backup_plan_set_file(disk, "/vm/a", 8);
	ck_assert(!disk->incremental);
	check_reason(plan, disk, "its image is another file now");
}
END_TEST

START_TEST(builds_on_a_whole_bitmap)
{
	g_autoptr(VkSnapshot) last = new_tracked_last();
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	const VkBackupPlanDisk *disk = plan_disk(plan, 0, "vda");
	g_autoptr(GArray) disks = NULL;

	track(plan, &usable, &untracked);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "incremental");
	check_reason(plan, disk,
		     "its dirty bitmap has recorded the changes since 20261122T201405Z");
	ck_assert(vk_backup_plan_has_tracked(plan) && vk_backup_plan_has_incremental(plan));
	disks = vk_backup_plan_job_disks(plan);
	ck_assert(g_array_index(disks, VkBackupJobDisk, 0).incremental);
	ck_assert(g_array_index(disks, VkBackupJobDisk, 0).track);
	ck_assert(!g_array_index(disks, VkBackupJobDisk, 1).incremental);
	ck_assert(!g_array_index(disks, VkBackupJobDisk, 1).track);
	ck_assert(vk_backup_plan_has_whole(plan));
	g_ptr_array_set_size(plan->disks, 1);
	ck_assert(!vk_backup_plan_has_whole(plan));
}
END_TEST

START_TEST(compares_where_a_bitmap_is_lost)
{
	g_autoptr(VkSnapshot) last = new_tracked_last();
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	const VkBackupPlanDisk *disk = plan_disk(plan, 0, "vda");

	track(plan, &lost, &untracked);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "compare");
	ck_assert(disk->track && !vk_backup_plan_has_incremental(plan));
	check_reason(plan, disk, "its dirty bitmap is gone");
	vk_backup_plan_set_no_tracking(plan, "QEMU said no");
	ck_assert(!disk->track && !vk_backup_plan_has_tracked(plan));
	check_reason(plan, disk, "QEMU said no");
}
END_TEST

START_TEST(compares_when_asked_to)
{
	g_autoptr(VkSnapshot) last = new_tracked_last();
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	const VkBackupPlanDisk *disk = plan_disk(plan, 0, "vda");

	track(plan, &usable, &untracked);
	vk_backup_plan_set_compare(plan, "as you wish");
	ck_assert_str_eq(vk_backup_plan_mode(disk), "compare");
	check_reason(plan, disk, "as you wish");
	ck_assert(disk->track && !vk_backup_plan_has_incremental(plan));
	track(plan, &lost, &untracked);
	vk_backup_plan_set_compare(plan, "as you wish");
	check_reason(plan, disk, "its dirty bitmap is gone");
}
END_TEST

/* A bitmap of a snapshot that is not the last one tells too little. */
START_TEST(trusts_only_the_last_snapshots_bitmap)
{
	g_autoptr(VkSnapshot) last = new_tracked_last();
	VkDiskRecord *record = g_ptr_array_index(last->disks, 0);
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	const VkBackupPlanDisk *disk = plan_disk(plan, 0, "vda");

	g_free(record->bitmap);
	record->bitmap = g_strdup("virtkeep-01234567-00000000");
	track(plan, &usable, &usable);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "compare");
	g_clear_pointer(&record->bitmap, g_free);
	track(plan, &usable, &usable);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "compare");
	ck_assert_str_eq(vk_backup_plan_mode(plan_disk(plan, 1, "vdb")), "full");
}
END_TEST

START_TEST(tells_of_a_restore)
{
	g_autoptr(VkSnapshot) last = new_tracked_last();
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	VkBackupPlanDisk *disk = plan_disk(plan, 0, "vda");

	track(plan, &lost, &untracked);
	vk_backup_plan_set_restored(disk, "20261122T201405Z");
	check_reason(plan, disk, "restored from 20261122T201405Z");
	/* Where nothing can be tracked, that is the reason. */
	track(plan, &untracked, &untracked);
	vk_backup_plan_set_restored(disk, "20261122T201405Z");
	check_reason(plan, disk, untracked.reason);
	track(plan, &usable, &untracked);
	vk_backup_plan_set_restored(disk, "20261122T201405Z");
	ck_assert(disk->incremental);
}
END_TEST

START_TEST(tells_of_a_new_size)
{
	g_autoptr(VkSnapshot) last = new_tracked_last();
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, last, NULL);
	VkBackupPlanDisk *disk = plan_disk(plan, 0, "vda");

	track(plan, &usable, &untracked);
	vk_backup_plan_set_size(disk, 4096);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "incremental");
	vk_backup_plan_set_size(disk, 8192);
	ck_assert_str_eq(vk_backup_plan_mode(disk), "compare");
	check_reason(plan, disk, "resized from 4096 to 8192 bytes");
}
END_TEST

START_TEST(leaves_out_what_is_excluded)
{
	char vda[] = "vda";
	char *const exclude[] = {vda, NULL};
	g_autoptr(VkBackupPlan) plan = vk_backup_plan_new(domain, NULL, exclude);
	const VkSkipRecord *skip = g_ptr_array_index(plan->skipped, 0);

	plan_disk(plan, 0, "vdb");
	ck_assert_str_eq(skip->target, "vda");
	ck_assert_str_eq(skip->reason, "excluded by the configuration");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backup-plan");
	TCase *tests = tcase_create("backup-plan");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, skips_with_reasons);
	tcase_add_test(tests, saves_in_full_first);
	tcase_add_test(tests, compares_with_the_last);
	tcase_add_test(tests, another_file_is_read_in_whole);
	tcase_add_test(tests, builds_on_a_whole_bitmap);
	tcase_add_test(tests, compares_where_a_bitmap_is_lost);
	tcase_add_test(tests, compares_when_asked_to);
	tcase_add_test(tests, trusts_only_the_last_snapshots_bitmap);
	tcase_add_test(tests, tells_of_a_restore);
	tcase_add_test(tests, tells_of_a_new_size);
	tcase_add_test(tests, leaves_out_what_is_excluded);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
