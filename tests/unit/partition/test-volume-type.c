/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lies in a volume, by its marks. */
#include "errors.h"
#include "memory-image.h"
#include "volume-type.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIZE  (256u << 10)
#define START 4096u

static MemoryImage *disk;

static void set_up(void)
{
	disk = memory_image_new((guint64)SIZE + START);
}

static void tear_down(void)
{
	vk_image_free(&disk->base);
}

static const char *type_of(guint64 size)
{
	const char *type = "";

	ck_assert(vk_volume_type(&disk->base, START, size, &type, NULL));
	return type;
}

static void put(guint64 offset, const char *text)
{
	memcpy(disk->bytes + START + offset, text, strlen(text));
}

START_TEST(marks)
{
	static const struct {
		guint64 offset;
		const char *mark;
		const char *type;
	} known[] = {
		{0, "LUKS\xba\xbe", "luks"},
		{3, "-FVE-FS-", "bitlocker"},
		{512, "LABELONE", "lvm"},
		{4096, "\xfc\x4e\x2b\xa9", "md"},
		{0, "XFSB", "xfs"},
		{3, "NTFS    ", "ntfs"},
		{3, "EXFAT   ", "exfat"},
		{82, "FAT32   ", "vfat"},
		{54, "FAT16   ", "vfat"},
		{4086, "SWAPSPACE2", "swap"},
		{32769, "CD001", "iso9660"},
		{65600, "_BHRfS_M", "btrfs"},
		{1024, "\x10\x20\xf5\xf2", "f2fs"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
		memset(disk->bytes, 0, disk->base.size);
		ck_assert_ptr_null(type_of(SIZE));
		put(known[i].offset, known[i].mark);
		ck_assert_str_eq(type_of(SIZE), known[i].type);
		/* It would lie beyond the end. */
		ck_assert_ptr_null(type_of(known[i].offset + strlen(known[i].mark) - 1));
	}
}
END_TEST

START_TEST(three_ext)
{
	put(1024 + 56, "\x53\xef");
	ck_assert_str_eq(type_of(SIZE), "ext2");
	put(1024 + 92, "\x04");
	ck_assert_str_eq(type_of(SIZE), "ext3");
	put(1024 + 96, "\x40");
	ck_assert_str_eq(type_of(SIZE), "ext4");
	disk->bytes[START + 1024 + 96] = 0;
	put(1024 + 101, "\x04");
	ck_assert_str_eq(type_of(SIZE), "ext4");
}
END_TEST

START_TEST(damage_hides_a_mark)
{
	g_autoptr(GError) error = NULL;
	const char *type;

	put(65600, "_BHRfS_M");
	disk->damaged_until = 65536;
	ck_assert_str_eq(type_of(SIZE), "btrfs");
	disk->damaged_until = disk->base.size;
	ck_assert_ptr_null(type_of(SIZE));
	disk->damage = VK_ERROR_FAILED;
	ck_assert(!vk_volume_type(&disk->base, START, SIZE, &type, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("volume-type");
	TCase *tcase = tcase_create("volume-type");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, marks);
	tcase_add_test(tcase, three_ext);
	tcase_add_test(tcase, damage_hides_a_mark);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
