/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images saved and read back, against a model in memory: through many generations of changes,
 * resizes, any number of workers, a damaged parent, a failing source.
 */
#include "catalog.h"
#include "errors.h"
#include "io.h"
#include "memsource.h"
#include "program.h"
#include "session-priv.h"
#include "tempvault.h"
#include "vaultcheck.h"
#include "vaultimage.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UUID "11111111-2222-3333-4444-555555555555"

static GRand *seeded;
static char *directory;
static VkVault *vault;

static void setup(void)
{
	GError *error = NULL;

	directory = temp_directory_new();
	vault = vk_vault_init(directory, &error);
	ck_assert_msg(vault != NULL, "%s", error ? error->message : "");
}

static void teardown(void)
{
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

static VkImageRecord *save(VkSession *session, MemSource *source, const VkImageRecord *parent,
			   VkSaveStats *stats)
{
	GError *error = NULL;
	VkImageRecord *record =
		vk_session_save(session, &source->base, parent, stats, NULL, &error);

	ck_assert_msg(record != NULL, "%s", error ? error->message : "");
	return record;
}

/* Commits a snapshot of RECORD, which is taken over, and returns it as another reader loads it. */
static VkSnapshot *commit(VkSession *session, VkImageRecord *record)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	GError *error = NULL;
	VkSnapshot *loaded;

	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	loaded = vk_catalog_find(vault, UUID "@latest", &error);
	ck_assert_msg(loaded != NULL, "%s", error ? error->message : "");
	return loaded;
}

static const VkImageRecord *image_of(const VkSnapshot *snapshot)
{
	return ((VkDiskRecord *)snapshot->disks->pdata[0])->image;
}

static guint64 model_allocated(const MemSource *source)
{
	guint64 allocated = 0;

	for (guint64 at = 0; at < source->base.size; at += VK_BLOCK_SIZE) {
		gsize length = (gsize)MIN(VK_BLOCK_SIZE, source->base.size - at);

		if (!vk_io_is_zero(source->bytes + at, length))
			allocated += length;
	}
	return allocated;
}

static void check_extents(VkImage *image, const MemSource *source)
{
	gboolean last = FALSE;
	guint64 length;

	for (guint64 at = 0; at < image->size; at += length) {
		gboolean is_data;

		ck_assert(vk_image_extent(image, at, &is_data, &length, NULL));
		ck_assert_uint_gt(length, 0);
		ck_assert_uint_le(length, image->size - at);
		ck_assert(at == 0 || is_data != last);
		if (!is_data)
			ck_assert(vk_io_is_zero(source->bytes + at, length));
		last = is_data;
	}
}

static void check_image(VkVault *from, const VkImageRecord *record, const MemSource *source)
{
	GError *error = NULL;
	g_autoptr(VkImage) image = vk_vault_image_open(from, record, &error);
	guint64 size = source->base.size;
	g_autofree guint8 *bytes = g_malloc(MAX(size, 1));

	ck_assert_uint_eq(image->size, size);
	ck_assert_uint_eq(record->allocated, model_allocated(source));
	ck_assert_msg(vk_image_read(image, 0, bytes, size, &error), "%s",
		      error ? error->message : "");
	ck_assert(memcmp(bytes, source->bytes, size) == 0);
	for (guint i = 0; i < 50 && size > 0; i++) {
		guint64 at = (guint64)g_rand_int_range(seeded, 0, (gint32)size);
		gsize length =
			(gsize)g_rand_int_range(seeded, 0, (gint32)MIN(size - at, 400000) + 1);

		memset(bytes, 0xaa, length);
		ck_assert(vk_image_read(image, at, bytes, length, NULL));
		ck_assert(memcmp(bytes, source->bytes + at, length) == 0);
	}
	check_extents(image, source);
}

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

/* Overwrites the middle of every pack with noise. */
static void damage_packs(void)
{
	g_autoptr(GArray) ids = vk_pack_list(vault->backend, NULL);

	for (guint i = 0; i < ids->len; i++) {
		g_autofree char *object = vk_pack_object(&g_array_index(ids, VkPackId, i), 0);
		g_autofree char *path = g_build_filename(directory, object, NULL);
		g_autofree char *bytes = NULL;
		gsize length;

		ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
		memset(bytes + sizeof(VkPackHeader) + 20, 0x5a,
		       MIN(length - sizeof(VkPackHeader) - 20, 40));
		ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	}
}

