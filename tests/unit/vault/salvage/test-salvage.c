/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is left of lost snapshots comes out as files, and never as a snapshot. */
#include "salvage.h"

#include "catalog.h"
#include "crc.h"
#include "errors.h"
#include "image-bed.h"
#include "pack-name.h"
#include "roles.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define N_BLOCKS 12u
#define CHANGED  5u /* the block that the second snapshot has otherwise */

static MemSource *source;
static guint8 *first; /* what the first snapshot was taken of */
static VkSnapshot *snapshot;
static VkPackId pack;
static char *target;

static void reopen(void)
{
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	ck_assert_ptr_nonnull(vault);
}

static void prepare(void)
{
	source = mem_source_new((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	snapshot = commit_one_pack(source, &pack);
	first = g_memdup2(source->bytes, (gsize)N_BLOCKS * VK_BLOCK_SIZE);
	target = g_strconcat(directory, "-salvaged", NULL);
}

static void finish(void)
{
	vk_source_free(&source->base);
	g_clear_pointer(&first, g_free);
	g_clear_pointer(&snapshot, vk_snapshot_free);
	if (g_file_test(target, G_FILE_TEST_EXISTS))
		temp_directory_remove(target);
	g_clear_pointer(&target, g_free);
}

/* A second snapshot, which shares all blocks with the first but one. New. */
static VkSnapshot *save_second(void)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSaveStats stats = {0};

	memset(source->bytes + (gsize)CHANGED * VK_BLOCK_SIZE, 'x', VK_BLOCK_SIZE);
	return commit(session, save(session, source, NULL, &stats));
}

static char *file_of(const VkSnapshot *which)
{
	g_autofree char *name = vk_snapshot_key_object(which->uuid, which->time, which->id);

	return test_vault_path(vault, name);
}

static void lose(const VkSnapshot *which)
{
	g_autofree char *path = file_of(which);

	ck_assert_int_eq(g_unlink(path), 0);
	reopen();
}

static guint count_listed(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, NULL);

	return keys->len;
}

/* One file, which has COUNT blocks. Its bytes, or NULL in a dry run. */
static char *salvage_one(gboolean dry_run, guint count, guint unreadable, gsize *ret_length)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSalvageResult) result = vk_salvage(vault, dry_run ? NULL : target, &error);
	g_autofree char *path = NULL;
	const VkSalvaged *file;
	char *bytes = NULL;

	ck_assert_msg(result != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(result->files->len, 1);
	file = g_ptr_array_index(result->files, 0);
	ck_assert_uint_eq(file->blocks, count);
	ck_assert_uint_eq(file->unreadable, unreadable);
	path = g_build_filename(target, file->name, NULL);
	if (!dry_run)
		ck_assert(g_file_get_contents(path, &bytes, ret_length, NULL));
	return bytes;
}

static void expect_nothing(void)
{
	g_autoptr(VkSalvageResult) result = vk_salvage(vault, target, NULL);

	ck_assert_uint_eq(result->files->len, 0);
}

START_TEST(what_snapshots_need_is_not_salvaged)
{
	g_autoptr(VkSnapshot) second = NULL;

	prepare();
	second = save_second();
	expect_nothing();
	finish();
}
END_TEST

START_TEST(a_forgotten_snapshot_needs_its_blocks)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	prepare();
	key = vk_catalog_find_key(vault, UUID "@latest", NULL);
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	expect_nothing();
	finish();
}
END_TEST

START_TEST(the_disk_of_a_lost_snapshot_comes_back)
{
	g_autofree char *bytes = NULL;
	gsize length = 0;

	prepare();
	lose(snapshot);
	salvage_one(TRUE, N_BLOCKS, 0, NULL);
	ck_assert(!g_file_test(target, G_FILE_TEST_EXISTS));
	bytes = salvage_one(FALSE, N_BLOCKS, 0, &length);
	ck_assert_uint_eq(length, N_BLOCKS * VK_BLOCK_SIZE);
	ck_assert(memcmp(bytes, first, length) == 0);
	ck_assert_uint_eq(count_listed(), 0);
	finish();
}
END_TEST

