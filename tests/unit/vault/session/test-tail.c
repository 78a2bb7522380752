/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks that were made smaller and larger again, which their bitmaps do not tell: the parent's map
 * does, and however large that is, little of it is read.
 */
#include "catalog.h"
#include "errors.h"
#include "run-writer.h"
#include "session-priv.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define UUID        "11111111-2222-3333-4444-555555555555"
#define DISK_SIZE   (G_GUINT64_CONSTANT(1) << 40)
#define DISK_BLOCKS ((guint32)(DISK_SIZE / VK_BLOCK_SIZE))

/* The directory of the pages at the end, and one of these. */
#define READS_OF_A_RUN 2

/* Extents of 75 pages, and of one. */
#define MANY 300000u
#define FEW  100u

static char *directory;
static VkVault *vault;
static const VkStoreOps *uncounted;
static gint reads;

static gboolean counted_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	g_atomic_int_inc(&reads);
	return uncounted->get(store, name, offset, buf, length, error);
}

static void setup(void)
{
	directory = temp_directory_new();
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
}

static void teardown(void)
{
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

/* Zeros behind the tail; what changed, and the disk's last block, is trimmed. */
typedef struct TrimmedSource {
	VkSource base;
	guint64 tail;
	guint32 first, end; /* blocks that changed */
} TrimmedSource;

static gboolean is_trimmed(const TrimmedSource *source, guint32 block)
{
	return (block >= source->first && block < source->end) || block == DISK_BLOCKS - 1;
}

typedef struct TrimmedReader {
	VkSourceReader base;
	const TrimmedSource *source;
} TrimmedReader;

static gboolean trimmed_map(VkSourceReader *base, guint64 offset, guint64 length, GArray *extents,
			    GError **error)
{
	const TrimmedSource *source = ((TrimmedReader *)base)->source;

	for (guint64 at = offset; at < offset + length; at += VK_BLOCK_SIZE) {
		VkSourceExtent extent = {at, VK_BLOCK_SIZE, VK_SOURCE_SAME};

		if (is_trimmed(source, (guint32)(at / VK_BLOCK_SIZE)))
			extent.kind = VK_SOURCE_HOLE;
		g_array_append_val(extents, extent);
	}
	return TRUE;
}

static gboolean trimmed_seek(VkSourceReader *base, guint64 offset, guint64 *ret, GError **error)
{
	const TrimmedSource *source = ((TrimmedReader *)base)->source;
	guint32 block = (guint32)(offset / VK_BLOCK_SIZE);

	if (block < source->end)
		block = MAX(block, source->first);
	else
		block = DISK_BLOCKS - 1;
	*ret = MAX(offset, (guint64)block * VK_BLOCK_SIZE);
	return TRUE;
}

static gboolean trimmed_tail(VkSourceReader *base, guint64 *ret, GError **error)
{
	*ret = ((TrimmedReader *)base)->source->tail;
	return TRUE;
}

static void trimmed_reader_free(VkSourceReader *reader)
{
	g_free(reader);
}

static VkSourceReader *trimmed_open_reader(VkSource *source, GError **error)
{
	static const VkSourceReaderOps ops = {
		.map = trimmed_map,
		.seek_change = trimmed_seek,
		.find_tail = trimmed_tail,
		.free = trimmed_reader_free,
	};
	TrimmedReader *reader = g_new0(TrimmedReader, 1);

	reader->base.ops = &ops;
	reader->source = (const TrimmedSource *)source;
	return &reader->base;
}

static const VkSourceOps trimmed_ops = {trimmed_open_reader, NULL};

static void add_data(VkRunWriter *writer, guint32 block)
{
	VkExtent extent = {.first = block, .count = 1, .kind = VK_EXTENT_DATA, .pack = {{1}}};

	ck_assert(vk_run_writer_add(writer, &extent, NULL));
}

/* Data in every other block, COUNT of them, and in the disk's last. */
static VkRun *write_run(VkSession *session, guint32 count)
{
	g_autoptr(VkRunWriter) writer = vk_run_writer_new(vk_session_store_segment, session);
	VkRun *run;

	for (guint32 i = 0; i < count; i++)
		add_data(writer, 2 * i);
	add_data(writer, DISK_BLOCKS - 1);
	run = vk_run_writer_finish(writer, NULL);
	ck_assert_ptr_nonnull(run);
	return run;
}

/* An image of a run with COUNT extents; with NEWER, of another one above it. */
static VkSnapshot *make_parent(guint32 count, gboolean newer)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkImageRecord *record = vk_image_record_new(DISK_SIZE);
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSnapshot *loaded;

	if (newer)
		g_ptr_array_add(record->runs, write_run(session, 1));
	g_ptr_array_add(record->runs, write_run(session, count));
	record->epoch = session->epoch;
	snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	ck_assert(vk_session_commit(session, snapshot, NULL));
	loaded = vk_catalog_find(vault, UUID "@latest", NULL);
	ck_assert_ptr_nonnull(loaded);
	return loaded;
}

