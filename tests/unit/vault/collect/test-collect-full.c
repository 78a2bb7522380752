/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk with hardly a free page: snapshots are pinned, read, forgotten and collected there, by the
 * vault's reserve. A backup does not get it.
 */
#include "catalog-pin.h"
#include "collect-bed.h"
#include "errors.h"
#include "image-bed.h"
#include "io.h"
#include "read-lease.h"
#include "vault-parts.h"
#include "vault-room.h"

#include <errno.h>
#include <ftw.h>
#include <unistd.h>

#define PAGE    4096u
#define RESERVE 4u /* objects */

static const VkCollectOptions plain;
static VkIo real;
static guint64 disk; /* pages that there are in all */
static guint64 used; /* while they are counted */
static GMutex mutex; /* guards it */

static guint64 to_pages(guint64 bytes)
{
	return (bytes + PAGE - 1) / PAGE;
}

static int add_file(const char *path, const struct stat *facts, int type, struct FTW *position)
{
	if (type == FTW_F)
		used += to_pages((guint64)facts->st_size);
	return 0;
}

static guint64 count_used(void)
{
	used = 0;
	ck_assert_int_eq(nftw(directory, add_file, 16, FTW_PHYS), 0);
	return used;
}

static ssize_t write_to_disk(int fd, const void *buf, size_t length, off_t offset)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	struct stat facts;
	guint64 before, after;

	ck_assert_int_eq(fstat(fd, &facts), 0);
	before = to_pages((guint64)facts.st_size);
	after = MAX(before, to_pages((guint64)offset + length));
	if (count_used() + after - before <= disk)
		return real.pwrite(fd, buf, length, offset);
	errno = ENOSPC;
	return -1;
}

/* Somebody else writes until so many pages are left. */
static void fill_disk(guint pages)
{
	disk = count_used() + pages;
	vk_io.pwrite = write_to_disk;
}

static void drop_hints(void)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "hints", NULL);

	for (guint i = 0; i < names->len; i++) {
		g_autofree char *name = g_build_filename("hints", names->pdata[i], NULL);

		ck_assert(vault->store->ops->delete (vault->store, name, NULL));
	}
}

static void pin(const VkSnapshotKey *key)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_catalog_pin(vault, key, VK_PIN_FOR_GOOD, "the audit", &error), "%s",
		      error ? error->message : "");
}

static void check_pin(const VkSnapshotKey *key)
{
	VkPin *pin = NULL;

	ck_assert(vk_catalog_load_pin(vault, key, &pin, NULL));
	ck_assert_str_eq(pin->reason, "the audit");
	vk_pin_free(pin);
}

/* Whoever makes room does not use up what the next one needs. */
START_TEST(all_that_frees_space_works)
{
	const guint pages = (guint)_i / 2;
	const gboolean has_hints = _i % 2 == 0;
	g_autoptr(VkSnapshotKey) key = NULL;
	VkReadLease *lease;
	VkCollectResult result;

	save_half_dead_pack(8);
	save_alone(2, 10);
	key = find_key(1);
	if (!has_hints)
		drop_hints();
	ck_assert_uint_eq(count_in("reserve"), RESERVE);
	real = vk_io;
	fill_disk(pages);
	pin(key);
	fill_disk(pages);
	lease = vk_read_lease_begin(vault, key, NULL);
	ck_assert_uint_eq(count_in("leases"), 1);
	fill_disk(pages);
	forget(2);
	fill_disk(pages);
	result = collect_well(&plain);
	vk_io = real;
	ck_assert_uint_eq(result.snapshots, 2);
	ck_assert_uint_eq(result.packs, 1);
	ck_assert_uint_eq(result.compacted, 1);
	ck_assert_uint_eq(count_in("reserve"), RESERVE);
	ck_assert_int_eq(count_in("hints") > 0, has_hints);
	check_existing();
	check_pin(key);
	vk_read_lease_end(lease);
	drop_generations();
}
END_TEST

static guint warnings;
static char *warning;

