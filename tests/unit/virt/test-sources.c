/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child.h"
#include "domain.h"
#include "errors.h"
#include "nbd-changes-priv.h"
#include "nbd-server.h"
#include "nbd-writer.h"
#include "qemu-image.h"
#include "source-nbd.h"
#include "offline-source.h"
#include "source-file.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB  (1024 * 1024)
#define SIZE (8 * MIB)

static char *directory;
static GError *error;

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep test, ä XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
}

static void tear_down(void)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		g_unlink(path);
	}
	g_rmdir(directory);
	g_clear_pointer(&directory, g_free);
	g_clear_error(&error);
}

static void expect_ok(gboolean ok)
{
	ck_assert_msg(ok, "%s", error ? error->message : "no error");
}

static void expect_fail(gboolean ok, int code)
{
	ck_assert(!ok);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(error->code == code, "code %d: %s", error->code, error->message);
	g_clear_error(&error);
}

static char *path_of(const char *name)
{
	return g_build_filename(directory, name, NULL);
}

static void put(const char *path, guint64 offset, int byte, gsize length)
{
	g_autofree guint8 *buf = g_malloc(length);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	memset(buf, byte, length);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, buf, length, (off_t)offset), (ssize_t)length);
	close(fd);
}

static void resize(const char *path, guint64 size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static guint8 byte_at(VkSourceReader *reader, guint64 offset)
{
	guint8 buf[512];

	expect_ok(reader->ops->submit(reader, offset / 512 * 512, 512, buf, &error));
	expect_ok(reader->ops->complete(reader, &error));
	return buf[offset % 512];
}

/* The map as text: "data 1, hole 7," in MiB. */
static char *map_text(VkSourceReader *reader, guint64 offset, guint64 length)
{
	static const char *const names[] = {"data", "zero", "hole", "same"};
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	GString *text = g_string_new(NULL);
	guint64 position = offset;

	expect_ok(reader->ops->map(reader, offset, length, extents, &error));
	for (guint i = 0; i < extents->len; i++) {
		const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i);

		ck_assert_uint_eq(extent->offset, position);
		position += extent->length;
		g_string_append_printf(text, "%s %.4g,", names[extent->kind],
				       (double)extent->length / MIB);
	}
	ck_assert_uint_eq(position, offset + length);
	return g_string_free(text, FALSE);
}

static void expect_map(VkSourceReader *reader, guint64 offset, guint64 length, const char *text)
{
	g_autofree char *got = map_text(reader, offset, length);

	ck_assert_str_eq(got, text);
}

START_TEST(file_holes)
{
	g_autofree char *path = path_of("a.raw");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	put(path, 2 * MIB, 7, MIB);
	resize(path, SIZE);
	source = vk_source_file_new(path, &error);
	expect_ok(source != NULL);
	ck_assert_uint_eq(source->size, SIZE);
	reader = source->ops->open_reader(source, &error);
	expect_map(reader, 0, SIZE, "hole 2,data 1,hole 5,");
	expect_map(reader, 2 * MIB + MIB / 2, 2 * MIB, "data 0.5,hole 1.5,");
	expect_map(reader, 4 * MIB, MIB, "hole 1,");
	ck_assert_uint_eq(byte_at(reader, 2 * MIB), 7);
	ck_assert_uint_eq(byte_at(reader, MIB), 0);
}
END_TEST

/* Reads complete in the order of their submission, each into its own buffer. */
static void expect_reads_in_flight(VkSourceReader *reader, const guint8 *bytes)
{
	g_autofree guint8 *buf = g_malloc0((gsize)VK_SOURCE_DEPTH * MIB);

	for (guint i = 0; i < VK_SOURCE_DEPTH; i++)
		expect_ok(
			reader->ops->submit(reader, (guint64)i * MIB, MIB, buf + i * MIB, &error));
	for (guint i = 0; i < VK_SOURCE_DEPTH; i++) {
		expect_ok(reader->ops->complete(reader, &error));
		ck_assert_uint_eq(buf[i * MIB], bytes[i]);
		ck_assert_uint_eq(buf[(i + 1) * MIB - 1], bytes[i]);
	}
}

START_TEST(file_reads_in_flight)
{
	g_autofree char *path = path_of("a.raw");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	for (int i = 0; i < VK_SOURCE_DEPTH; i++)
		put(path, (guint64)i * MIB, i + 1, MIB);
	source = vk_source_file_new(path, &error);
	expect_ok(source != NULL);
	reader = source->ops->open_reader(source, &error);
	expect_reads_in_flight(reader, (const guint8[]){1, 2, 3, 4});
}
END_TEST

START_TEST(file_odd_size)
{
	g_autofree char *path = path_of("odd.raw");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	put(path, 0, 9, 700);
	source = vk_source_file_new(path, &error);
	expect_ok(source != NULL);
	ck_assert_uint_eq(source->size, 1024);
	reader = source->ops->open_reader(source, &error);
	ck_assert_uint_eq(byte_at(reader, 699), 9);
	ck_assert_uint_eq(byte_at(reader, 700), 0);
}
END_TEST

