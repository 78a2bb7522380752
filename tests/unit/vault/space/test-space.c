/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Space by guest: exactly what looking up each block of each guest gives, whatever they share.
 */
#include "catalog.h"
#include "collect.h"
#include "errors.h"
#include "image-bed.h"
#include "interrupt.h"
#include "layout.h"
#include "map.h"
#include "pack-name.h"
#include "space.h"
#include "temp-vault.h"
#include "timestamp.h"
#include "vault-parts.h"

#define N_GUESTS    3
#define GENERATIONS 4
#define SIZE        (12u * 1024 * 1024 + 12345)

#define DAY_SEC 86400
#define NOW     1780000000 /* in the year 2026 */

/* How old the snapshots are, in seconds. */
static const gint64 ages[GENERATIONS] = {30 * DAY_SEC + 1, 30 * DAY_SEC, 7 * DAY_SEC + 1,
					 7 * DAY_SEC};

static VkImageRecord *records[N_GUESTS][GENERATIONS];
static MemSource *sources[N_GUESTS][GENERATIONS];
static VkSaveStats stats[N_GUESTS][GENERATIONS];
static VkSnapshot *snapshots[N_GUESTS][GENERATIONS];

static char *uuid_of(guint guest)
{
	return g_strdup_printf("%08u-2222-3333-4444-555555555555", guest + 1);
}

static void save_one(guint guest, guint generation)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	g_autofree char *uuid = uuid_of(guest);
	g_autofree char *time = vk_time_format(NOW - ages[generation]);
	VkSaveStats *stat = &stats[guest][generation];
	VkImageRecord *record = save(session, sources[guest][generation],
				     generation == 0 ? NULL : records[guest][generation - 1], stat);
	VkSnapshot *snapshot = make_snapshot(uuid, time, record);
	VkDiskRecord *disk = snapshot->disks->pdata[0];
	GError *error = NULL;

	disk->stored = stat->stored;
	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	snapshots[guest][generation] = snapshot;
	records[guest][generation] = record;
}

/* Each guest begins with what the first one was, changed. */
static void save_guests(void)
{
	for (guint guest = 0; guest < N_GUESTS; guest++)
		for (guint i = 0; i < GENERATIONS; i++) {
			const MemSource *from = i > 0       ? sources[guest][i - 1]
						: guest > 0 ? sources[0][0]
							    : NULL;
			MemSource *source =
				from ? mem_source_resized(from, SIZE) : mem_source_new(SIZE);

			mem_source_scribble(source, seeded, from ? 8 : 60, 60);
			if (i > 0)
				mem_source_track(source, from, seeded);
			sources[guest][i] = source;
			save_one(guest, i);
		}
}

static void drop_guests(void)
{
	for (guint guest = 0; guest < N_GUESTS; guest++)
		for (guint i = 0; i < GENERATIONS; i++) {
			vk_snapshot_free(snapshots[guest][i]);
			vk_source_free(&sources[guest][i]->base);
		}
}

static void use(GHashTable *slots, const VkPackId *pack, guint32 slot)
{
	g_autoptr(GString) key = g_string_new(NULL);

	for (guint i = 0; i < VK_ID_SIZE; i++)
		g_string_append_printf(key, "%02x", pack->bytes[i]);
	g_string_append_printf(key, "/%u", slot);
	if (!g_hash_table_contains(slots, key->str)) {
		g_autoptr(VkPackTable) table = vk_pack_cache_get(vault->packs, pack, NULL);

		g_hash_table_insert(slots, g_strdup(key->str),
				    GUINT_TO_POINTER(vk_pack_table_length(table, slot)));
	}
}

/* The slow and certain way. A set of slots, each with its bytes. */
static GHashTable *slots_of(guint guest, guint first)
{
	GHashTable *slots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = first; i < GENERATIONS; i++) {
		const VkImageRecord *image = records[guest][i];
		guint32 blocks = vk_blocks_of_size(image->size);
		g_autoptr(VkMap) map = vk_map_new(vault->blocks, image->runs, blocks);

		for (guint32 block = 0; block < blocks; block++) {
			VkExtent extent;
			gboolean present;

			ck_assert(vk_map_lookup(map, block, &extent, &present, NULL));
			if (extent.kind == VK_EXTENT_DATA)
				use(slots, &extent.pack, extent.slot);
		}
		for (guint j = 0; j < image->runs->len; j++) {
			const GArray *segments = ((VkRun *)image->runs->pdata[j])->segments;

			for (guint k = 0; k < segments->len; k++) {
				const VkSegment *segment = &g_array_index(segments, VkSegment, k);

				for (guint32 page = 0; page <= segment->pages; page++)
					use(slots, &segment->pack, segment->slot + page);
			}
		}
	}
	return slots;
}