/* Saves upon PARENT, as by a process of its own; READS is what that took of packs. */
static gboolean save(const VkSnapshot *parent, TrimmedSource *source, VkSaveStats *stats,
		     GError **error)
{
	g_autoptr(VkVault) fresh = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSession) session = vk_session_new(fresh, 2, NULL);
	const VkDiskRecord *disk = parent->disks->pdata[0];
	g_autoptr(VkImageRecord) record = NULL;
	VkStoreOps counting;

	/* Hints are made anew here, for which all packs are read. */
	ck_assert(vk_session_open_finders(session, NULL));
	source->base = (VkSource){&trimmed_ops, DISK_SIZE, TRUE};
	uncounted = fresh->store->ops;
	counting = *uncounted;
	counting.get = counted_get;
	fresh->store->ops = &counting;
	reads = 0;
	record = vk_session_save(session, &source->base, disk->image, stats, NULL, error);
	fresh->store->ops = uncounted;
	return record != NULL;
}

static guint64 behind(guint32 count)
{
	return (guint64)2 * count * VK_BLOCK_SIZE;
}

START_TEST(reads_little_of_any_map)
{
	static const guint32 counts[] = {FEW, MANY};
	guint32 count = counts[_i];
	g_autoptr(VkSnapshot) one = make_parent(count, FALSE);
	g_autoptr(VkSnapshot) two = make_parent(count, TRUE);
	TrimmedSource source = {.tail = behind(count)};
	VkSaveStats stats = {0};

	ck_assert(save(one, &source, &stats, NULL));
	ck_assert_int_gt(reads, 0);
	ck_assert_int_le(reads, READS_OF_A_RUN);
	ck_assert(save(two, &source, &stats, NULL));
	ck_assert_int_le(reads, 2 * READS_OF_A_RUN);
}
END_TEST

/* Data to the end: nothing can have been cut off. */
START_TEST(reads_nothing_without_zeros)
{
	g_autoptr(VkSnapshot) parent = make_parent(MANY, FALSE);
	TrimmedSource source = {.tail = DISK_SIZE};
	VkSaveStats stats = {0};

	ck_assert(save(parent, &source, &stats, NULL));
	ck_assert_int_eq(reads, 0);
}
END_TEST

START_TEST(tells_what_was_cut)
{
	g_autoptr(VkSnapshot) parent = make_parent(MANY, FALSE);
	TrimmedSource source = {.tail = behind(MANY - 1)};
	g_autoptr(GError) error = NULL;
	VkSaveStats stats = {0};

	ck_assert(!save(parent, &source, &stats, &error));
	ck_assert(stats.was_cut && !stats.parent_damaged);
	ck_assert_int_le(reads, READS_OF_A_RUN);
}
END_TEST

/* Where the bitmap tells it, it is no cut. */
START_TEST(sees_what_was_trimmed)
{
	g_autoptr(VkSnapshot) parent = make_parent(FEW, FALSE);
	TrimmedSource source = {
		.tail = behind(FEW - 2), .first = 2 * (FEW - 2), .end = 2 * FEW - 1};
	g_autoptr(GError) error = NULL;
	VkSaveStats stats = {0};

	ck_assert(save(parent, &source, &stats, NULL));
	ck_assert(!stats.was_cut);
	source.end--;
	ck_assert(!save(parent, &source, &stats, &error));
	ck_assert(stats.was_cut);
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("tail");
	Suite *suite = suite_create("tail");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 60);
	tcase_add_loop_test(cases, reads_little_of_any_map, 0, 2);
	tcase_add_test(cases, reads_nothing_without_zeros);
	tcase_add_test(cases, tells_what_was_cut);
	tcase_add_test(cases, sees_what_was_trimmed);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
