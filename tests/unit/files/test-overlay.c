/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlay against a model in memory, with its bound and the image's failures. */
#include "overlay.h"

#include "errors.h"
#include "io.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No whole number of pages. */
#define SIZE (300 * 1024 + 77)

typedef struct Memory {
	VkImage base;
	guint8 bytes[SIZE];
	gboolean broken;
} Memory;

static gboolean read_memory(VkImage *image, guint64 offset, void *buf, gsize length, GError **error)
{
	Memory *memory = (Memory *)image;

	if (memory->broken)
		return vk_fail(error, VK_ERROR_DAMAGE, "broken");
	memcpy(buf, memory->bytes + offset, length);
	return TRUE;
}

static void free_memory(VkImage *image)
{
	g_free(image);
}

static const VkImageOps ops = {.read = read_memory, .free = free_memory};

static Memory *new_memory(void)
{
	Memory *memory = g_new0(Memory, 1);

	memory->base = (VkImage){.ops = &ops, .size = SIZE, .fd = -1};
	for (gsize i = 0; i < SIZE; i++)
		memory->bytes[i] = (guint8)(i * 7 + i / 251);
	return memory;
}

START_TEST(is_the_image_with_the_writes_over_it)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	Memory *memory = new_memory();
	g_autofree guint8 *model = g_memdup2(memory->bytes, SIZE);
	g_autofree guint8 *bytes = g_malloc0(SIZE);
	g_autoptr(VkOverlay) overlay = vk_overlay_new(&memory->base, 1 << 20, NULL);

	for (guint round = 0; round < 500; round++) {
		guint64 at = (guint64)g_rand_int_range(random, 0, SIZE);
		gsize length = (gsize)g_rand_int_range(random, 1, 20000);

		length = MIN(length, SIZE - at);
		if (g_rand_boolean(random)) {
			memset(bytes, g_rand_int_range(random, 0, 256), length);
			memcpy(model + at, bytes, length);
			ck_assert(vk_overlay_write(overlay, at, bytes, length, NULL));
		} else {
			ck_assert(vk_overlay_read(overlay, at, bytes, length, NULL));
			ck_assert(memcmp(bytes, model + at, length) == 0);
		}
	}
	ck_assert(vk_overlay_read(overlay, 0, bytes, SIZE, NULL));
	ck_assert(memcmp(bytes, model, SIZE) == 0);
}
END_TEST

START_TEST(the_image_does_not_change)
{
	Memory *memory = new_memory();
	g_autofree guint8 *before = g_memdup2(memory->bytes, SIZE);
	g_autoptr(VkOverlay) overlay = vk_overlay_new(&memory->base, 1 << 20, NULL);

	ck_assert(vk_overlay_write(overlay, 5, "hello", 5, NULL));
	ck_assert(memcmp(memory->bytes, before, SIZE) == 0);
}
END_TEST

START_TEST(it_keeps_no_more_than_its_limit)
{
	Memory *memory = new_memory();
	g_autofree guint8 *bytes = g_malloc0(SIZE);
	g_autoptr(VkOverlay) overlay = vk_overlay_new(&memory->base, 2 * 4096, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert(vk_overlay_write(overlay, 0, bytes, 2 * 4096, NULL));
	ck_assert(!vk_overlay_write(overlay, 2 * 4096, bytes, 1, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	/* What is kept can be written again. */
	ck_assert(vk_overlay_write(overlay, 100, "x", 1, NULL));
}
END_TEST

START_TEST(trouble_of_the_image_is_reported)
{
	Memory *memory = new_memory();
	g_autoptr(VkOverlay) overlay = vk_overlay_new(&memory->base, 1 << 20, NULL);
	g_autoptr(GError) error = NULL;
	guint8 byte;

	memory->broken = TRUE;
	ck_assert(!vk_overlay_read(overlay, 0, &byte, 1, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	g_clear_error(&error);
	/* A part of a page needs the rest of it, a whole one does not. */
	ck_assert(!vk_overlay_write(overlay, 0, "x", 1, &error));
	memory->broken = FALSE;
	ck_assert(vk_overlay_read(overlay, 0, &byte, 1, NULL));
	ck_assert_uint_eq(byte, memory->bytes[0]);
}
END_TEST

static ssize_t failing_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	errno = ENOSPC;
	return -1;
}

START_TEST(a_page_that_was_not_written_is_the_images)
{
	Memory *memory = new_memory();
	g_autofree guint8 *bytes = g_malloc0(4096);
	g_autoptr(VkOverlay) overlay = vk_overlay_new(&memory->base, 1 << 20, NULL);
	const VkIo kept = vk_io;
	gboolean ok;

	vk_io.pwrite = failing_pwrite;
	ok = vk_overlay_write(overlay, 4096, bytes, 4096, NULL);
	vk_io = kept;
	ck_assert(!ok);
	ck_assert(vk_overlay_read(overlay, 4096, bytes, 4096, NULL));
	ck_assert(memcmp(bytes, memory->bytes + 4096, 4096) == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("overlay");
	TCase *cases = tcase_create("overlay");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, is_the_image_with_the_writes_over_it);
	tcase_add_test(cases, the_image_does_not_change);
	tcase_add_test(cases, it_keeps_no_more_than_its_limit);
	tcase_add_test(cases, trouble_of_the_image_is_reported);
	tcase_add_test(cases, a_page_that_was_not_written_is_the_images);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
