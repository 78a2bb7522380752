/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots whose disks need not be looked at twice. */
#include "same-disks.h"

#include <check.h>
#include <stdlib.h>

static VkSnapshot *new_snapshot(void)
{
	VkSnapshot *snapshot = vk_snapshot_new();
	VkDiskRecord *disk = vk_disk_record_new();
	const VkSegment segment = {.slot = 1, .pages = 2, .first_block = 3, .last_block = 4};
	VkRun *run = vk_run_new();

	g_array_append_val(run->segments, segment);
	disk->target = g_strdup("vda");
	disk->image = vk_image_record_new(65536);
	g_ptr_array_add(disk->image->runs, run);
	g_ptr_array_add(snapshot->disks, disk);
	return snapshot;
}

static VkSegment *segment_of(VkDiskRecord *disk)
{
	const VkRun *run = g_ptr_array_index(disk->image->runs, 0);

	return &g_array_index(run->segments, VkSegment, 0);
}

static void set_target(VkDiskRecord *disk)
{
	disk->target[2] = 'b';
}

static void set_size(VkDiskRecord *disk)
{
	disk->image->size++;
}

static void add_run(VkDiskRecord *disk)
{
	g_ptr_array_add(disk->image->runs, vk_run_new());
}

static void remove_runs(VkDiskRecord *disk)
{
	g_clear_pointer(&disk->image->runs, g_ptr_array_unref);
}

static void set_pack(VkDiskRecord *disk)
{
	((guint8 *)&segment_of(disk)->pack)[sizeof(VkPackId) - 1]++;
}

static void set_slot(VkDiskRecord *disk)
{
	segment_of(disk)->slot++;
}

static void set_last_block(VkDiskRecord *disk)
{
	segment_of(disk)->last_block++;
}

static void (*const changes[])(VkDiskRecord *disk) = {
	set_target, set_size, add_run, remove_runs, set_pack, set_slot, set_last_block,
};

START_TEST(no_other_disk_is_the_same)
{
	g_autoptr(VkSnapshot) one = new_snapshot();
	g_autoptr(VkSnapshot) other = new_snapshot();

	ck_assert(vk_same_disks(one, other));
	changes[_i](g_ptr_array_index(other->disks, 0));
	ck_assert(!vk_same_disks(one, other));
	ck_assert(!vk_same_disks(other, one));
}
END_TEST

START_TEST(another_disk_is_a_difference)
{
	g_autoptr(VkSnapshot) one = new_snapshot();
	g_autoptr(VkSnapshot) other = new_snapshot();
	g_autoptr(VkSnapshot) third = new_snapshot();

	g_ptr_array_add(other->disks, g_ptr_array_steal_index(third->disks, 0));
	ck_assert(!vk_same_disks(one, other));
	ck_assert(!vk_same_disks(other, one));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("same-disks");
	TCase *cases = tcase_create("same-disks");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, no_other_disk_is_the_same, 0, G_N_ELEMENTS(changes));
	tcase_add_test(cases, another_disk_is_a_difference);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
