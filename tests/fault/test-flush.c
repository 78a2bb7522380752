/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a snapshot relies on is on the disk before the snapshot appears: the content of each pack,
 * its name, and its folder's name, even where others left them unflushed. The calls are watched,
 * and a model tells what a power failure would leave.
 */
#include "catalog.h"
#include "errors.h"
#include "io.h"
#include "memory-source.h"
#include "session.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UUID      "11111111-2222-3333-4444-555555555555"
#define FILES_MAX 1024

typedef struct Name {
	gboolean content; /* flushed */
	gboolean name;    /* its folder was flushed since it came */
} Name;

static VkIo real;
static GMutex mutex; /* packs are flushed in the background */
static char *directory;
static MemSource *source;
static char *open_paths[FILES_MAX];
static GHashTable *names; /* path within the vault -> Name */
static guint appeared;    /* snapshots */
static guint lost;        /* what one of them relied on and a power failure would have taken */
static int folder_syncs_left;
static _Atomic int content_syncs_left;
static gboolean remove_next_temporary;
static gboolean packs_unreadable;

static Name *add_name(const char *path)
{
	Name *name = g_new0(Name, 1);

	g_hash_table_replace(names, g_strdup(path), name);
	return name;
}

static int watched_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = real.openat(dirfd, path, flags, mode);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	if (fd < 0)
		return fd;
	ck_assert_int_lt(fd, FILES_MAX);
	g_free(open_paths[fd]);
	open_paths[fd] = g_strdup(path);
	if ((flags & O_CREAT) != 0)
		add_name(path);
	if ((flags & O_CREAT) != 0 && remove_next_temporary) {
		remove_next_temporary = FALSE;
		real.unlinkat(dirfd, path, 0);
	}
	return fd;
}

static int watched_close(int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	g_clear_pointer(&open_paths[fd], g_free);
	return real.close(fd);
}

static int watched_fdatasync(int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	if (content_syncs_left-- == 0) {
		errno = EIO;
		return -1;
	}
	((Name *)g_hash_table_lookup(names, open_paths[fd]))->content = TRUE;
	return real.fdatasync(fd);
}

static int watched_fsync(int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	GHashTableIter iter;
	gpointer path, name;

	if (folder_syncs_left-- == 0) {
		errno = EIO;
		return -1;
	}
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &path, &name)) {
		g_autofree char *folder = g_path_get_dirname(path);

		if (strcmp(folder, open_paths[fd]) == 0)
			((Name *)name)->name = TRUE;
	}
	return real.fsync(fd);
}

static void check_reliable(void)
{
	GHashTableIter iter;
	gpointer path, name;

	appeared++;
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &path, &name)) {
		g_autofree char *folder = g_path_get_dirname(path);
		const Name *above = g_hash_table_lookup(names, folder);

		if (g_str_has_prefix(folder, "packs/") &&
		    (!((Name *)name)->content || !((Name *)name)->name || (above && !above->name)))
			lost++;
	}
}

static int watched_renameat2(int olddir, const char *old, int newdir, const char *name,
			     unsigned flags)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	int result = real.renameat2(olddir, old, newdir, name, flags);

	if (result == 0) {
		add_name(name)->content = ((Name *)g_hash_table_lookup(names, old))->content;
		g_hash_table_remove(names, old);
		if (g_str_has_prefix(name, "snaps/") && g_str_has_suffix(name, ".json"))
			check_reliable();
	}
	return result;
}

static int watched_mkdirat(int dirfd, const char *path, mode_t mode)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	int result = real.mkdirat(dirfd, path, mode);

	if (result == 0)
		add_name(path);
	return result;
}

static ssize_t watched_pread(int fd, void *buf, size_t length, off_t offset)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	if (packs_unreadable && open_paths[fd] && g_str_has_prefix(open_paths[fd], "packs/")) {
		errno = EIO;
		return -1;
	}
	return real.pread(fd, buf, length, offset);
}

static void setup(void)
{
	g_autoptr(VkVault) vault = NULL;

	directory = temp_directory_new();
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
	source = mem_source_new(40 * 65536 + 512);
	for (guint64 i = 0; i < source->base.size; i++)
		source->bytes[i] = (guint8)(i % 251 + i / 65536 + 1);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT + 1);
	names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	appeared = 0;
	lost = 0;
	folder_syncs_left = content_syncs_left = -1;
	real = vk_io;
	vk_io.openat = watched_openat;
	vk_io.close = watched_close;
	vk_io.fdatasync = watched_fdatasync;
	vk_io.fsync = watched_fsync;
	vk_io.renameat2 = watched_renameat2;
	vk_io.mkdirat = watched_mkdirat;
	vk_io.pread = watched_pread;
}

