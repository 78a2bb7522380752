/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-bed.h"

#include "child.h"
#include "domain.h"
#include "errors.h"
#include "nbd-server.h"
#include "nbd-writer.h"
#include "offline-source.h"
#include "qemu-image.h"
#include "temp-vault.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *directory;
GError *last_error;

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep test, ä XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
}

static void tear_down(void)
{
	temp_directory_remove(directory);
	g_clear_pointer(&directory, g_free);
	g_clear_error(&last_error);
}

void expect_ok(gboolean ok)
{
	ck_assert_msg(ok, "%s", last_error ? last_error->message : "no error");
}

void expect_fail(gboolean ok, int code)
{
	ck_assert(!ok);
	ck_assert_ptr_nonnull(last_error);
	ck_assert_msg(last_error->code == code, "code %d: %s", last_error->code,
		      last_error->message);
	g_clear_error(&last_error);
}

char *path_of(const char *name)
{
	return g_build_filename(directory, name, NULL);
}

void put(const char *path, guint64 offset, int byte, gsize length)
{
	g_autofree guint8 *buf = g_malloc(length);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	memset(buf, byte, length);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, buf, length, (off_t)offset), (ssize_t)length);
	close(fd);
}

void resize(const char *path, guint64 size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

guint8 byte_at(VkSourceReader *reader, guint64 offset)
{
	guint8 buf[512];

	expect_ok(reader->ops->submit(reader, offset / 512 * 512, 512, buf, &last_error));
	expect_ok(reader->ops->complete(reader, &last_error));
	return buf[offset % 512];
}

/* The map as text: "data 1, hole 7," in MiB. */
static char *map_text(VkSourceReader *reader, guint64 offset, guint64 length)
{
	static const char *const names[] = {"data", "zero", "hole", "same"};
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	GString *text = g_string_new(NULL);
	guint64 position = offset;

	expect_ok(reader->ops->map(reader, offset, length, extents, &last_error));
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

void expect_map(VkSourceReader *reader, guint64 offset, guint64 length, const char *text)
{
	g_autofree char *got = map_text(reader, offset, length);

	ck_assert_str_eq(got, text);
}

void run(const char *const *argv)
{
	g_autofree char *output = vk_child_run(argv, 10, &last_error);

	expect_ok(output != NULL);
}

void make_qcow2(const char *path)
{
	g_autoptr(VkNbdServer) server = NULL;
	g_autoptr(VkNbdWriter) writer = NULL;
	g_autofree guint8 *buf = g_malloc((gsize)2 * MIB);

	memset(buf, 5, (gsize)2 * MIB);
	expect_ok(vk_image_file_create(&(VkQemuLayer){.path = path, .format = "qcow2"}, NULL, SIZE,
				       &last_error));
	server = vk_nbd_server_start(&(VkQemuLayer){.path = path, .format = "qcow2"}, VK_NBD_WRITE,
				     &last_error);
	expect_ok(server != NULL);
	writer = vk_nbd_writer_new(vk_nbd_server_socket(server), &last_error);
	expect_ok(writer != NULL);
	ck_assert_uint_eq(vk_nbd_writer_size(writer), SIZE);
	expect_ok(vk_nbd_writer_write(writer, MIB, buf, (gsize)2 * MIB, &last_error));
	expect_ok(vk_nbd_writer_flush(writer, &last_error));
	expect_ok(vk_nbd_server_stop(server, &last_error));
	run((const char *[]){"qemu-io", "-f", "qcow2", "-c", "write -z 2M 1M", path, NULL});
}

VkSource *open_changes(const char *path, const char *format, const char *bitmap)
{
	g_autofree char *path_copy = g_strdup(path);
	g_autofree char *format_copy = g_strdup(format);
	VkDomainImage image = {.path = path_copy, .format = format_copy};
	g_autoptr(GPtrArray) backing = g_ptr_array_new();
	VkDomainDisk disk = {.image = &image, .backing = backing};
	VkSource *source = vk_source_offline_new(NULL, &disk, bitmap, &last_error);

	expect_ok(source != NULL);
	return source;
}

int run_source_tests(const char *name, void (*add)(TCase *tests))
{
	Suite *suite = suite_create(name);
	TCase *tests = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	add(tests);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
