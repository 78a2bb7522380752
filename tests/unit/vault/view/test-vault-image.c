/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images saved and read back, against a model in memory: through many generations of changes,
 * resizes, any number of workers.
 */
#include "catalog.h"
#include "image-bed.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <string.h>

/* A block of data at each multiple of HUGE_STEP, in which each 8 bytes say where they are. */
#define HUGE_STEP ((guint64)100 << 30)

typedef struct HugeSource {
	VkSource base;
} HugeSource;

static gboolean huge_map(VkSourceReader *reader, guint64 offset, guint64 length, GArray *extents,
			 GError **error)
{
	for (guint64 at = offset, next; at < offset + length; at = next) {
		guint64 start = at / HUGE_STEP * HUGE_STEP;
		gboolean in_data = at < start + VK_BLOCK_SIZE;

		next = MIN(start + (in_data ? VK_BLOCK_SIZE : HUGE_STEP), offset + length);
		VkSourceExtent extent = {.offset = at,
					 .length = next - at,
					 .kind = in_data ? VK_SOURCE_DATA : VK_SOURCE_HOLE};
		g_array_append_val(extents, extent);
	}
	return TRUE;
}

static gboolean huge_submit(VkSourceReader *reader, guint64 offset, gsize length, void *buf,
			    GError **error)
{
	for (gsize i = 0; i < length; i += sizeof(guint64))
		*(guint64 *)((guint8 *)buf + i) = offset + i;
	return TRUE;
}

static gboolean huge_complete(VkSourceReader *reader, GError **error)
{
	return TRUE;
}

static void huge_reader_free(VkSourceReader *reader)
{
	g_free(reader);
}

static VkSourceReader *huge_open_reader(VkSource *source, GError **error)
{
	static const VkSourceReaderOps ops = {
		.map = huge_map,
		.submit = huge_submit,
		.complete = huge_complete,
		.free = huge_reader_free,
	};
	VkSourceReader *reader = g_new0(VkSourceReader, 1);

	reader->ops = &ops;
	return reader;
}

static const VkSourceOps huge_ops = {huge_open_reader, NULL};

START_TEST(generations_of_changes_read_back)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1 + (guint)_i, NULL);
	guint64 size = (guint64)g_rand_int_range(seeded, 0, 3 << 20) +
		       (guint64)g_rand_int_range(seeded, 0, 2) * VK_PACK_SIZE;
	MemSource *source = mem_source_new(size);
	g_autoptr(VkSnapshot) parent = NULL;

	for (guint generation = 0; generation < 11; generation++) {
		VkSaveStats stats = {0};
		VkSnapshot *loaded;

		mem_source_scribble(source, seeded, generation ? 6 : 60, 300);
		loaded = commit(session,
				save(session, source, parent ? image_of(parent) : NULL, &stats));
		g_clear_pointer(&parent, vk_snapshot_free);
		parent = loaded;
		check_image(vault, image_of(parent), source);
		if (generation % 4 == 3) {
			MemSource *resized = mem_source_resized(
				source,
				(guint64)g_rand_int_range(seeded, 0, (gint32)size + 100000));

			vk_source_free(&source->base);
			source = resized;
		}
	}
	vk_source_free(&source->base);
}
END_TEST

START_TEST(old_snapshots_stay_as_they_were)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	g_autoptr(GPtrArray) states = g_ptr_array_new();
	MemSource *source = mem_source_new(5 * VK_BLOCK_SIZE * 17 + 123);
	g_autoptr(VkSnapshot) parent = NULL;
	g_autoptr(GPtrArray) keys = NULL;
	g_autoptr(VkVault) again = NULL;

	for (guint i = 0; i < 10; i++) {
		VkSaveStats stats = {0};
		VkSnapshot *loaded;

		mem_source_scribble(source, seeded, 5, 50);
		loaded = commit(session,
				save(session, source, parent ? image_of(parent) : NULL, &stats));
		g_clear_pointer(&parent, vk_snapshot_free);
		parent = loaded;
		g_ptr_array_add(states, mem_source_resized(source, source->base.size));
	}
	again = vk_vault_open(directory, VK_VAULT_READ, NULL);
	keys = vk_catalog_list(again, UUID, NULL);
	ck_assert_uint_eq(keys->len, states->len);
	for (guint i = 0; i < keys->len; i++) {
		g_autoptr(VkSnapshot) snapshot = vk_catalog_load(again, keys->pdata[i], NULL);
		MemSource *state = states->pdata[i];

		check_image(again, image_of(snapshot), state);
		vk_source_free(&state->base);
	}
	vk_source_free(&source->base);
}
END_TEST

