/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Partition tables: what tools write, what is damaged, and what a malicious guest writes. */
#include "errors.h"
#include "memory-image.h"
#include "partition-image.h"
#include "partition-table.h"
#include "table-writer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MIB     (1u << 20)
#define SECTORS (8u * MIB / 512)

static MemoryImage *disk;

static void set_up(void)
{
	disk = memory_image_new((guint64)8 * MIB);
}

static void tear_down(void)
{
	vk_image_free(&disk->base);
}

static guint8 *sector_at(guint64 sector)
{
	return disk->bytes + sector * 512;
}

/* "NUMBER:START+SIZE " of each partition, in sectors of 512 bytes. */
static void expect(VkTableKind kind, guint left_out, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkPartitionTable) table = vk_partition_table_read(&disk->base, &error);
	g_autoptr(GString) text = g_string_new(NULL);

	ck_assert_msg(table != NULL, "%s", error ? error->message : "");
	for (guint i = 0; i < table->partitions->len; i++) {
		const VkPartition *part = &g_array_index(table->partitions, VkPartition, i);

		ck_assert(part->start % 512 == 0 && part->size % 512 == 0);
		g_string_append_printf(text, "%u:%u+%u ", part->number, (guint)(part->start / 512),
				       (guint)(part->size / 512));
	}
	ck_assert_str_eq(text->str, expected);
	ck_assert_str_eq(vk_table_kind_text(table->kind), vk_table_kind_text(kind));
	ck_assert_uint_eq(table->left_out, left_out);
}

START_TEST(no_table)
{
	disk->base.size = 511;
	expect(VK_TABLE_NONE, 0, "");
	disk->base.size = (guint64)8 * MIB;
	expect(VK_TABLE_NONE, 0, "");
	/* A file system on the whole disk that begins with code. */
	write_mbr_entry(sector_at(0), 0, 0x83, 63, 100);
	memcpy(sector_at(0) + 54, "FAT16   ", 8);
	expect(VK_TABLE_NONE, 0, "");
	memset(sector_at(0) + 54, 0, 8);
	sector_at(0)[446] = 0x33;
	expect(VK_TABLE_NONE, 0, "");
}
END_TEST

START_TEST(mbr_primary)
{
	write_mbr_entry(sector_at(0), 0, 0x83, 2048, 4096);
	write_mbr_entry(sector_at(0), 2, 0x82, 8192, 1000);
	sector_at(0)[446] = 0x80; /* it boots */
	expect(VK_TABLE_MBR, 0, "1:2048+4096 3:8192+1000 ");
}
END_TEST

static void write_logical(guint32 container, guint32 at, guint32 count, guint32 next)
{
	write_mbr_entry(sector_at(at), 0, 0x83, 1, count);
	if (next > 0)
		write_mbr_entry(sector_at(at), 1, 0x05, next - container, count + 1);
}

START_TEST(mbr_logical)
{
	write_mbr_entry(sector_at(0), 0, 0x83, 2048, 1000);
	write_mbr_entry(sector_at(0), 1, 0x0f, 4096, 8192);
	/* The order on the disk is another one. */
	write_logical(4096, 4096, 100, 8192);
	write_logical(4096, 8192, 200, 6000);
	write_logical(4096, 6000, 300, 0);
	expect(VK_TABLE_MBR, 0, "1:2048+1000 5:4097+100 6:8193+200 7:6001+300 ");
}
END_TEST

/* The table is the same; what lies in the partitions tells. */
START_TEST(mbr_of_large_sectors)
{
	write_mbr_entry(sector_at(0), 0, 0x83, 256, 256);
	write_mbr_entry(sector_at(0), 2, 0x0f, 600, 512);
	write_mbr_entry(sector_at(600 * 8), 0, 0x83, 100, 200);
	expect(VK_TABLE_MBR, 0, "1:256+256 ");
	memcpy(sector_at(600 * 8 + 100 * 8), "XFSB", 4);
	expect(VK_TABLE_MBR, 0, "1:2048+2048 5:5600+1600 ");
	memcpy(sector_at(256), "XFSB", 4);
	expect(VK_TABLE_MBR, 0, "1:256+256 ");
}
END_TEST

START_TEST(mbr_chain_in_a_circle)
{
	write_mbr_entry(sector_at(0), 0, 0x05, 4096, 8192);
	write_logical(4096, 4096, 100, 6000);
	write_logical(4096, 6000, 100, 4096);
	expect(VK_TABLE_MBR, 0, "5:4097+100 6:6001+100 ");
	/* Two extended partitions that share their chain. */
	write_mbr_entry(sector_at(0), 1, 0x05, 4096, 8192);
	expect(VK_TABLE_MBR, 0, "5:4097+100 6:6001+100 ");
}
END_TEST

