/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sources of image files, and the server and the tools behind them. */
#include "child.h"
#include "errors.h"
#include "nbd-server.h"
#include "nbd-writer.h"
#include "source-bed.h"
#include "source-file.h"
#include "source-nbd.h"

#include <string.h>

START_TEST(file_holes)
{
	g_autofree char *path = path_of("a.raw");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	put(path, 2 * MIB, 7, MIB);
	resize(path, SIZE);
	source = vk_source_file_new(path, &last_error);
	expect_ok(source != NULL);
	ck_assert_uint_eq(source->size, SIZE);
	reader = source->ops->open_reader(source, &last_error);
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
		expect_ok(reader->ops->submit(reader, (guint64)i * MIB, MIB, buf + i * MIB,
					      &last_error));
	for (guint i = 0; i < VK_SOURCE_DEPTH; i++) {
		expect_ok(reader->ops->complete(reader, &last_error));
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
	source = vk_source_file_new(path, &last_error);
	expect_ok(source != NULL);
	reader = source->ops->open_reader(source, &last_error);
	expect_reads_in_flight(reader, (const guint8[]){1, 2, 3, 4});
}
END_TEST

START_TEST(file_odd_size)
{
	g_autofree char *path = path_of("odd.raw");
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;

	put(path, 0, 9, 700);
	source = vk_source_file_new(path, &last_error);
	expect_ok(source != NULL);
	ck_assert_uint_eq(source->size, 1024);
	reader = source->ops->open_reader(source, &last_error);
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
	source = vk_source_file_new(path, &last_error);
	reader = source->ops->open_reader(source, &last_error);
	resize(path, 4096);
	expect_ok(reader->ops->submit(reader, 8192, 512, buf, &last_error));
	expect_fail(reader->ops->complete(reader, &last_error), VK_ERROR_CHANGED);
}
END_TEST

START_TEST(file_refused)
{
	g_autofree char *path = path_of("none");

	expect_fail(vk_source_file_new(path, &last_error) != NULL, VK_ERROR_NOT_FOUND);
	expect_fail(vk_source_file_new(directory, &last_error) != NULL, VK_ERROR_FAILED);
}
END_TEST

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
	reader = source->ops->open_reader(source, &last_error);
	expect_ok(reader != NULL);
	other = source->ops->open_reader(source, &last_error);
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
	reader = source->ops->open_reader(source, &last_error);
	expect_ok(reader != NULL);
	ck_assert_uint_eq(byte_at(reader, MIB), 5);
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
				     VK_NBD_READ_ONLY, &last_error);
	expect_ok(server != NULL);
	source = vk_source_nbd_new(vk_nbd_server_socket(server), "", NULL, &last_error);
	expect_ok(source != NULL);
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, &last_error);

	ck_assert_uint_eq(byte_at(reader, 0), 'Q');
	expect_fail(vk_nbd_writer_new(vk_nbd_server_socket(server), &last_error) != NULL,
		    VK_ERROR_FAILED);
}
END_TEST

START_TEST(server_refuses)
{
	g_autofree char *path = path_of("a.raw");
	g_autofree char *none = path_of("none");

	put(path, 0, 1, MIB);
	expect_fail(vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "qcow2"},
					VK_NBD_READ_ONLY, &last_error) != NULL,
		    VK_ERROR_FAILED);
	expect_fail(vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "raw,x=y"},
					VK_NBD_READ_ONLY, &last_error) != NULL,
		    VK_ERROR_FAILED);
	expect_fail(vk_nbd_server_start(&(VkQemuLayer){.path = none, .format = "raw"},
					VK_NBD_READ_ONLY, &last_error) != NULL,
		    VK_ERROR_NOT_FOUND);
	expect_fail(vk_source_nbd_new(none, "vda", NULL, &last_error) != NULL, VK_ERROR_CHANGED);
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
				     VK_NBD_READ_ONLY, &last_error);
	expect_ok(server != NULL);
	socket = g_strdup(vk_nbd_server_socket(server));
	source = vk_source_nbd_new(socket, "", NULL, &last_error);
	reader = source->ops->open_reader(source, &last_error);
	expect_ok(reader != NULL);
	vk_nbd_server_free(server);
	ck_assert(!g_file_test(socket, G_FILE_TEST_EXISTS));
	expect_fail(reader->ops->submit(reader, 0, 512, buf, &last_error) &&
			    reader->ops->complete(reader, &last_error),
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

	ck_assert_ptr_null(vk_child_run(fails, 10, &last_error));
	ck_assert_str_eq(last_error->message, "no good");
	g_clear_error(&last_error);
	expect_fail(vk_child_run(absent, 10, &last_error) != NULL, VK_ERROR_FAILED);
	output = vk_child_run(large, 10, &last_error);
	expect_ok(output != NULL);
	ck_assert_uint_eq(strlen(output), 300000);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, file_holes);
	tcase_add_test(tests, file_reads_in_flight);
	tcase_add_test(tests, file_odd_size);
	tcase_add_test(tests, file_shrinks);
	tcase_add_test(tests, file_refused);
	tcase_add_test(tests, qcow2_round_trip);
	tcase_add_test(tests, qcow2_backing_chain);
	tcase_add_test(tests, raw_is_never_probed);
	tcase_add_test(tests, server_refuses);
	tcase_add_test(tests, server_goes_away);
	tcase_add_test(tests, child_outcome);
}

int main(void)
{
	return run_source_tests("sources", add_tests);
}
