/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saving only what changed: against a model over many generations, without a look at the parent's
 * map, at any size; and several sessions of one vault at once.
 */
#include "errors.h"
#include "image-bed.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <string.h>

#define GENERATIONS 10
#define SESSIONS    4

/* Saves SOURCE upon PARENT and returns the snapshot as another reader loads it. */
static VkSnapshot *save_upon(VkVault *to, MemSource *source, const VkSnapshot *parent,
			     VkSaveStats *stats)
{
	g_autoptr(VkSession) session = vk_session_new(to, 2, NULL);

	return commit(session, save(session, source, parent ? image_of(parent) : NULL, stats));
}

static void check_bytes(VkVault *from, const VkSnapshot *snapshot, const MemSource *model)
{
	GError *error = NULL;
	g_autoptr(VkImage) image = vk_vault_image_open(from, image_of(snapshot), &error);
	g_autofree guint8 *bytes = g_malloc(model->base.size);

	ck_assert_uint_eq(image->size, model->base.size);
	ck_assert_msg(vk_image_read(image, 0, bytes, model->base.size, &error), "%s",
		      error ? error->message : "");
	ck_assert(memcmp(bytes, model->bytes, model->base.size) == 0);
}

/* A process is killed after some packs: the next one finds their blocks. */
START_TEST(what_was_stored_is_found_after_a_kill)
{
	g_autofree char *killed = g_strconcat(directory, "-killed", NULL);
	MemSource *source = mem_source_new((guint64)80 << 20);
	MemSource *earlier = mem_source_of_blocks("ab");
	VkSaveStats stats = {0};
	g_autoptr(VkVault) other = NULL;
	VkSession *session;

	/* Without any hints the packs would be asked. */
	vk_snapshot_free(save_upon(vault, earlier, NULL, &stats));
	vk_source_free(&earlier->base);
	session = vk_session_new(vault, 1, NULL);
	fill_with_noise(source);
	session->packs_per_hints = 1;
	vk_image_record_free(save(session, source, NULL, &stats));
	vk_session_settle(session);
	temp_directory_copy(directory, killed);
	vk_session_free(session);
	other = vk_vault_open(killed, VK_VAULT_WRITE, NULL);
	session = vk_session_new(other, 1, NULL);
	stats = (VkSaveStats){0};
	vk_image_record_free(save(session, source, NULL, &stats));
	ck_assert_uint_lt(stats.fresh, source->base.size / 2);
	vk_session_free(session);
	vk_source_free(&source->base);
	g_clear_pointer(&other, vk_vault_free);
	temp_directory_remove(killed);
}
END_TEST

/* Model I+1 is model I, changed; every few generations of another size or read in whole. */
START_TEST(generations_stay_as_they_were)
{
	MemSource *models[GENERATIONS];
	VkSnapshot *snapshots[GENERATIONS];
	guint64 size = 36 * 1024 * 1024 + 12345;

	models[0] = mem_source_new(size);
	mem_source_scribble(models[0], seeded, 20, 100);
	for (guint i = 0; i < GENERATIONS; i++) {
		VkSaveStats stats = {0};

		if (i > 0 && g_rand_int_range(seeded, 0, 6) == 0)
			size += (guint64)g_rand_int_range(seeded, -900000, 900000);
		if (i > 0) {
			models[i] = mem_source_resized(models[i - 1], size);
			mem_source_scribble(models[i], seeded, 6, 40);
			if (models[i - 1]->base.size == size && g_rand_int_range(seeded, 0, 5) > 0)
				mem_source_track(models[i], models[i - 1], seeded);
		}
		snapshots[i] = save_upon(vault, models[i], i ? snapshots[i - 1] : NULL, &stats);
		check_bytes(vault, snapshots[i], models[i]);
		ck_assert_uint_le(image_of(snapshots[i])->allocated, size);
		if (models[i]->base.knows_changes)
			ck_assert_uint_lt(stats.read, size / 2);
	}
	for (guint i = 0; i < GENERATIONS; i++) {
		check_bytes(vault, snapshots[i], models[i]);
		vk_snapshot_free(snapshots[i]);
		vk_source_free(&models[i]->base);
	}
}
END_TEST