static void teardown(void)
{
	vk_io = real;
	packs_unreadable = FALSE;
	for (guint i = 0; i < FILES_MAX; i++)
		g_clear_pointer(&open_paths[i], g_free);
	g_hash_table_unref(names);
	vk_source_free(&source->base);
	temp_directory_remove(directory);
	g_free(directory);
}

/* Saves the source as the guest's next snapshot. */
static gboolean back_up(VkSaveStats *stats, GError **error)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, error);
	g_autoptr(VkSession) session = vault ? vk_session_new(vault, 1, error) : NULL;
	g_autoptr(VkSnapshot) parent = session ? vk_catalog_find(vault, UUID, NULL) : NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkImageRecord *record;

	if (!session)
		return FALSE;
	record = vk_session_save(session, &source->base,
				 parent ? ((VkDiskRecord *)parent->disks->pdata[0])->image : NULL,
				 stats, NULL, error);
	if (!record)
		return FALSE;
	snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	return vk_session_commit(session, snapshot, error);
}

static void check_backup(VkSaveStats *stats)
{
	g_autoptr(GError) error = NULL;
	gboolean done = back_up(stats, &error);

	ck_assert_msg(done, "%s", error ? error->message : "");
}

static void check_newest(void)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	g_autoptr(VkSnapshot) snapshot = vk_catalog_find(vault, UUID, NULL);
	g_autoptr(VkImage) image = vk_vault_image_open(
		vault, ((VkDiskRecord *)snapshot->disks->pdata[0])->image, NULL);
	g_autofree guint8 *bytes = g_malloc(source->base.size);

	ck_assert(vk_image_read(image, 0, bytes, source->base.size, NULL));
	ck_assert(memcmp(bytes, source->bytes, source->base.size) == 0);
}

/* PATH in the vault. */
static gboolean is_durable(const char *path_inside)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	g_autofree char *file = test_vault_path(vault, path_inside);
	const char *prefix = file + strlen(directory) + 1;
	GHashTableIter iter;
	gpointer path, name;
	gboolean durable = TRUE;
	guint found = 0;

	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &path, &name))
		if (g_str_has_prefix(path, prefix)) {
			durable = durable && ((Name *)name)->name;
			found++;
		}
	return durable && found > 0;
}

START_TEST(packs_are_durable_before_the_snapshot)
{
	VkSaveStats stats = {0};

	check_backup(&stats);
	ck_assert_uint_eq(appeared, 1);
	ck_assert_uint_eq(lost, 0);
	ck_assert(is_durable("snaps/" UUID));
}
END_TEST

/* Another process made the folders and died, or has not come to flush them yet. */
START_TEST(folders_of_others_are_made_durable)
{
	VkSaveStats stats = {0};
	int fd = open(directory, O_RDONLY | O_DIRECTORY);

	for (guint i = 0; i < 256; i++) {
		char folder[16];

		g_snprintf(folder, sizeof(folder), "packs/%02x", i);
		ck_assert_int_eq(vk_io.mkdirat(fd, folder, 0700), 0);
	}
	ck_assert_int_eq(vk_io.mkdirat(fd, "snaps/" UUID, 0700), 0);
	close(fd);
	check_backup(&stats);
	ck_assert_uint_eq(appeared, 1);
	ck_assert_uint_eq(lost, 0);
	ck_assert(is_durable("snaps/" UUID));
}
END_TEST

/* The packs of a backup that failed before its flush are found and used by the next. */
START_TEST(found_packs_are_made_durable)
{
	VkSaveStats first = {0}, second = {0};

	folder_syncs_left = 0;
	ck_assert(!back_up(&first, NULL));
	folder_syncs_left = -1;
	ck_assert_uint_eq(appeared, 0);
	check_backup(&second);
	ck_assert_uint_gt(first.fresh, 0);
	ck_assert_uint_eq(second.fresh, 0);
	ck_assert_uint_eq(lost, 0);
	check_newest();
}
END_TEST

/* Another process takes the new file for a stale one, before it is locked. */
START_TEST(a_removed_temporary_is_replaced)
{
	VkSaveStats stats = {0};

	remove_next_temporary = TRUE;
	check_backup(&stats);
	ck_assert(!remove_next_temporary);
	check_newest();
}
END_TEST

/* Tools that copy vaults may leave empty folders out. */
START_TEST(a_missing_tmp_is_made_again)
{
	g_autofree char *tmp = g_build_filename(directory, "tmp", NULL);
	VkSaveStats stats = {0};

	ck_assert_int_eq(rmdir(tmp), 0);
	check_backup(&stats);
	check_newest();
}
END_TEST