START_TEST(file_shrinks)
{
	g_autofree char *path = path_of("a.raw");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;
	guint8 buf[512];

	put(path, 0, 9, MIB);
	source = vk_source_file_new(path, &error);
	reader = source->ops->open_reader(source, &error);
	resize(path, 4096);
	expect_ok(reader->ops->submit(reader, 8192, 512, buf, &error));
	expect_fail(reader->ops->complete(reader, &error), VK_ERROR_CHANGED);
}
END_TEST

START_TEST(file_refused)
{
	g_autofree char *path = path_of("none");

	expect_fail(vk_source_file_new(path, &error) != NULL, VK_ERROR_NOT_FOUND);
	expect_fail(vk_source_file_new(directory, &error) != NULL, VK_ERROR_FAILED);
}
END_TEST

static void run(const char *const *argv)
{
	g_autofree char *output = vk_child_run(argv, 10, &error);

	expect_ok(output != NULL);
}

/*
 * A qcow2 image with a MiB of data at 1 MiB and zeros behind it, as a restore and its guest write.
 */
static void make_qcow2(const char *path)
{
	g_autoptr(VkNbdServer) server = NULL;
	g_autoptr(VkNbdWriter) writer = NULL;
	g_autofree guint8 *buf = g_malloc((gsize)2 * MIB);

	memset(buf, 5, (gsize)2 * MIB);
	expect_ok(vk_image_file_create(&(VkQemuLayer){.path = path, .format = "qcow2"}, NULL, SIZE,
				       &error));
	server = vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "qcow2"}, VK_NBD_WRITE,
				     &error);
	expect_ok(server != NULL);
	writer = vk_nbd_writer_new(vk_nbd_server_socket(server), &error);
	expect_ok(writer != NULL);
	ck_assert_uint_eq(vk_nbd_writer_size(writer), SIZE);
	expect_ok(vk_nbd_writer_write(writer, MIB, buf, (gsize)2 * MIB, &error));
	expect_ok(vk_nbd_writer_flush(writer, &error));
	expect_ok(vk_nbd_server_stop(server, &error));
	run((const char *[]){"qemu-io", "-f", "qcow2", "-c", "write -z 2M 1M", path, NULL});
}

static void add_bitmap(const char *path, const char *name)
{
	run((const char *[]){"qemu-img", "bitmap", "--add", "-g", "65536", path, name, NULL});
}

static VkSource *open_changes(const char *path, const char *format, const char *bitmap)
{
	g_autofree char *path_copy = g_strdup(path);
	g_autofree char *format_copy = g_strdup(format);
	VkDomainImage image = {.path = path_copy, .format = format_copy};
	g_autoptr(GPtrArray) backing = g_ptr_array_new();
	VkDomainDisk disk = {.image = &image, .backing = backing};
	VkSource *source = vk_source_offline_new(NULL, &disk, bitmap, &error);

	expect_ok(source != NULL);
	return source;
}

static VkSource *open_image(const char *path, const char *format)
{
	VkSource *source = open_changes(path, format, NULL);

	ck_assert_uint_eq(source->size, SIZE);
	ck_assert(!source->knows_changes);
	return source;
}

START_TEST(qcow2_round_trip)
{
	g_autofree char *path = path_of("a, b=ü.qcow2");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;
	g_autoptr(VkSourceReader) other = NULL;

	make_qcow2(path);
	source = open_image(path, "qcow2");
	reader = source->ops->open_reader(source, &error);
	expect_ok(reader != NULL);
	other = source->ops->open_reader(source, &error);
	expect_ok(other != NULL);
	expect_map(reader, 0, SIZE, "hole 1,data 1,hole 6,");
	ck_assert_uint_eq(byte_at(reader, MIB), 5);
	ck_assert_uint_eq(byte_at(other, 2 * MIB), 0);
	expect_reads_in_flight(reader, (const guint8[]){0, 5, 0, 0});
}
END_TEST

START_TEST(qcow2_backing_chain)
{
	g_autofree char *base = path_of("base.qcow2");
	g_autofree char *top = path_of("top.qcow2");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	make_qcow2(base);
	run((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base,
			     top, NULL});
	source = open_image(top, "qcow2");
	reader = source->ops->open_reader(source, &error);
	expect_ok(reader != NULL);
	ck_assert_uint_eq(byte_at(reader, MIB), 5);
}
END_TEST