/* Of the slots of guest number ONE, or with N_GUESTS of any guest. */
static void expect(GHashTable *const *slots, guint one, guint64 *ret_unique, guint64 *ret_shared)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	*ret_unique = *ret_shared = 0;
	for (guint guest = 0; guest < N_GUESTS; guest++) {
		GHashTableIter iter;
		gpointer key, bytes;

		g_hash_table_iter_init(&iter, slots[guest]);
		while (g_hash_table_iter_next(&iter, &key, &bytes)) {
			guint users = 0;

			if ((one != N_GUESTS && one != guest) || !g_hash_table_add(seen, key))
				continue;
			for (guint other = 0; other < N_GUESTS; other++)
				users += g_hash_table_contains(slots[other], key);
			*(users > 1 ? ret_shared : ret_unique) += GPOINTER_TO_UINT(bytes);
		}
	}
}

static GPtrArray *measure(VkSpace *all, GPtrArray *guests, const GPtrArray *chosen)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *each = vk_space_measure(vault, guests, chosen, NOW, all, &error);

	ck_assert_msg(each != NULL, "%s", error ? error->message : "");
	return each;
}

static void check_all(GPtrArray *guests, GHashTable *const *slots)
{
	VkSpace all;
	g_autoptr(GPtrArray) each = measure(&all, guests, guests);
	guint64 unique, shared;

	ck_assert_uint_eq(each->len, N_GUESTS);
	for (guint i = 0; i < N_GUESTS; i++) {
		const VkSpaceOfGuest *one = each->pdata[i];

		ck_assert(one->guest == guests->pdata[i]);
		expect(slots, i, &unique, &shared);
		ck_assert_uint_eq(one->space.unique, unique);
		ck_assert_uint_eq(one->space.shared, shared);
	}
	expect(slots, N_GUESTS, &unique, &shared);
	ck_assert_uint_eq(all.unique, unique);
	ck_assert_uint_eq(all.shared, shared);
	ck_assert_uint_gt(unique, 0);
	ck_assert_uint_gt(shared, 0);
}

START_TEST(what_guests_use_is_exact)
{
	GHashTable *slots[N_GUESTS];
	g_autoptr(GPtrArray) guests = NULL;

	save_guests();
	guests = vk_catalog_guests(vault, NULL);
	for (guint i = 0; i < N_GUESTS; i++)
		slots[i] = slots_of(i, 0);
	check_all(guests, slots);
	for (guint i = 0; i < N_GUESTS; i++)
		g_hash_table_unref(slots[i]);
	drop_guests();
}
END_TEST

START_TEST(what_is_forgotten_does_not_count)
{
	GHashTable *slots[N_GUESTS];
	g_autoptr(GPtrArray) guests = NULL;

	save_guests();
	guests = vk_catalog_guests(vault, NULL);
	for (guint i = 0; i < 2; i++) {
		const VkCatalogGuest *guest = guests->pdata[0];

		ck_assert(vk_catalog_forget(vault, guest->keys->pdata[i], NULL, NULL));
	}
	g_ptr_array_unref(guests);
	guests = vk_catalog_guests(vault, NULL);
	for (guint i = 0; i < N_GUESTS; i++)
		slots[i] = slots_of(i, i == 0 ? 2 : 0);
	check_all(guests, slots);
	for (guint i = 0; i < N_GUESTS; i++)
		g_hash_table_unref(slots[i]);
	drop_guests();
}
END_TEST

/* Three quarters of the first snapshot are dead. */
START_TEST(compaction_changes_nothing)
{
	const VkCollectOptions options = {0};
	VkCollectResult result;
	g_autoptr(GPtrArray) guests = NULL, before = NULL, after = NULL;
	const VkCatalogGuest *guest;
	VkSpace all, again;

	for (guint i = 0; i < 2; i++) {
		sources[0][i] = mem_source_new(SIZE - SIZE % MEM_UNIT);
		fill_with_noise(sources[0][i]);
	}
	memcpy(sources[0][1]->bytes, sources[0][0]->bytes, SIZE / 4);
	save_one(0, 0);
	save_one(0, 1);
	guests = vk_catalog_guests(vault, NULL);
	guest = guests->pdata[0];
	ck_assert(vk_catalog_forget(vault, guest->keys->pdata[0], NULL, NULL));
	g_ptr_array_unref(guests);
	guests = vk_catalog_guests(vault, NULL);
	before = measure(&all, guests, guests);
	ck_assert(vk_collect(vault, &options, &result, NULL));
	ck_assert_uint_eq(result.compacted, 1);
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	after = measure(&again, guests, guests);
	ck_assert(memcmp(&all, &again, sizeof(all)) == 0);
	ck_assert(memcmp(after->pdata[0], before->pdata[0], sizeof(VkSpaceOfGuest)) == 0);
	for (guint i = 0; i < 2; i++) {
		vk_snapshot_free(snapshots[0][i]);
		vk_source_free(&sources[0][i]->base);
	}
}
END_TEST

