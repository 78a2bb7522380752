/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is written arrives, past the page cache where that is possible and through it where it is
 * not.
 */
#include "bulk-writer.h"
#include "errors.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE ((gsize)1 << 20)

static char *path;
static int fd;
static VkBulkWriter writer;
static guint8 *bytes;
static VkIo real_io;
static guint direct_calls, direct_failure, cached_calls;

static gboolean is_direct(int file)
{
	return (fcntl(file, F_GETFL) & O_DIRECT) != 0;
}

/* With a failure the first half of a direct write still arrives. */
static ssize_t watched_pwrite(int file, const void *buf, size_t length, off_t offset)
{
	if (!is_direct(file)) {
		cached_calls++;
		return real_io.pwrite(file, buf, length, offset);
	}
	direct_calls++;
	if (direct_failure && length < SIZE) {
		errno = (int)direct_failure;
		return -1;
	}
	return real_io.pwrite(file, buf, direct_failure ? length / 2 : length, offset);
}

static void setup(void)
{
	/* In the build folder: a tmpfs, where TMPDIR may lie, has but the page cache. */
	path = g_strdup("test-bulkwriter-XXXXXX");
	fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	bytes = g_aligned_alloc(1, SIZE, VK_BULK_ALIGNMENT);
	for (gsize i = 0; i < SIZE; i++)
		bytes[i] = (guint8)(i * 2654435761u >> 24);
	real_io = vk_io;
	vk_io.pwrite = watched_pwrite;
	direct_calls = direct_failure = cached_calls = 0;
	vk_bulk_writer_init(&writer, fd, path);
}

static void teardown(void)
{
	vk_bulk_writer_done(&writer);
	vk_io = real_io;
	close(fd);
	g_unlink(path);
	g_free(path);
	g_aligned_free(bytes);
}

static void write_piece(gsize start, gsize length, guint64 offset)
{
	g_autofree guint8 *back = g_malloc(length);

	ck_assert(vk_bulk_writer_write(&writer, offset, bytes + start, length, NULL));
	ck_assert_int_eq(pread(fd, back, length, (off_t)offset), (gssize)length);
	ck_assert_mem_eq(back, bytes + start, length);
}

static const struct {
	gsize start, length;
	guint64 offset;
	gboolean is_direct;
} pieces[] = {
	{0, SIZE, 0, TRUE},          {4096, 65536, 4096, TRUE}, {0, 61440, 0, FALSE}, /* small */
	{0, SIZE - 512, 0, FALSE},                                                    /* its end */
	{512, 65536, 0, FALSE},   /* its address */
	{0, 65536, 10240, FALSE}, /* its place */
	{0, 1, 3 * SIZE - 1, FALSE},
};

START_TEST(pieces_arrive)
{
	gboolean expected = pieces[_i].is_direct && vk_bulk_writer_waits(&writer);

	write_piece(pieces[_i].start, pieces[_i].length, pieces[_i].offset);
	ck_assert_uint_eq(direct_calls, expected ? 1 : 0);
	ck_assert_uint_eq(cached_calls, expected ? 0 : 1);
}
END_TEST

START_TEST(what_is_refused_goes_through_the_cache)
{
	direct_failure = EINVAL;
	write_piece(0, SIZE, 0);
	ck_assert_uint_eq(cached_calls, 1);
}
END_TEST

START_TEST(where_nobody_tells_the_alignment_the_cache_is_used)
{
	int pipe_ends[2];

	ck_assert_int_eq(pipe(pipe_ends), 0);
	vk_bulk_writer_done(&writer);
	vk_bulk_writer_init(&writer, pipe_ends[1], "pipe");
	ck_assert(!vk_bulk_writer_waits(&writer));
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
END_TEST

START_TEST(an_error_names_the_file)
{
	g_autoptr(GError) error = NULL;
	VkBulkWriter closed;

	vk_bulk_writer_init(&closed, -1, path);
	ck_assert(!vk_bulk_writer_write(&closed, 0, bytes, SIZE, &error));
	ck_assert_ptr_nonnull(strstr(error->message, path));
}
END_TEST

/* Without this the rest would pass where nothing is direct. */
START_TEST(ext4_and_xfs_are_written_past_the_cache)
{
#ifdef STATX_DIOALIGN
	struct statx facts;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) == 0 &&
	    facts.stx_dio_offset_align > 0)
		ck_assert(vk_bulk_writer_waits(&writer));
#endif
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bulk-writer");
	TCase *cases = tcase_create("bulk-writer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, pieces_arrive, 0, G_N_ELEMENTS(pieces));
	tcase_add_test(cases, what_is_refused_goes_through_the_cache);
	tcase_add_test(cases, where_nobody_tells_the_alignment_the_cache_is_used);
	tcase_add_test(cases, an_error_names_the_file);
	tcase_add_test(cases, ext4_and_xfs_are_written_past_the_cache);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