/* As map_text(), but how a changed range is allocated is up to QEMU and the file system. */
static void expect_changes(VkSourceReader *reader, guint64 offset, guint64 length, const char *text)
{
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	g_autoptr(GString) got = g_string_new(NULL);
	guint64 position = offset, begin = offset;

	expect_ok(reader->ops->map(reader, offset, length, extents, &error));
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

	expect_ok(reader->ops->seek_change(reader, offset, &found, &error));
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
	reader = source->ops->open_reader(source, &error);
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
	reader = source->ops->open_reader(source, &error);
	expect_change(reader, 0, 960 * 1024);
	expect_changes(reader, 0, source->size, "same 0.9375,changed 0.03906,");
	vk_source_reader_free(g_steal_pointer(&reader));
	vk_source_free(source);
	source = open_changes(path, "qcow2", "coarse");
	reader = source->ops->open_reader(source, &error);
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
	reader = source->ops->open_reader(source, &error);
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
					   &error);
	expect_ok(server != NULL);
	changes = vk_nbd_changes_new(vk_nbd_server_socket(server), "", "b", &error);
	expect_ok(changes != NULL);
	while (position < limit) {
		expect_ok(vk_nbd_changes_find(changes, position, limit, &start, &position, &error));
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

/* A raw image that looks like a qcow2 stays raw: its guest wrote those bytes. */
START_TEST(raw_is_never_probed)
{
	g_autofree char *path = path_of("a.raw");
	g_autoptr(VkNbdServer) server = NULL;
	g_autoptr(VkSource) source = NULL;

	make_qcow2(path);
	resize(path, SIZE);
	server = vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "raw"},
				     VK_NBD_READ_ONLY, &error);
	expect_ok(server != NULL);
	source = vk_source_nbd_new(vk_nbd_server_socket(server), "", NULL, &error);
	expect_ok(source != NULL);
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, &error);

	ck_assert_uint_eq(byte_at(reader, 0), 'Q');
	expect_fail(vk_nbd_writer_new(vk_nbd_server_socket(server), &error) != NULL,
		    VK_ERROR_FAILED);
}
END_TEST

START_TEST(server_refuses)
{
	g_autofree char *path = path_of("a.raw");
	g_autofree char *none = path_of("none");

	put(path, 0, 1, MIB);
	expect_fail(vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "qcow2"},
					VK_NBD_READ_ONLY, &error) != NULL,
		    VK_ERROR_FAILED);
	expect_fail(vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "raw,x=y"},
					VK_NBD_READ_ONLY, &error) != NULL,
		    VK_ERROR_FAILED);
	expect_fail(vk_nbd_server_start(&(VkQemuLayer){.path = none, .format = "raw"},
					VK_NBD_READ_ONLY, &error) != NULL,
		    VK_ERROR_NOT_FOUND);
	expect_fail(vk_source_nbd_new(none, "vda", NULL, &error) != NULL, VK_ERROR_CHANGED);
}
END_TEST

START_TEST(server_goes_away)
{
	g_autofree char *path = path_of("a.raw");
	g_autofree char *socket = NULL;
	VkNbdServer *server;
	VkSource *source;
	VkSourceReader *reader;
	guint8 buf[512];

	put(path, 0, 1, MIB);
	server = vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "raw"},
				     VK_NBD_READ_ONLY, &error);
	expect_ok(server != NULL);
	socket = g_strdup(vk_nbd_server_socket(server));
	source = vk_source_nbd_new(socket, "", NULL, &error);
	reader = source->ops->open_reader(source, &error);
	expect_ok(reader != NULL);
	vk_nbd_server_free(server);
	ck_assert(!g_file_test(socket, G_FILE_TEST_EXISTS));
	expect_fail(reader->ops->submit(reader, 0, 512, buf, &error) &&
			    reader->ops->complete(reader, &error),
		    VK_ERROR_CHANGED);
	vk_source_reader_free(reader);
	vk_source_free(source);
}
END_TEST

START_TEST(child_outcome)
{
	const char *fails[] = {"sh", "-c", "echo no good >&2; exit 3", NULL};
	const char *absent[] = {"virtkeep-no-such-tool", NULL};
	const char *large[] = {"sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x", NULL};
	g_autofree char *output = NULL;

	ck_assert_ptr_null(vk_child_run(fails, 10, &error));
	ck_assert_str_eq(error->message, "no good");
	g_clear_error(&error);
	expect_fail(vk_child_run(absent, 10, &error) != NULL, VK_ERROR_FAILED);
	output = vk_child_run(large, 10, &error);
	expect_ok(output != NULL);
	ck_assert_uint_eq(strlen(output), 300000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sources");
	TCase *tests = tcase_create("sources");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, file_holes);
	tcase_add_test(tests, file_reads_in_flight);
	tcase_add_test(tests, file_odd_size);
	tcase_add_test(tests, file_shrinks);
	tcase_add_test(tests, file_refused);
	tcase_add_test(tests, qcow2_round_trip);
	tcase_add_test(tests, qcow2_backing_chain);
	tcase_add_test(tests, qcow2_changes);
	tcase_add_test(tests, changes_of_any_granularity);
	tcase_add_test(tests, changes_not_offered);
	tcase_add_test(tests, changes_in_big_steps);
	tcase_add_test(tests, raw_is_never_probed);
	tcase_add_test(tests, server_refuses);
	tcase_add_test(tests, server_goes_away);
	tcase_add_test(tests, child_outcome);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
