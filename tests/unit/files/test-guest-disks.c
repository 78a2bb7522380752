/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which disks an appliance does not get, as people are told. */
#include "guest-disks.h"

#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>

#define UUID "11111111-2222-3333-4444-555555555555"

/* One with COUNT disks: vda, vdb... */
static VkSnapshot *make(guint count)
{
	VkSnapshot *snapshot = make_snapshot(UUID, "20260102T030405Z", vk_image_record_new(1));

	for (guint i = 1; i < count; i++) {
		VkDiskRecord *disk = vk_disk_record_new();

		disk->target = g_strdup_printf("vd%c", 'a' + (char)i);
		g_ptr_array_add(snapshot->disks, disk);
	}
	return snapshot;
}

static void expect(guint count, const char *text)
{
	g_autoptr(VkSnapshot) snapshot = make(count);
	g_autofree char *said = vk_guest_disks_left_out(snapshot);

	ck_assert_pstr_eq(said, text);
}

START_TEST(names_those_behind_the_sixteenth)
{
	expect(1, NULL);
	expect(16, NULL);
	expect(17,
	       "'guest@20260102T030405Z' has 17 disks, and the first 16 are read, without 'vdq'");
	expect(18, "'guest@20260102T030405Z' has 18 disks, and the first 16 are read, without "
		   "'vdq', 'vdr'");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest-disks");
	TCase *cases = tcase_create("guest-disks");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, names_those_behind_the_sixteenth);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