START_TEST(damage_is_never_returned_as_data)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *source = mem_source_new(8 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkVault) again = NULL;
	g_autoptr(VkImage) image = NULL;
	g_autoptr(VkCheckResult) check = NULL;
	g_autoptr(GError) error = NULL;
	guint8 buf[100];

	for (guint64 i = 0; i < source->base.size; i++)
		source->bytes[i] = (guint8)g_rand_int(seeded);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	snapshot = commit(session, save(session, source, NULL, &stats));
	damage_packs();
	again = vk_vault_open(directory, VK_VAULT_READ, NULL);
	image = vk_vault_image_open(again, image_of(snapshot), NULL);
	ck_assert(!vk_image_read(image, 0, buf, sizeof(buf), &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	check = vk_check_vault(again, TRUE, NULL, NULL);
	ck_assert_uint_eq(check->damages->len, 2);
	ck_assert_ptr_nonnull(strstr(check->damages->pdata[0], "in slot 0"));
	ck_assert_ptr_nonnull(
		strstr(check->damages->pdata[1], "'guest@20260102T030405Z' vda: 1 of"));
	/* The rest stays readable. */
	ck_assert(vk_image_read(image, 3 * VK_BLOCK_SIZE, buf, sizeof(buf), NULL));
	ck_assert_mem_eq(buf, source->bytes + 3 * VK_BLOCK_SIZE, sizeof(buf));
	vk_source_free(&source->base);
}
END_TEST

START_TEST(a_lost_parent_is_saved_anew)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(3000 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) parent = NULL;
	g_autoptr(VkSnapshot) child = NULL;
	g_autoptr(VkVault) again = NULL;
	g_autoptr(VkSession) other = NULL;
	g_autoptr(GArray) ids = NULL;

	mem_source_scribble(source, seeded, 30, 100);
	parent = commit(session, save(session, source, NULL, &stats));
	ids = vk_pack_list(vault->backend, NULL);
	for (guint i = 0; i < ids->len; i++) {
		g_autofree char *object = vk_pack_object(&g_array_index(ids, VkPackId, i), 0);

		ck_assert(vault->backend->ops->delete (vault->backend, object, NULL));
	}
	/* Another process, which has nothing in its caches. */
	g_clear_pointer(&session, vk_session_free);
	vk_vault_free(vault);
	again = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	vault = g_steal_pointer(&again);
	other = vk_session_new(vault, 2, NULL);
	child = commit(other, save(other, source, image_of(parent), &stats));
	ck_assert(stats.parent_damaged);
	check_image(vault, image_of(child), source);
	vk_source_free(&source->base);
}
END_TEST

START_TEST(a_failing_source_fails_the_save_and_not_the_session)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(200 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;

	mem_source_scribble(source, seeded, 200, 100);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	source->fail_after = 3;
	ck_assert_ptr_null(vk_session_save(session, &source->base, NULL, &stats, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_CHANGED));
	source->fail_after = -1;
	snapshot = commit(session, save(session, source, NULL, &stats));
	check_image(vault, image_of(snapshot), source);
	vk_source_free(&source->base);
}
END_TEST

static ssize_t full_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	errno = ENOSPC;
	return -1;
}

static ssize_t failing_pread(int fd, void *buf, size_t length, off_t offset)
{
	errno = EIO;
	return -1;
}

/* Only what was read in part is kept, for the next part. */
START_TEST(whole_blocks_are_not_kept)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *source = mem_source_new(16 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkImage) image = NULL;
	g_autofree guint8 *bytes = g_malloc(source->base.size);

	for (gsize i = 0; i < source->base.size; i++)
		source->bytes[i] = (guint8)g_rand_int(seeded);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	snapshot = commit(session, save(session, source, NULL, &stats));
	image = vk_vault_image_open(vault, image_of(snapshot), NULL);
	ck_assert(vk_image_read(image, 0, bytes, source->base.size, NULL));
	ck_assert_mem_eq(bytes, source->bytes, source->base.size);
	ck_assert(vk_image_read(image, 10, bytes, 20, NULL));
	vk_io.pread = failing_pread;
	ck_assert(vk_image_read(image, 100, bytes, 20, NULL));
	ck_assert(vk_image_read(image, 0, bytes, VK_BLOCK_SIZE, NULL));
	ck_assert_mem_eq(bytes, source->bytes, VK_BLOCK_SIZE);
	ck_assert(!vk_image_read(image, 5 * VK_BLOCK_SIZE + 1, bytes, 20, NULL));
	vk_io.pread = pread;
	vk_source_free(&source->base);
}
END_TEST

