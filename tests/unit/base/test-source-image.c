/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Images of sources: bytes and extents against a model, from many threads, with failures. */
#include "errors.h"
#include "memory-source.h"
#include "source-image.h"
#include "temp-vault.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS  200

static GRand *seeded;
static const VkSourceOps *inner_ops;
static gint readers; /* atomic: opened so far */

static VkSourceReader *open_counted(VkSource *source, GError **error)
{
	g_atomic_int_inc(&readers);
	return inner_ops->open_reader(source, error);
}

static void free_source(VkSource *source)
{
	inner_ops->free(source);
}

static const VkSourceOps counting_ops = {.open_reader = open_counted, .free = free_source};

static MemSource *new_source(guint64 size)
{
	MemSource *source = mem_source_new(size);

	readers = 0;
	inner_ops = source->base.ops;
	source->base.ops = &counting_ops;
	return source;
}

static void check_read(VkImage *image, const MemSource *source, GRand *random)
{
	guint64 at = (guint64)g_rand_int_range(random, 0, (gint32)image->size);
	gsize length = (gsize)g_rand_int_range(random, 0, (gint32)(image->size - at) + 1);
	g_autofree guint8 *bytes = g_malloc(MAX(length, 1));

	ck_assert(vk_image_read(image, at, bytes, length, NULL));
	ck_assert(memcmp(bytes, source->bytes + at, length) == 0);
}

START_TEST(bytes_are_those_of_the_source)
{
	/* More than one read can give, and no whole number of units. */
	MemSource *source = new_source(3 * VK_SOURCE_READ_MAX + 1234);
	g_autoptr(VkImage) image = vk_source_image_new(&source->base, -1);

	mem_source_scribble(source, seeded, 200, 50);
	ck_assert_uint_eq(image->size, source->base.size);
	ck_assert_int_eq(image->fd, -1);
	for (guint i = 0; i < 50; i++)
		check_read(image, source, seeded);
	ck_assert_int_eq(readers, 1);
}
END_TEST

START_TEST(extents_are_those_of_the_source)
{
	MemSource *source = new_source(500 * MEM_UNIT + 1);
	g_autoptr(VkImage) image = vk_source_image_new(&source->base, -1);
	guint64 length;

	mem_source_scribble(source, seeded, 60, 20);
	for (guint64 at = 0; at < image->size; at += length) {
		gboolean is_data;

		ck_assert(vk_image_extent(image, at, &is_data, &length, NULL));
		ck_assert_uint_gt(length, 0);
		ck_assert_uint_le(length, image->size - at);
		for (guint64 unit = at / MEM_UNIT; unit * MEM_UNIT < at + length; unit++)
			ck_assert_int_eq(source->kinds[unit] == VK_SOURCE_DATA, is_data);
		if (at + length < image->size)
			ck_assert_int_ne(source->kinds[(at + length) / MEM_UNIT] == VK_SOURCE_DATA,
					 is_data);
	}
}
END_TEST

typedef struct Shared {
	VkImage *image;
	const MemSource *source;
	guint32 seed;
} Shared;

static gpointer read_many(gpointer data)
{
	const Shared *shared = data;
	GRand *random = g_rand_new_with_seed(shared->seed);

	for (guint i = 0; i < ROUNDS; i++)
		check_read(shared->image, shared->source, random);
	g_rand_free(random);
	return NULL;
}

/* A reader serves one thread at a time; MemSource sees to that. */
START_TEST(threads_have_readers_of_their_own)
{
	MemSource *source = new_source(200000);
	g_autoptr(VkImage) image = vk_source_image_new(&source->base, -1);
	Shared shared[THREADS];
	GThread *threads[THREADS];

	mem_source_scribble(source, seeded, 100, 10);
	for (guint i = 0; i < THREADS; i++) {
		shared[i] = (Shared){image, source, g_rand_int(seeded)};
		threads[i] = g_thread_new("read", read_many, &shared[i]);
	}
	for (guint i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	ck_assert_int_ge(readers, 1);
	ck_assert_int_le(readers, THREADS);
}
END_TEST

START_TEST(a_reader_that_failed_is_not_used_again)
{
	MemSource *source = new_source(100000);
	g_autoptr(VkImage) image = vk_source_image_new(&source->base, -1);
	g_autoptr(GError) error = NULL;
	char bytes[10];

	ck_assert(vk_image_read(image, 0, bytes, sizeof(bytes), NULL));
	ck_assert_int_eq(readers, 1);
	source->fail_after = 0;
	ck_assert(!vk_image_read(image, 0, bytes, sizeof(bytes), &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_CHANGED));
	source->fail_after = -1;
	ck_assert(vk_image_read(image, 0, bytes, sizeof(bytes), NULL));
	ck_assert_int_eq(readers, 2);
}
END_TEST

START_TEST(the_descriptor_lives_as_long_as_the_image)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	MemSource *source = new_source(4096);
	VkImage *image = vk_source_image_new(&source->base, fd);

	ck_assert_int_eq(image->fd, fd);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	vk_image_free(image);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("source-image");
	TCase *cases = tcase_create("source-image");
	SRunner *runner;
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_add_test(cases, bytes_are_those_of_the_source);
	tcase_add_test(cases, extents_are_those_of_the_source);
	tcase_add_test(cases, threads_have_readers_of_their_own);
	tcase_add_test(cases, a_reader_that_failed_is_not_used_again);
	tcase_add_test(cases, the_descriptor_lives_as_long_as_the_image);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