/* A later one needs some of its blocks. That one's own backup is not salvaged. */
START_TEST(what_others_share_comes_back_as_well)
{
	g_autoptr(VkSnapshot) second = NULL;
	g_autofree char *bytes = NULL;
	gsize length = 0;

	prepare();
	second = save_second();
	lose(snapshot);
	bytes = salvage_one(FALSE, N_BLOCKS, 0, &length);
	ck_assert_uint_eq(length, N_BLOCKS * VK_BLOCK_SIZE);
	ck_assert(memcmp(bytes, first, length) == 0);
	ck_assert_uint_eq(count_listed(), 1);
	finish();
}
END_TEST

/* All else is a hole. */
START_TEST(a_later_backup_has_what_had_changed)
{
	g_autoptr(VkSnapshot) second = NULL;
	g_autofree char *bytes = NULL;
	gsize length = 0;

	prepare();
	second = save_second();
	lose(second);
	bytes = salvage_one(FALSE, 1, 0, &length);
	ck_assert_uint_eq(length, (CHANGED + 1) * VK_BLOCK_SIZE);
	memset(source->bytes, 0, (gsize)CHANGED * VK_BLOCK_SIZE);
	ck_assert(memcmp(bytes, source->bytes, length) == 0);
	finish();
}
END_TEST

/* Only the first of both images is in a snapshot. */
START_TEST(each_image_is_a_file)
{
	g_autoptr(VkSession) session = NULL;
	g_autoptr(VkSnapshot) listed = NULL;
	g_autoptr(VkImageRecord) unlisted = NULL;
	g_autoptr(VkSalvageResult) result = NULL;
	VkImageRecord *record;
	VkSaveStats stats = {0};

	prepare();
	session = vk_session_new(vault, 1, NULL);
	fill_with_noise(source);
	record = save(session, source, NULL, &stats);
	memset(source->bytes, 'x', VK_BLOCK_SIZE);
	unlisted = save(session, source, NULL, &stats);
	listed = commit(session, record);
	result = vk_salvage(vault, NULL, NULL);
	ck_assert_uint_eq(result->files->len, 2);
	ck_assert_uint_eq(((VkSalvaged *)result->files->pdata[0])->blocks, N_BLOCKS);
	ck_assert_uint_eq(((VkSalvaged *)result->files->pdata[1])->blocks, 1);
	finish();
}
END_TEST

START_TEST(a_damaged_snapshot_is_lost_as_well)
{
	g_autofree char *path = NULL, *bytes = NULL;
	gsize length = 0;

	prepare();
	path = file_of(snapshot);
	ck_assert_int_eq(truncate(path, 200), 0);
	reopen();
	bytes = salvage_one(FALSE, N_BLOCKS, 0, &length);
	ck_assert(memcmp(bytes, first, length) == 0);
	finish();
}
END_TEST

/* It becomes a hole. */
START_TEST(a_damaged_block_is_counted)
{
	g_autoptr(VkPackTable) table = NULL;
	g_autofree char *path = NULL, *pack_bytes = NULL, *bytes = NULL;
	gsize length = 0;

	prepare();
	table = vk_pack_cache_get(vault->packs, &pack, NULL);
	path = test_vault_path(vault, table->object);
	ck_assert(g_file_get_contents(path, &pack_bytes, &length, NULL));
	pack_bytes[table->entries[CHANGED].offset16 * VK_FRAME_ALIGN + 100] ^= 1;
	ck_assert(g_file_set_contents(path, pack_bytes, (gssize)length, NULL));
	lose(snapshot);
	bytes = salvage_one(FALSE, N_BLOCKS - 1, 1, &length);
	memset(first + (gsize)table->entries[CHANGED].block * VK_BLOCK_SIZE, 0, VK_BLOCK_SIZE);
	ck_assert_uint_eq(length, N_BLOCKS * VK_BLOCK_SIZE);
	ck_assert(memcmp(bytes, first, length) == 0);
	finish();
}
END_TEST