/* A parent none of whose pages can be read is no hindrance: they are not looked at. */
START_TEST(parent_map_is_not_read)
{
	MemSource *first = mem_source_new(64 * 1024 * 1024), *second;
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) parent = NULL;
	g_autoptr(VkSnapshot) child = NULL;
	g_autoptr(VkVault) fresh = NULL;
	const VkRun *run;
	VkSegment *segment;

	mem_source_scribble(first, seeded, 60, 300);
	parent = save_upon(vault, first, NULL, &stats);
	/* The map lies in a pack that is not there. */
	run = image_of(parent)->runs->pdata[0];
	segment = &g_array_index(run->segments, VkSegment, 0);
	memset(segment->pack.bytes, 0xab, sizeof(segment->pack.bytes));
	second = mem_source_resized(first, first->base.size);
	mem_source_track(second, first, seeded);
	memset(second->changed, 0, second->base.size / VK_SOURCE_CHANGE_UNIT);
	second->bytes[7 * VK_BLOCK_SIZE] ^= 0xff;
	second->changed[7] = 1;
	fresh = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	stats = (VkSaveStats){0};
	child = save_upon(fresh, second, parent, &stats);
	ck_assert(!stats.parent_damaged);
	ck_assert_uint_le(stats.read, VK_BLOCK_SIZE);
	ck_assert_uint_eq(image_of(child)->runs->len, 2);
	vk_source_free(&first->base);
	vk_source_free(&second->base);
}
END_TEST

/* Where the parent's map has to be merged and cannot be read, the disk has to be read in whole. */
START_TEST(damaged_parent_is_told)
{
	MemSource *first = mem_source_new(64 * 1024 * 1024), *second;
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	g_autoptr(GError) error = NULL;
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) parent = NULL;
	g_autoptr(VkSnapshot) child = NULL;
	const VkRun *run;

	mem_source_scribble(first, seeded, 20, 100);
	parent = save_upon(vault, first, NULL, &stats);
	run = image_of(parent)->runs->pdata[0];
	memset(g_array_index(run->segments, VkSegment, 0).pack.bytes, 0xab, VK_ID_SIZE);
	second = mem_source_resized(first, first->base.size);
	mem_source_scribble(second, seeded, 60, 50);
	mem_source_track(second, first, seeded);
	ck_assert_ptr_null(
		vk_session_save(session, &second->base, image_of(parent), &stats, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert(stats.parent_damaged);
	second->base.knows_changes = FALSE;
	g_clear_pointer(&second->changed, g_free);
	child = save_upon(vault, second, parent, &stats);
	ck_assert(stats.parent_damaged);
	check_bytes(vault, child, second);
	vk_source_free(&first->base);
	vk_source_free(&second->base);
}
END_TEST

START_TEST(nothing_changed_costs_nothing)
{
	MemSource *source = mem_source_new(64 * 1024 * 1024);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) parent = NULL;
	g_autoptr(VkSnapshot) child = NULL;

	mem_source_scribble(source, seeded, 20, 300);
	parent = save_upon(vault, source, NULL, &stats);
	mem_source_track(source, source, seeded);
	memset(source->changed, 0, source->base.size / VK_SOURCE_CHANGE_UNIT);
	stats = (VkSaveStats){0};
	child = save_upon(vault, source, parent, &stats);
	ck_assert_uint_eq(stats.read + stats.fresh + stats.stored, 0);
	ck_assert_uint_eq(image_of(child)->runs->len, image_of(parent)->runs->len);
	ck_assert_uint_eq(image_of(child)->allocated, image_of(parent)->allocated);
	check_bytes(vault, child, source);
	vk_source_free(&source->base);
}
END_TEST