START_TEST(a_lost_pack_takes_its_images_along)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *small = mem_source_new(VK_BLOCK_SIZE);
	MemSource *large = mem_source_new(VK_PACK_SIZE + 10 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkSnapshot) loaded = NULL;
	VkImageRecord *lost;

	mem_source_scribble(small, seeded, 1, 1);
	for (gsize i = 0; i < large->base.size; i++)
		large->bytes[i] = (guint8)g_rand_int(seeded);
	memset(large->kinds, VK_SOURCE_DATA, large->base.size / MEM_UNIT);
	/* The first disk of a guest lies in the pack that the second one fills. */
	lost = save(session, small, NULL, &stats);
	vk_io.pwrite = full_pwrite;
	ck_assert_ptr_null(vk_session_save(session, &large->base, NULL, &stats, NULL, &error));
	vk_io.pwrite = pwrite;
	snapshot = make_snapshot(UUID, "20260102T030405Z", lost);
	ck_assert(!vk_session_commit(session, snapshot, NULL));
	/* The next guest is not affected. */
	loaded = commit(session, save(session, large, NULL, &stats));
	check_image(vault, image_of(loaded), large);
	vk_source_free(&small->base);
	vk_source_free(&large->base);
}
END_TEST

START_TEST(a_second_try_finds_what_the_first_stored)
{
	MemSource *source = mem_source_new(2 * (guint64)VK_PACK_SIZE);
	VkSaveStats first = {0}, second = {0};
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSession) other = NULL;
	VkSnapshot *snapshot;

	/* A hint file that is there already: the next session does not look at the packs. */
	source->bytes[0] = 1;
	source->kinds[0] = VK_SOURCE_DATA;
	snapshot = commit(session, save(session, source, NULL, &first));
	vk_snapshot_free(snapshot);
	for (guint64 i = 0; i < source->base.size; i += sizeof(guint32))
		*(guint32 *)(source->bytes + i) = g_rand_int(seeded);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	source->fail_after = 40;
	ck_assert_ptr_null(vk_session_save(session, &source->base, NULL, &first, NULL, NULL));
	vk_session_free(session);
	source->fail_after = -1;
	other = vk_session_new(vault, 1, NULL);
	snapshot = commit(other, save(other, source, NULL, &second));
	ck_assert_uint_lt(second.fresh, source->base.size / 2 + (1 << 20));
	check_image(vault, image_of(snapshot), source);
	vk_snapshot_free(snapshot);
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

START_TEST(an_interruption_ends_the_save)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(200 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;

	vk_set_interrupted(TRUE);
	ck_assert_ptr_null(vk_session_save(session, &source->base, NULL, &stats, NULL, &error));
	vk_set_interrupted(FALSE);
	ck_assert_str_eq(error->message, "interrupted");
	vk_source_free(&source->base);
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
	g_autoptr(VkSnapshot) snapshot =
		make_snapshot(UUID, "20260102T030405Z", save(session, source, NULL, &stats));

	ck_assert(vk_session_commit(session, ahead, NULL));
	ck_assert(vk_session_commit(session, snapshot, NULL));
	ck_assert_str_eq(ahead->time, "20260102T030605Z");
	ck_assert_str_eq(snapshot->time, "20260102T030405Z");
	vk_source_free(&source->base);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *tcase = tcase_create("image");
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, generations_of_changes_read_back, 0, 3);
	tcase_add_test(tcase, old_snapshots_stay_as_they_were);
	tcase_add_test(tcase, equal_content_is_stored_once);
	tcase_add_test(tcase, holes_are_not_read);
	tcase_add_test(tcase, damage_is_never_returned_as_data);
	tcase_add_test(tcase, a_lost_parent_is_saved_anew);
	tcase_add_test(tcase, whole_blocks_are_not_kept);
	tcase_add_test(tcase, a_failing_source_fails_the_save_and_not_the_session);
	tcase_add_test(tcase, a_lost_pack_takes_its_images_along);
	tcase_add_test(tcase, a_second_try_finds_what_the_first_stored);
	tcase_add_test(tcase, a_huge_sparse_disk_is_no_matter);
	tcase_add_test(tcase, an_interruption_ends_the_save);
	tcase_add_test(tcase, times_are_unique);
	tcase_add_test(tcase, times_follow_each_other);
	tcase_add_test(tcase, times_do_not_follow_what_is_far_ahead);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