/* Makes the pack ID say that it was made then, and by a backup whose id ends so. */
static void date_pack(const VkPackId *id, guint64 created, guint8 last)
{
	g_autofree char *object = vk_pack_object(id, 0);
	g_autofree char *path = test_vault_path(vault, object);
	g_autofree char *bytes = NULL;
	VkPackHeader *header;
	gsize length;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	header = (gpointer)bytes;
	header->created = GUINT64_TO_LE(created);
	memset(header->session, 1, sizeof(header->session));
	header->session[sizeof(header->session) - 1] = last;
	header->crc32c = GUINT32_TO_LE(vk_crc32c(0, header, G_STRUCT_OFFSET(VkPackHeader, crc32c)));
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

/* An encrypted vault takes the pack for damaged. */
START_TEST(a_time_that_no_calendar_has_does_no_harm)
{
	static const guint64 times[] = {G_GUINT64_CONSTANT(1) << 60, G_MAXUINT64};
	g_autoptr(VkSalvageResult) result = NULL;
	const VkSalvaged *file;

	prepare();
	date_pack(&pack, times[_i], 1);
	lose(snapshot);
	result = vk_salvage(vault, NULL, NULL);
	ck_assert_ptr_nonnull(result);
	ck_assert_uint_eq(result->files->len, test_is_encrypted() ? 0 : 1);
	file = result->files->len > 0 ? result->files->pdata[0] : NULL;
	ck_assert(!file || g_str_has_prefix(file->name, "99991231T235959Z-"));
	finish();
}
END_TEST

/* Packs of an encrypted vault cannot be changed so. */
START_TEST(backups_with_ids_alike_have_files_of_their_own)
{
	g_autoptr(VkSalvageResult) result = NULL;
	g_autoptr(VkSnapshot) second = NULL;
	g_autoptr(GArray) ids = NULL;
	g_autoptr(GError) error = NULL;

	prepare();
	second = save_second();
	ids = vk_pack_list(vault->store, NULL);
	ck_assert_uint_eq(ids->len, 2);
	for (guint i = 0; i < ids->len && !test_is_encrypted(); i++)
		date_pack(&g_array_index(ids, VkPackId, i), 1000000000, (guint8)i);
	lose(snapshot);
	lose(second);
	result = vk_salvage(vault, target, &error);
	ck_assert_msg(result != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(result->files->len, 2);
	finish();
}
END_TEST

START_TEST(a_lost_pack_is_counted)
{
	g_autoptr(VkSalvageResult) result = NULL;
	g_autofree char *object = NULL, *path = NULL;

	prepare();
	object = vk_pack_object(&pack, 0);
	path = test_vault_path(vault, object);
	ck_assert_int_eq(truncate(path, 300), 0);
	lose(snapshot);
	result = vk_salvage(vault, target, NULL);
	ck_assert_ptr_nonnull(result);
	ck_assert_uint_eq(result->files->len, 0);
	ck_assert_uint_eq(result->packs, 0);
	ck_assert_uint_eq(result->unreadable, 1);
	finish();
}
END_TEST

static const VkStoreOps *sound;
static guint calls_left, calls_failed;

static gboolean fails(GError **error)
{
	calls_failed += calls_left == 0;
	if (calls_left == 0)
		return !vk_fail(error, VK_ERROR_FAILED, "the storage is away");
	calls_left--;
	return FALSE;
}

static gboolean failing_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	return !fails(error) && sound->get(store, name, offset, buf, length, error);
}

static gboolean failing_head(VkStore *store, const char *name, guint64 *ret_size,
			     gint64 *ret_stored, GError **error)
{
	return !fails(error) && sound->head(store, name, ret_size, ret_stored, error);
}

static GPtrArray *failing_list(VkStore *store, const char *folder, GError **error)
{
	return fails(error) ? NULL : sound->list(store, folder, error);
}

/* With a storage that is away after COUNT calls. */
static VkSalvageResult *salvage_some(guint count, GError **error)
{
	VkStoreOps failing;
	VkSalvageResult *result;

	reopen();
	sound = vault->store->ops;
	failing = *sound;
	failing.get = failing_get;
	failing.get_all = NULL;
	failing.get_tail = NULL;
	failing.head = failing_head;
	failing.list = failing_list;
	calls_left = count;
	calls_failed = 0;
	vault->store->ops = &failing;
	result = vk_salvage(vault, target, error);
	vault->store->ops = sound;
	return result;
}

/* It never passes for a vault that has less. Not each snapshot is waited for. */
START_TEST(an_outage_ends_the_salvage)
{
	g_autoptr(VkSnapshot) second = NULL;
	g_autoptr(VkSalvageResult) result = NULL;
	const VkSalvaged *file;
	guint calls = 0;

	prepare();
	second = save_second();
	if (_i == 0)
		lose(snapshot);
	while (!result) {
		g_autoptr(GError) error = NULL;

		result = salvage_some(calls++, &error);
		ck_assert(result || g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
		ck_assert_uint_le(calls_failed, 2);
		temp_directory_remove(target);
	}
	ck_assert_uint_eq(result->files->len, _i == 0 ? 1 : 0);
	file = _i == 0 ? result->files->pdata[0] : NULL;
	ck_assert(!file || (file->blocks == N_BLOCKS && file->unreadable == 0));
	ck_assert_uint_eq(result->snapshots, _i == 0 ? 1 : 2);
	ck_assert_uint_eq(result->damaged, 0);
	finish();
}
END_TEST

/* One of role restore, which has no hints. One of role backup does not open what is appended. */
START_TEST(each_key_salvages_what_it_opens)
{
	const VkRole role = _i == 0 ? VK_ROLE_RESTORE : VK_ROLE_BACKUP;
	g_autoptr(VkSalvageResult) result = NULL;
	const VkSalvaged *file;

	if (!test_is_encrypted())
		return;
	add_roles(vault);
	vk_vault_free(vault);
	vault = open_as(directory, VK_ROLE_APPEND, VK_VAULT_WRITE, NULL);
	prepare();
	lose(snapshot);
	vk_vault_free(vault);
	vault = open_as(directory, role, VK_VAULT_READ, NULL);
	ck_assert_ptr_nonnull(vault);
	result = vk_salvage(vault, target, NULL);
	ck_assert_ptr_nonnull(result);
	ck_assert_uint_eq(result->files->len, 1);
	file = result->files->pdata[0];
	ck_assert_uint_eq(file->blocks, role == VK_ROLE_RESTORE ? N_BLOCKS : 0);
	ck_assert_uint_eq(file->unreadable, role == VK_ROLE_RESTORE ? 0 : N_BLOCKS);
	finish();
}
END_TEST

START_TEST(nothing_is_written_over)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = NULL;

	prepare();
	lose(snapshot);
	ck_assert_int_eq(g_mkdir(target, 0700), 0);
	ck_assert_ptr_null(vk_salvage(vault, target, &error));
	ck_assert_ptr_nonnull(strstr(error->message, target));
	dir = g_dir_open(target, 0, NULL);
	ck_assert_ptr_null(g_dir_read_name(dir));
	finish();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, what_snapshots_need_is_not_salvaged);
	tcase_add_test(tcase, a_forgotten_snapshot_needs_its_blocks);
	tcase_add_test(tcase, the_disk_of_a_lost_snapshot_comes_back);
	tcase_add_test(tcase, what_others_share_comes_back_as_well);
	tcase_add_test(tcase, a_later_backup_has_what_had_changed);
	tcase_add_test(tcase, each_image_is_a_file);
	tcase_add_test(tcase, a_damaged_snapshot_is_lost_as_well);
	tcase_add_test(tcase, a_damaged_block_is_counted);
	tcase_add_loop_test(tcase, a_time_that_no_calendar_has_does_no_harm, 0, 2);
	tcase_add_test(tcase, backups_with_ids_alike_have_files_of_their_own);
	tcase_add_test(tcase, a_lost_pack_is_counted);
	tcase_add_loop_test(tcase, an_outage_ends_the_salvage, 0, 2);
	tcase_add_loop_test(tcase, each_key_salvages_what_it_opens, 0, 2);
	tcase_add_test(tcase, nothing_is_written_over);
}

int main(void)
{
	return run_image_tests("salvage", add);
}