START_TEST(equal_content_is_stored_once)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(40 * VK_BLOCK_SIZE);
	VkSaveStats first = {0}, second = {0}, third = {0};
	g_autoptr(VkSnapshot) parent = NULL;
	g_autoptr(VkSession) other = NULL;

	for (guint64 i = 0; i < source->base.size; i++)
		source->bytes[i] = (guint8)(i % 251 + i / VK_BLOCK_SIZE);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	parent = commit(session, save(session, source, NULL, &first));
	ck_assert_uint_eq(first.fresh, source->base.size);
	ck_assert_uint_eq(first.read, source->base.size);
	/* By position, and without a parent by the hints of another session. */
	vk_image_record_free(save(session, source, image_of(parent), &second));
	ck_assert_uint_eq(second.fresh, 0);
	other = vk_session_new(vault, 2, NULL);
	vk_image_record_free(save(other, source, NULL, &third));
	ck_assert_uint_eq(third.fresh, 0);
	ck_assert_uint_eq(third.stored, 0);
	vk_source_free(&source->base);
}
END_TEST

START_TEST(holes_are_not_read)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(1000 * (guint64)VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) snapshot = NULL;

	memset(source->bytes + 500 * (gsize)VK_BLOCK_SIZE, 7, 10);
	source->kinds[500 * (VK_BLOCK_SIZE / MEM_UNIT)] = VK_SOURCE_DATA;
	snapshot = commit(session, save(session, source, NULL, &stats));
	ck_assert_uint_eq(stats.read, VK_BLOCK_SIZE);
	ck_assert_uint_eq(image_of(snapshot)->allocated, VK_BLOCK_SIZE);
	vk_source_free(&source->base);
}
END_TEST

/* More than anybody has, with a block of data each 100 GiB: time and memory follow the data. */
START_TEST(a_huge_sparse_disk_is_no_matter)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	HugeSource huge = {.base = {.ops = &huge_ops, .size = (guint64)5 << 40}};
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkImage) image = NULL;
	guint64 length, number;
	gboolean is_data;

	snapshot = commit(session, vk_session_save(session, &huge.base, NULL, &stats, NULL, NULL));
	ck_assert_uint_eq(stats.read, huge.base.size / HUGE_STEP * VK_BLOCK_SIZE + VK_BLOCK_SIZE);
	image = vk_vault_image_open(vault, image_of(snapshot), NULL);
	for (guint64 at = 0; at < huge.base.size; at += HUGE_STEP) {
		ck_assert(vk_image_extent(image, at, &is_data, &length, NULL));
		ck_assert(is_data && length == VK_BLOCK_SIZE);
		ck_assert(vk_image_read(image, at + 512, &number, sizeof(number), NULL));
		ck_assert_uint_eq(number, at + 512);
		ck_assert(vk_image_extent(image, at + length, &is_data, &length, NULL));
		ck_assert(!is_data);
	}
	vk_image_free(g_steal_pointer(&image));
}
END_TEST

START_TEST(times_are_unique)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);

	for (guint i = 0; i < 3; i++) {
		MemSource *source = mem_source_new(0);
		VkSaveStats stats = {0};
		g_autoptr(VkSnapshot) snapshot =
			commit(session, save(session, source, NULL, &stats));

		ck_assert_int_eq(snapshot->time[14] - '5', (int)i);
		vk_source_free(&source->base);
	}
}
END_TEST

/* That an older one went, and its second is free, makes nothing new old. */
START_TEST(times_follow_each_other)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(GPtrArray) keys = NULL;

	for (guint i = 0; i < 3; i++) {
		MemSource *source = mem_source_new(0);
		VkSaveStats stats = {0};
		g_autoptr(VkSnapshot) snapshot =
			commit(session, save(session, source, NULL, &stats));

		ck_assert_int_eq(snapshot->time[14] - '5', (int)i);
		vk_source_free(&source->base);
		g_clear_pointer(&keys, g_ptr_array_unref);
		keys = vk_catalog_list(vault, UUID, NULL);
		ck_assert_uint_eq(keys->len, i == 0 ? 1 : 2);
		if (i == 1)
			ck_assert(vk_catalog_delete(vault, keys->pdata[0], NULL));
	}
}
END_TEST

/* The clock was set back. */
START_TEST(times_do_not_follow_what_is_far_ahead)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *source = mem_source_new(0);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) ahead =
		make_snapshot(UUID, "20260102T030605Z", save(session, source, NULL, &stats));
	g_autoptr(VkSnapshot) snapshot = NULL;

	ck_assert(vk_session_commit(session, ahead, NULL));
	snapshot = make_snapshot(UUID, "20260102T030405Z", save(session, source, NULL, &stats));
	ck_assert(vk_session_commit(session, snapshot, NULL));
	ck_assert_str_eq(ahead->time, "20260102T030605Z");
	ck_assert_str_eq(snapshot->time, "20260102T030405Z");
	vk_source_free(&source->base);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, generations_of_changes_read_back, 0, 3);
	tcase_add_test(tcase, old_snapshots_stay_as_they_were);
	tcase_add_test(tcase, equal_content_is_stored_once);
	tcase_add_test(tcase, holes_are_not_read);
	tcase_add_test(tcase, a_huge_sparse_disk_is_no_matter);
	tcase_add_test(tcase, times_are_unique);
	tcase_add_test(tcase, times_follow_each_other);
	tcase_add_test(tcase, times_do_not_follow_what_is_far_ahead);
}

int main(void)
{
	return run_image_tests("vault-image", add_tests);
}