START_TEST(one_guest_is_measured_beside_all)
{
	g_autoptr(GPtrArray) guests = NULL, one = g_ptr_array_new();
	g_autoptr(GPtrArray) each = NULL, alone = NULL;
	VkSpace all, again;

	save_guests();
	guests = vk_catalog_guests(vault, NULL);
	g_ptr_array_add(one, guests->pdata[1]);
	each = measure(&all, guests, guests);
	alone = measure(&again, guests, one);
	ck_assert_uint_eq(alone->len, 1);
	ck_assert(memcmp(alone->pdata[0], each->pdata[1], sizeof(VkSpaceOfGuest)) == 0);
	ck_assert(memcmp(&all, &again, sizeof(all)) == 0);
	drop_guests();
}
END_TEST

START_TEST(growth_is_what_recent_snapshots_stored)
{
	g_autoptr(GPtrArray) guests = NULL, each = NULL;
	guint64 week = 0;
	VkSpace all;

	save_guests();
	guests = vk_catalog_guests(vault, NULL);
	each = measure(&all, guests, guests);
	for (guint i = 0; i < N_GUESTS; i++) {
		const VkSpace *space = &((const VkSpaceOfGuest *)each->pdata[i])->space;
		guint64 logical = 0;

		for (guint j = 0; j < GENERATIONS; j++)
			logical += records[i][j]->allocated;
		ck_assert_uint_eq(space->snapshots, GENERATIONS);
		ck_assert_uint_eq(space->logical, logical);
		ck_assert_uint_eq(space->week, stats[i][3].stored);
		ck_assert_uint_eq(space->month,
				  stats[i][3].stored + stats[i][2].stored + stats[i][1].stored);
		week += space->week;
	}
	ck_assert_uint_gt(week, 0);
	ck_assert_uint_eq(all.week, week);
	ck_assert_uint_eq(all.snapshots, N_GUESTS * GENERATIONS);
	drop_guests();
}
END_TEST

START_TEST(a_disk_is_full_at_the_faster_rate)
{
	VkSpace by_week = {.week = 700, .month = 1500};
	VkSpace by_month = {.week = 70, .month = 3000};
	VkSpace still = {0};

	ck_assert_int_eq(vk_space_seconds_left(&by_week, 1000), 10 * DAY_SEC);
	ck_assert_int_eq(vk_space_seconds_left(&by_month, 1000), 10 * DAY_SEC);
	ck_assert_int_eq(vk_space_seconds_left(&by_week, 0), 0);
	ck_assert_int_eq(vk_space_seconds_left(&still, 1000), -1);
	ck_assert_int_eq(vk_space_seconds_left(&(VkSpace){.month = 1}, G_MAXUINT64), -1);
}
END_TEST

static const VkStoreOps *untouched;
static guint reads, reads_without_lease;

static gboolean watched_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	g_autoptr(GPtrArray) leases = untouched->list(store, VK_FOLDER_LEASES, NULL);

	reads++;
	reads_without_lease += leases->len == 0;
	return untouched->get(store, name, offset, buf, length, error);
}

START_TEST(no_collector_comes_between)
{
	g_autoptr(GPtrArray) guests = NULL, each = NULL;
	VkStoreOps watched;
	VkSpace all;

	save_guests();
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	guests = vk_catalog_guests(vault, NULL);
	untouched = vault->store->ops;
	watched = *untouched;
	watched.get = watched_get;
	vault->store->ops = &watched;
	each = measure(&all, guests, guests);
	vault->store->ops = untouched;
	ck_assert_uint_gt(reads, 0);
	ck_assert_uint_eq(reads_without_lease, 0);
	drop_guests();
}
END_TEST

START_TEST(what_cannot_be_known_is_an_error)
{
	g_autoptr(GPtrArray) guests = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *object = NULL;
	const VkRun *run;
	VkSpace all;

	save_guests();
	guests = vk_catalog_guests(vault, NULL);
	vk_set_interrupted(TRUE);
	ck_assert(!vk_space_measure(vault, guests, guests, NOW, &all, NULL));
	vk_set_interrupted(FALSE);
	run = records[0][0]->runs->pdata[0];
	object = vk_pack_object(&g_array_index(run->segments, VkSegment, 0).pack, 0);
	ck_assert(vault->store->ops->delete (vault->store, object, NULL));
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	ck_assert(!vk_space_measure(vault, guests, guests, NOW, &all, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	drop_guests();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, what_guests_use_is_exact);
	tcase_add_test(tcase, what_is_forgotten_does_not_count);
	tcase_add_test(tcase, compaction_changes_nothing);
	tcase_add_test(tcase, one_guest_is_measured_beside_all);
	tcase_add_test(tcase, growth_is_what_recent_snapshots_stored);
	tcase_add_test(tcase, a_disk_is_full_at_the_faster_rate);
	tcase_add_test(tcase, no_collector_comes_between);
	tcase_add_test(tcase, what_cannot_be_known_is_an_error);
}

int main(void)
{
	return run_image_tests("space", add);
}
