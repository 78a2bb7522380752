/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sources that know what changed since a bitmap was added. */
#include "nbd-changes-priv.h"
#include "nbd-server.h"
#include "source-bed.h"

#include <stdlib.h>

static void add_bitmap(const char *path, const char *name)
{
	run((const char *[]){"qemu-img", "bitmap", "--add", "-g", "65536", path, name, NULL});
}

/* As map_text(), but how a changed range is allocated is up to QEMU and the file system. */
static void expect_changes(VkSourceReader *reader, guint64 offset, guint64 length, const char *text)
{
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	g_autoptr(GString) got = g_string_new(NULL);
	guint64 position = offset, begin = offset;

	expect_ok(reader->ops->map(reader, offset, length, extents, &last_error));
	for (guint i = 0; i < extents->len; i++) {
		const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i);
		gboolean same = extent->kind == VK_SOURCE_SAME;

		ck_assert_uint_eq(extent->offset, position);
		position += extent->length;
		if (i + 1 < extents->len && (extent[1].kind == VK_SOURCE_SAME) == same)
			continue;
		g_string_append_printf(got, "%s %.4g,", same ? "same" : "changed",
				       (double)(position - begin) / MIB);
		begin = position;
	}
	ck_assert_uint_eq(position, offset + length);
	ck_assert_str_eq(got->str, text);
}

static void expect_change(VkSourceReader *reader, guint64 offset, guint64 expected)
{
	guint64 found = 0;

	expect_ok(reader->ops->seek_change(reader, offset, &found, &last_error));
	ck_assert_uint_eq(found, expected);
}

/* Bytes changed at 100 KiB, over the border of 3 and 4 MiB, and in the last one. */
START_TEST(qcow2_changes)
{
	g_autofree char *path = path_of("a.qcow2");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	make_qcow2(path);
	add_bitmap(path, "b");
	run((const char *[]){"qemu-io", "-f", "qcow2", "-c", "write 100k 1k", "-c",
			     "write 4194240 128", "-c", "write -z -u 1M 64k", "-c",
			     "write 8388600 8", path, NULL});
	source = open_changes(path, "qcow2", "b");
	ck_assert(source->knows_changes);
	reader = source->ops->open_reader(source, &last_error);
	expect_ok(reader != NULL);
	expect_changes(reader, 0, SIZE,
		       "same 0.0625,changed 0.0625,same 0.875,changed 0.0625,same 2.875,"
		       "changed 0.125,same 3.875,changed 0.0625,");
	expect_changes(reader, 110000, 30000, "changed 0.0201,same 0.008514,");
	expect_map(reader, MIB, 128 * 1024, "hole 0.0625,same 0.0625,");
	expect_map(reader, 5 * MIB, MIB, "same 1,");
	expect_change(reader, 0, 64 * 1024);
	expect_change(reader, 100 * 1024, 100 * 1024);
	expect_change(reader, 128 * 1024, MIB);
	expect_change(reader, 5 * MIB, SIZE - 64 * 1024);
	ck_assert_uint_eq(byte_at(reader, SIZE - 1), 0xcd);
}
END_TEST

/* Granularities of QEMU's that are not ours, and a size that is no multiple of anything. */
START_TEST(changes_of_any_granularity)
{
	g_autofree char *path = path_of("a.qcow2");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	run((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", path, "1000k", NULL});
	run((const char *[]){"qemu-img", "bitmap", "--add", "-g", "512", path, "fine", NULL});
	run((const char *[]){"qemu-img", "bitmap", "--add", "-g", "512k", path, "coarse", NULL});
	run((const char *[]){"qemu-io", "-f", "qcow2", "-c", "write 1023488 512", path, NULL});
	source = open_changes(path, "qcow2", "fine");
	reader = source->ops->open_reader(source, &last_error);
	expect_change(reader, 0, 960 * 1024);
	expect_changes(reader, 0, source->size, "same 0.9375,changed 0.03906,");
	vk_source_reader_free(g_steal_pointer(&reader));
	vk_source_free(source);
	source = open_changes(path, "qcow2", "coarse");
	reader = source->ops->open_reader(source, &last_error);
	expect_change(reader, 0, 512 * 1024);
	expect_change(reader, 600 * 1024, 600 * 1024);
}
END_TEST

START_TEST(changes_not_offered)
{
	g_autofree char *path = path_of("a.qcow2");
	g_autofree char *raw = path_of("a.raw");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	make_qcow2(path);
	source = open_changes(path, "qcow2", "none");
	ck_assert(!source->knows_changes);
	reader = source->ops->open_reader(source, &last_error);
	expect_map(reader, 0, SIZE, "hole 1,data 1,hole 6,");
	put(raw, 0, 1, MIB);
	vk_source_reader_free(g_steal_pointer(&reader));
	vk_source_free(source);
	source = open_changes(raw, "raw", "none");
	ck_assert(!source->knows_changes);
}
END_TEST

static guint count_questions(const char *name, const char *size)
{
	g_autofree char *path = path_of(name);
	g_autoptr(VkNbdServer) server = NULL;
	g_autoptr(VkNbdChanges) changes = NULL;
	guint64 limit = (guint64)atoll(size) << 30, position = 0, start = 0, found = 0;

	run((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", path, size, NULL});
	add_bitmap(path, "b");
	run((const char *[]){"qemu-io", "-f", "qcow2", "-c", "write 300M 3M", "-c",
			     "write 1000M 64k", path, NULL});
	server = vk_nbd_server_start_chain(&(VkQemuLayer){.path = path, .format = "qcow2"}, 1, "b",
					   &last_error);
	expect_ok(server != NULL);
	changes = vk_nbd_changes_new(vk_nbd_server_socket(server), "", "b", &last_error);
	expect_ok(changes != NULL);
	while (position < limit) {
		expect_ok(vk_nbd_changes_find(changes, position, limit, &start, &position,
					      &last_error));
		found += position - start;
	}
	ck_assert_uint_eq(found, 3 * MIB + 64 * 1024);
	return vk_nbd_changes_asked(changes);
}

START_TEST(changes_in_big_steps)
{
	ck_assert_uint_le(count_questions("small.qcow2", "1G"), 1);
	ck_assert_uint_le(count_questions("big.qcow2", "256G"), 128);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, qcow2_changes);
	tcase_add_test(tests, changes_of_any_granularity);
	tcase_add_test(tests, changes_not_offered);
	tcase_add_test(tests, changes_in_big_steps);
}

int main(void)
{
	return run_source_tests("source-changes", add_tests);
}