static void note_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_free(warning);
	warning = g_strdup_vprintf(format, args);
	va_end(args);
	warnings++;
}

/* The pack is larger than what comes back without it. The next collection finds room. */
START_TEST(a_compaction_makes_no_room)
{
	VkCollectResult result;

	save_half_dead_pack(40);
	save_alone(2, 1);
	forget(2);
	real = vk_io;
	fill_disk(3);
	vault->warn = note_warning;
	result = collect_well(&plain);
	vk_io = real;
	ck_assert_uint_eq(result.packs, 1);
	ck_assert_uint_eq(result.compacted, 0);
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(warning, "no room to compact 1 pack:"));
	ck_assert_uint_ge(count_in("reserve"), RESERVE - 1);
	ck_assert_uint_gt(count_in("hints"), 0);
	check_existing();
	result = collect_well(&plain);
	ck_assert_uint_eq(result.compacted, 1);
	check_existing();
	drop_generations();
	g_clear_pointer(&warning, g_free);
}
END_TEST

/* Each of three packs finds room in what the one before has freed; in any order of their names. */
START_TEST(a_compaction_frees_the_room_of_the_next)
{
	VkCollectResult result;

	save_half_dead_pack_as(0, 40);
	save_half_dead_pack_as(2, 16);
	save_half_dead_pack_as(4, 6);
	real = vk_io;
	fill_disk((guint)to_pages(8 * VK_BLOCK_SIZE));
	result = collect_well(&plain);
	vk_io = real;
	ck_assert_uint_eq(result.packs, 0);
	ck_assert_uint_eq(result.compacted, 3);
	check_existing();
	drop_generations();
}
END_TEST

static gboolean back_up(GError **error)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, error);
	MemSource *source = mem_source_new((guint64)8 * VK_BLOCK_SIZE);
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSaveStats stats = {0};
	VkImageRecord *record = NULL;

	fill_with_noise(source);
	if (session)
		record = vk_session_save(session, &source->base, NULL, &stats, NULL, error);
	vk_source_free(&source->base);
	if (!record)
		return FALSE;
	snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	return vk_session_commit(session, snapshot, error);
}

/* It would use all of it, and find the vault full nevertheless. */
START_TEST(a_backup_does_not_get_the_reserve)
{
	g_autoptr(GError) error = NULL;

	save_alone(0, 1);
	real = vk_io;
	fill_disk((guint)_i);
	ck_assert(!back_up(&error));
	vk_io = real;
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FULL));
	ck_assert_uint_eq(count_in("reserve"), RESERVE);
	ck_assert_uint_gt(count_in("hints"), 0);
	drop_generations();
}
END_TEST

/* As an earlier version made it, or as it is after a few who needed room. */
START_TEST(a_collection_makes_the_reserve_whole)
{
	const VkCollectOptions dry = {.dry_run = TRUE};
	guint64 size;

	for (guint i = 0; i < RESERVE; i++) {
		GError *trouble = NULL;

		vk_fail(&trouble, VK_ERROR_FULL, "no room");
		ck_assert(vk_vault_make_room(vault, &trouble));
		ck_assert_ptr_null(trouble);
		ck_assert_uint_eq(count_in("reserve"), RESERVE - 1 - i);
	}
	collect_well(&dry);
	ck_assert_uint_eq(count_in("reserve"), 0);
	collect_well(&plain);
	ck_assert_uint_eq(count_in("reserve"), RESERVE);
	ck_assert(vault->store->ops->head(vault->store, "reserve/0", &size, NULL, NULL));
	ck_assert_uint_eq(size, 256 * 1024);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, all_that_frees_space_works, 0, 12);
	tcase_add_test(tcase, a_compaction_makes_no_room);
	tcase_add_loop_test(tcase, a_compaction_frees_the_room_of_the_next, 0, 4);
	tcase_add_loop_test(tcase, a_backup_does_not_get_the_reserve, 0, 6);
	tcase_add_test(tcase, a_collection_makes_the_reserve_whole);
}

int main(void)
{
	return run_image_tests("collect-full", add);
}