START_TEST(mbr_chain_without_end)
{
	g_autoptr(VkPartitionTable) table = NULL;

	write_mbr_entry(sector_at(0), 0, 0x05, 1, SECTORS - 1);
	for (guint32 at = 1; at + 4 < SECTORS; at += 2)
		write_logical(1, at, 1, at + 2);
	disk->reads = 0;
	table = vk_partition_table_read(&disk->base, NULL);
	ck_assert_uint_eq(table->partitions->len, 128);
	ck_assert_uint_lt(disk->reads, 200 * 512);
}
END_TEST

START_TEST(mbr_out_of_bounds)
{
	write_mbr_entry(sector_at(0), 0, 0x83, SECTORS - 1, 2);
	write_mbr_entry(sector_at(0), 1, 0x83, G_MAXUINT32, G_MAXUINT32);
	write_mbr_entry(sector_at(0), 2, 0x83, 100, 10);
	write_mbr_entry(sector_at(0), 3, 0x83, 109, 10);
	expect(VK_TABLE_MBR, 3, "3:100+10 ");
	/* A logical partition beyond its container, and a link that leaves it. */
	memset(sector_at(0), 0, 512);
	write_mbr_entry(sector_at(0), 0, 0x05, 4096, 1000);
	write_logical(4096, 4096, 1000, 6000);
	write_logical(4096, 6000, 10, 0);
	expect(VK_TABLE_MBR, 1, "");
}
END_TEST

/* Two partitions, 1 and 3, with a copy of the table at the end, for sectors of that SIZE. */
static void write_gpt(guint32 size)
{
	guint64 last = disk->base.size / size - 1;
	guint32 in_array = 128 * 128 / size;
	GptHeader first = {1, last, 2, 128, 128};
	GptHeader second = {last, 1, last - in_array, 128, 128};
	guint8 *array = disk->bytes + (gsize)2 * size;

	write_mbr_entry(sector_at(0), 0, 0xee, 1, G_MAXUINT32);
	write_gpt_entry(array, 1, 256, 511);
	write_gpt_entry(array, 3, 1024, 1024);
	memcpy(disk->bytes + (last - in_array) * size, array, (gsize)128 * 128);
	write_gpt_header(disk->bytes + size, &first, array);
	write_gpt_header(disk->bytes + last * size, &second, array);
}

START_TEST(gpt)
{
	write_gpt(512);
	expect(VK_TABLE_GPT, 0, "1:256+256 3:1024+1 ");
	/* A hybrid: the GPT counts. */
	write_mbr_entry(sector_at(0), 1, 0x83, 5000, 10);
	expect(VK_TABLE_GPT, 0, "1:256+256 3:1024+1 ");
	/* An old MBR tool made it anew. */
	memset(sector_at(0), 0, 512);
	write_mbr_entry(sector_at(0), 1, 0x83, 5000, 10);
	expect(VK_TABLE_MBR, 0, "2:5000+10 ");
}
END_TEST

START_TEST(gpt_of_large_sectors)
{
	write_gpt(4096);
	expect(VK_TABLE_GPT, 0, "1:2048+2048 3:8192+8 ");
	memset(disk->bytes + 4096, 0, 4096);
	expect(VK_TABLE_GPT_BACKUP, 0, "1:2048+2048 3:8192+8 ");
}
END_TEST

START_TEST(gpt_from_its_backup)
{
	write_gpt(512);
	sector_at(1)[60] ^= 1;
	expect(VK_TABLE_GPT_BACKUP, 0, "1:256+256 3:1024+1 ");
	write_gpt(512);
	sector_at(2)[60] ^= 1;
	expect(VK_TABLE_GPT_BACKUP, 0, "1:256+256 3:1024+1 ");
	/* The disk grew: only the first header says where its copy is. */
	vk_image_free(&disk->base);
	disk = memory_image_new((guint64)4 * MIB);
	write_gpt(512);
	sector_at(2)[60] ^= 1;
	disk->bytes = g_realloc(disk->bytes, (gsize)8 * MIB);
	memset(disk->bytes + (gsize)4 * MIB, 0, (gsize)4 * MIB);
	disk->base.size = (guint64)8 * MIB;
	expect(VK_TABLE_GPT_BACKUP, 0, "1:256+256 3:1024+1 ");
	sector_at(1)[60] ^= 1;
	expect(VK_TABLE_GPT_DAMAGED, 0, "");
}
END_TEST