/* A bad sector below the parent's map costs time and space, not the backup. */
START_TEST(an_unreadable_parent_is_saved_anew)
{
	VkSaveStats first = {0}, second = {0};

	check_backup(&first);
	packs_unreadable = TRUE;
	check_backup(&second);
	packs_unreadable = FALSE;
	ck_assert(second.parent_damaged);
	check_newest();
}
END_TEST

/* Random bytes for three packs and a bit. */
static void fill_packs(void)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(test_seed());
	gsize size = 3 * (gsize)VK_PACK_SIZE + 10 * VK_BLOCK_SIZE;

	vk_source_free(&source->base);
	source = mem_source_new(size);
	for (gsize i = 0; i < size; i += sizeof(guint32))
		*(guint32 *)(gpointer)(source->bytes + i) = g_rand_int(random);
	memset(source->kinds, VK_SOURCE_DATA, size / MEM_UNIT);
}

/* A pack whose flush fails while the next one is filled, or that of the last one. */
START_TEST(a_pack_lost_in_the_background_is_noticed)
{
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;

	fill_packs();
	content_syncs_left = _i;
	ck_assert(!back_up(&stats, &error));
	ck_assert_msg(strstr(error->message, "flush"), "%s", error->message);
	ck_assert_uint_eq(appeared, 0);
	check_backup(&stats);
	ck_assert_uint_eq(appeared, 1);
	ck_assert_uint_eq(lost, 0);
	check_newest();
}
END_TEST

static void check_next_guest(VkSession *session)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(GError) error = NULL;
	VkSaveStats stats = {0};
	VkImageRecord *record = vk_session_save(session, &source->base, NULL, &stats, NULL, &error);

	ck_assert_msg(record, "%s", error ? error->message : "");
	snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	ck_assert(vk_session_commit(session, snapshot, NULL));
	ck_assert_uint_eq(lost, 0);
	check_newest();
}

/* Whatever the first guest's packs come to, the second one's have nothing to do with it. */
START_TEST(a_lost_pack_is_no_matter_to_the_next_guest)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(GError) error = NULL;
	VkSaveStats stats = {0};
	VkImageRecord *record;

	fill_packs();
	content_syncs_left = _i;
	record = vk_session_save(session, &source->base, NULL, &stats, NULL, &error);
	if (record) {
		snapshot = make_snapshot(UUID, "20260102T030405Z", record);
		ck_assert(!vk_session_commit(session, snapshot, &error));
	}
	ck_assert_msg(strstr(error->message, "flush"), "%s", error->message);
	check_next_guest(session);
}
END_TEST

/* The source fails while a pack is under way that will be lost. */
START_TEST(a_pack_lost_behind_a_failed_save_is_no_matter)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(GError) error = NULL;
	VkSaveStats stats = {0};

	fill_packs();
	content_syncs_left = 0;
	source->fail_after = 40;
	ck_assert_ptr_null(vk_session_save(session, &source->base, NULL, &stats, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_CHANGED));
	source->fail_after = -1;
	check_next_guest(session);
	ck_assert_int_lt(content_syncs_left, 0);
}
END_TEST

/*
 * An image whose blocks lie in a pack of the one before, of which nobody knows yet that it is lost.
 */
START_TEST(a_lost_pack_takes_those_along_that_found_its_blocks)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSnapshot *snapshots[2];
	VkSaveStats stats = {0};

	fill_packs();
	content_syncs_left = 2;
	for (guint i = 0; i < G_N_ELEMENTS(snapshots); i++) {
		VkImageRecord *record =
			vk_session_save(session, &source->base, NULL, &stats, NULL, NULL);

		ck_assert_ptr_nonnull(record);
		snapshots[i] = make_snapshot(UUID, "20260102T030405Z", record);
	}
	for (guint i = 0; i < G_N_ELEMENTS(snapshots); i++) {
		ck_assert(!vk_session_commit(session, snapshots[i], NULL));
		vk_snapshot_free(snapshots[i]);
	}
	ck_assert_uint_eq(appeared, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flush");
	TCase *tcase = tcase_create("flush");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, packs_are_durable_before_the_snapshot);
	tcase_add_test(tcase, folders_of_others_are_made_durable);
	tcase_add_test(tcase, found_packs_are_made_durable);
	tcase_add_test(tcase, a_removed_temporary_is_replaced);
	tcase_add_test(tcase, a_missing_tmp_is_made_again);
	tcase_add_test(tcase, an_unreadable_parent_is_saved_anew);
	tcase_add_loop_test(tcase, a_pack_lost_in_the_background_is_noticed, 0, 4);
	tcase_add_test(tcase, a_pack_lost_behind_a_failed_save_is_no_matter);
	tcase_add_test(tcase, a_lost_pack_takes_those_along_that_found_its_blocks);
	tcase_add_loop_test(tcase, a_lost_pack_is_no_matter_to_the_next_guest, 0, 4);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