START_TEST(needs_the_parent_whose_changes_it_knows)
{
	MemSource *first = mem_source_new(1024 * 1024), *second = mem_source_new(2 * 1024 * 1024);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) parent = save_upon(vault, first, NULL, &stats);
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(GError) error = NULL;

	mem_source_track(second, second, seeded);
	ck_assert_ptr_null(vk_session_save(session, &second->base, NULL, &stats, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	g_clear_error(&error);
	ck_assert_ptr_null(
		vk_session_save(session, &second->base, image_of(parent), &stats, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	vk_source_free(&first->base);
	vk_source_free(&second->base);
}
END_TEST

/* A disk of 16 TiB of which three blocks changed. */
#define HUGE_SIZE (G_GUINT64_CONSTANT(16) << 40)
static const guint64 huge_changes[] = {VK_BLOCK_SIZE, G_GUINT64_CONSTANT(7) << 40,
				       HUGE_SIZE - VK_BLOCK_SIZE};
static gboolean huge_fails;
static guint huge_maps;

static gboolean huge_map(VkSourceReader *reader, guint64 offset, guint64 length, GArray *extents,
			 GError **error)
{
	g_atomic_int_inc(&huge_maps);
	for (guint64 at = offset; at < offset + length; at += VK_BLOCK_SIZE) {
		VkSourceExtent extent = {at, VK_BLOCK_SIZE, VK_SOURCE_SAME};

		for (guint i = 0; i < G_N_ELEMENTS(huge_changes); i++)
			if (at == huge_changes[i])
				extent.kind = VK_SOURCE_DATA;
		g_array_append_val(extents, extent);
	}
	return TRUE;
}

static gboolean huge_seek(VkSourceReader *reader, guint64 offset, guint64 *ret, GError **error)
{
	if (huge_fails && offset > huge_changes[0])
		return vk_fail(error, VK_ERROR_CHANGED, "the source went away");
	*ret = HUGE_SIZE;
	for (guint i = G_N_ELEMENTS(huge_changes); i > 0; i--)
		if (huge_changes[i - 1] >= offset)
			*ret = huge_changes[i - 1];
	return TRUE;
}

static gboolean huge_submit(VkSourceReader *reader, guint64 offset, gsize length, void *buf,
			    GError **error)
{
	memset(buf, 'x', length);
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
		.seek_change = huge_seek,
		.free = huge_reader_free,
	};
	VkSourceReader *reader = g_new0(VkSourceReader, 1);

	reader->ops = &ops;
	return reader;
}

static const VkSourceOps huge_ops = {huge_open_reader, NULL};

START_TEST(cost_follows_change)
{
	VkSource source = {&huge_ops, HUGE_SIZE, TRUE};
	g_autoptr(VkImageRecord) parent = vk_image_record_new(HUGE_SIZE);
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	g_autoptr(VkImageRecord) record = NULL;
	VkSaveStats stats = {0};

	huge_maps = 0;
	huge_fails = FALSE;
	record = vk_session_save(session, &source, parent, &stats, NULL, NULL);
	ck_assert_ptr_nonnull(record);
	ck_assert_uint_eq(huge_maps, G_N_ELEMENTS(huge_changes));
	ck_assert_uint_eq(stats.read, G_N_ELEMENTS(huge_changes) * VK_BLOCK_SIZE);
	ck_assert_uint_eq(record->allocated, stats.read);
}
END_TEST

START_TEST(failing_search_fails_the_save)
{
	VkSource source = {&huge_ops, HUGE_SIZE, TRUE};
	g_autoptr(VkImageRecord) parent = vk_image_record_new(HUGE_SIZE);
	g_autoptr(VkSession) session = vk_session_new(vault, 4, NULL);
	g_autoptr(GError) error = NULL;
	VkSaveStats stats = {0};

	huge_fails = TRUE;
	ck_assert_ptr_null(vk_session_save(session, &source, parent, &stats, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_CHANGED));
}
END_TEST

static gpointer save_in_thread(gpointer data)
{
	MemSource *source = data;
	g_autofree char *uuid = g_uuid_string_random();
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSaveStats *stats = g_new0(VkSaveStats, 1);
	g_autoptr(VkSnapshot) snapshot = NULL;

	for (guint i = 0; i < 3; i++) {
		VkImageRecord *record =
			vk_session_save(session, &source->base, NULL, stats, NULL, NULL);

		ck_assert_ptr_nonnull(record);
		g_clear_pointer(&snapshot, vk_snapshot_free);
		snapshot = make_snapshot(uuid, "20260102T030405Z", record);
		ck_assert(vk_session_commit(session, snapshot, NULL));
		check_bytes(vault, snapshot, source);
	}
	return stats;
}

/* What one session has stored and committed, the next finds, though it was open all the time. */
START_TEST(sessions_at_once_share_blocks)
{
	MemSource *source = mem_source_new(6 * 1024 * 1024);
	GThread *threads[SESSIONS];
	g_autoptr(VkSession) waiting = vk_session_new(vault, 1, NULL);
	g_autoptr(VkImageRecord) record = NULL;
	VkSaveStats stats = {0};

	mem_source_scribble(source, seeded, 50, 300);
	for (guint i = 0; i < SESSIONS; i++)
		threads[i] = g_thread_new("session", save_in_thread, source);
	for (guint i = 0; i < SESSIONS; i++)
		g_free(g_thread_join(threads[i]));
	record = vk_session_save(waiting, &source->base, NULL, &stats, NULL, NULL);
	ck_assert_ptr_nonnull(record);
	ck_assert_uint_gt(stats.read, 0);
	ck_assert_uint_eq(stats.fresh, 0);
	vk_source_free(&source->base);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, generations_stay_as_they_were);
	tcase_add_test(tcase, what_was_stored_is_found_after_a_kill);
	tcase_add_test(tcase, parent_map_is_not_read);
	tcase_add_test(tcase, damaged_parent_is_told);
	tcase_add_test(tcase, nothing_changed_costs_nothing);
	tcase_add_test(tcase, needs_the_parent_whose_changes_it_knows);
	tcase_add_test(tcase, cost_follows_change);
	tcase_add_test(tcase, failing_search_fails_the_save);
	tcase_add_test(tcase, sessions_at_once_share_blocks);
}

int main(void)
{
	return run_image_tests("incremental", add);
}