START_TEST(gpt_on_a_damaged_disk)
{
	g_autoptr(GError) error = NULL;

	write_gpt(512);
	disk->damaged_until = 65536;
	expect(VK_TABLE_GPT_BACKUP, 0, "1:256+256 3:1024+1 ");
	/* Trouble that may pass is not an answer. */
	disk->damage = VK_ERROR_FAILED;
	ck_assert_ptr_null(vk_partition_table_read(&disk->base, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	g_clear_error(&error);
	disk->damage = VK_ERROR_DAMAGE;
	disk->damaged_until = disk->base.size;
	ck_assert_ptr_null(vk_partition_table_read(&disk->base, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
}
END_TEST

START_TEST(gpt_entries_out_of_bounds)
{
	GptHeader header = {1, SECTORS - 1, 2, 128, 128};

	write_gpt(512);
	write_gpt_entry(sector_at(2), 2, 300, 299);
	write_gpt_entry(sector_at(2), 4, 2000, SECTORS);
	write_gpt_entry(sector_at(2), 5, 0, G_MAXUINT64);
	write_gpt_entry(sector_at(2), 6, G_MAXUINT64, G_MAXUINT64);
	write_gpt_entry(sector_at(2), 7, 511, 600);
	write_gpt_entry(sector_at(2), 128, SECTORS - 1, SECTORS - 1);
	write_gpt_header(sector_at(1), &header, sector_at(2));
	expect(VK_TABLE_GPT, 5, "1:256+256 3:1024+1 128:16383+1 ");
}
END_TEST

START_TEST(gpt_headers_out_of_bounds)
{
	static const GptHeader bad[] = {
		{1, 0, 2, 4096, 128},     /* too many */
		{1, 0, 2, 100, 96},       /* too small */
		{1, 0, 2, 100, 192},      /* no power of two */
		{1, 0, 2, 10, 8192},      /* too large */
		{1, 0, 2, 1024, 256},     /* together too large */
		{2, 0, 2, 128, 128},      /* not where it says */
		{1, 1, SECTORS, 1, 128},  /* its entries lie beyond the end */
		{1, G_MAXUINT64, 2, 0, 0} /* nothing in it */
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		write_gpt(512);
		memset(sector_at(SECTORS - 1), 0, 512);
		write_gpt_header(sector_at(1), &bad[i], sector_at(2));
		expect(VK_TABLE_GPT_DAMAGED, 0, "");
	}
	/* As many as there may be. */
	write_gpt(512);
	write_gpt_header(sector_at(1), &(GptHeader){1, 0, 2, 1024, 128}, sector_at(2));
	expect(VK_TABLE_GPT, 0, "1:256+256 3:1024+1 ");
	memset(sector_at(1) + 72, 0xff, 8);
	expect(VK_TABLE_GPT_BACKUP, 0, "1:256+256 3:1024+1 ");
}
END_TEST

START_TEST(a_partition_is_a_window)
{
	g_autoptr(VkImage) window = NULL;
	gboolean is_data;
	guint64 length;
	char text[4] = "";

	memcpy(disk->bytes + 10240, "abcdef", 6);
	window = vk_partition_image_new(&disk->base, 10241, 4);
	ck_assert_uint_eq(window->size, 4);
	ck_assert(vk_image_read(window, 1, text, 3, NULL));
	ck_assert_str_eq(text, "cde");
	ck_assert(vk_image_extent(window, 0, &is_data, &length, NULL));
	ck_assert(is_data);
	ck_assert_uint_eq(length, 4);
	disk = memory_image_new(512); /* the window owns the first one */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("partition-table");
	TCase *tcase = tcase_create("partition-table");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, no_table);
	tcase_add_test(tcase, mbr_primary);
	tcase_add_test(tcase, mbr_logical);
	tcase_add_test(tcase, mbr_of_large_sectors);
	tcase_add_test(tcase, mbr_chain_in_a_circle);
	tcase_add_test(tcase, mbr_chain_without_end);
	tcase_add_test(tcase, mbr_out_of_bounds);
	tcase_add_test(tcase, gpt);
	tcase_add_test(tcase, gpt_of_large_sectors);
	tcase_add_test(tcase, gpt_from_its_backup);
	tcase_add_test(tcase, gpt_on_a_damaged_disk);
	tcase_add_test(tcase, gpt_entries_out_of_bounds);
	tcase_add_test(tcase, gpt_headers_out_of_bounds);
	tcase_add_test(tcase, a_partition_is_a_window);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
