/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many threads read one image while the cache of blocks is too small for all that they want. */
#include "generations.h"
#include "image-bed.h"
#include "vault-image.h"

#include <string.h>

#define SIZE    (20 * (guint64)65536 + 512)
#define THREADS 4
#define READS   200
#define LENGTH  3000

typedef struct Reader {
	VkImage *image;
	const MemSource *model;
	guint32 seed;
	guint wrong; /* reads */
} Reader;

static gpointer read_anywhere(gpointer data)
{
	Reader *reader = data;
	g_autoptr(GRand) random = g_rand_new_with_seed(reader->seed);
	guint8 bytes[LENGTH];

	for (guint i = 0; i < READS; i++) {
		guint64 at = (guint64)g_rand_int_range(random, 0, (gint32)(SIZE - LENGTH));

		if (!vk_image_read(reader->image, at, bytes, LENGTH, NULL) ||
		    memcmp(bytes, reader->model->bytes + at, LENGTH) != 0)
			reader->wrong++;
	}
	return NULL;
}

START_TEST(each_reads_what_is_there)
{
	g_autoptr(VkImage) image = NULL;
	GThread *threads[THREADS];
	Reader readers[THREADS];

	save_generations(3, SIZE);
	image = vk_vault_image_open(vault, image_of(snapshots[2]), NULL);
	ck_assert_ptr_nonnull(image);
	vk_vault_set_cache_size(vault, 4 * VK_BLOCK_SIZE);
	for (guint i = 0; i < THREADS; i++) {
		readers[i] = (Reader){image, models[2], g_rand_int(seeded), 0};
		threads[i] = g_thread_new("reader", read_anywhere, &readers[i]);
	}
	for (guint i = 0; i < THREADS; i++) {
		g_thread_join(threads[i]);
		ck_assert_uint_eq(readers[i].wrong, 0);
	}
	g_clear_pointer(&image, vk_image_free);
	drop_generations();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, each_reads_what_is_there);
}

int main(void)
{
	return run_image_tests("image-threads", add_tests);
}
