/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a collection reads: each page of a map that is in use once, whatever the number of
 * snapshots, and of packs no more than their trailers, but for those of which a good part has
 * become garbage. Forgetting reads what the guest has, and nothing else.
 */
#include "catalog.h"
#include "collect.h"
#include "image-bed.h"
#include "map.h"
#include "pack-name.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <string.h>

#define GUESTS      3
#define GENERATIONS 6
#define SIZE        (8u * 1024 * 1024)
#define CHANGED     (1024u * 1024)

static MemSource *sources[GUESTS][GENERATIONS];
static VkImageRecord *records[GUESTS][GENERATIONS];
static VkSnapshot *snapshots[GUESTS][GENERATIONS];

static char *uuid_of(guint guest)
{
	return g_strdup_printf("%08u-2222-3333-4444-555555555555", guest + 1);
}

static void save_one(guint guest, guint i)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	g_autofree char *uuid = uuid_of(guest);
	g_autofree char *time = g_strdup_printf("202601%02uT000000Z", i + 1);
	VkSaveStats stats = {0};

	records[guest][i] =
		save(session, sources[guest][i], i == 0 ? NULL : records[guest][i - 1], &stats);
	snapshots[guest][i] = make_snapshot(uuid, time, records[guest][i]);
	ck_assert(vk_session_commit(session, snapshots[guest][i], NULL));
}

/* What a backup finds: a mebibyte that does not compress. */
static void change(MemSource *source)
{
	gsize at = (gsize)g_rand_int_range(seeded, 0, (gint32)(SIZE - CHANGED - MEM_UNIT));

	at -= at % sizeof(guint32);
	for (gsize i = at; i < at + CHANGED; i += sizeof(guint32))
		*(guint32 *)(gpointer)(source->bytes + i) = g_rand_int(seeded);
	memset(source->kinds + at / MEM_UNIT, VK_SOURCE_DATA, CHANGED / MEM_UNIT + 1);
}

/* Every other block is a hole: so many extents that the next runs are not merged into them. */
static void fill(MemSource *source)
{
	fill_with_noise(source);
	for (gsize i = 0; i < SIZE; i += 2 * VK_BLOCK_SIZE) {
		memset(source->bytes + i, 0, VK_BLOCK_SIZE);
		memset(source->kinds + i / MEM_UNIT, VK_SOURCE_HOLE, VK_BLOCK_SIZE / MEM_UNIT);
	}
}

/* Guests with nothing in common. */
static void save_guests(void)
{
	for (guint guest = 0; guest < GUESTS; guest++)
		for (guint i = 0; i < GENERATIONS; i++) {
			MemSource *before = i > 0 ? sources[guest][i - 1] : NULL;
			MemSource *source =
				before ? mem_source_resized(before, SIZE) : mem_source_new(SIZE);

			if (before) {
				change(source);
				mem_source_track(source, before, seeded);
			} else {
				fill(source);
			}
			sources[guest][i] = source;
			save_one(guest, i);
		}
}

static void drop_guests(void)
{
	for (guint guest = 0; guest < GUESTS; guest++)
		for (guint i = 0; i < GENERATIONS; i++) {
			vk_snapshot_free(snapshots[guest][i]);
			vk_source_free(&sources[guest][i]->base);
		}
}

static void forget(guint guest, guint i)
{
	g_autofree char *uuid = uuid_of(guest);
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, uuid, NULL);

	for (guint j = 0; j < keys->len; j++)
		if (strcmp(((VkSnapshotKey *)keys->pdata[j])->id, snapshots[guest][i]->id) == 0)
			ck_assert(vk_catalog_forget(vault, keys->pdata[j], NULL, NULL));
}

static GHashTable *reads; /* "OBJECT OFFSET", owned -> how often */
static GMutex reads_lock; /* the collector loads ahead by a thread */
static const VkStoreOps *unwatched;

static gboolean watched_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	char *key = g_strdup_printf("%s %" G_GUINT64_FORMAT, name, offset);
	guint before;

	g_mutex_lock(&reads_lock);
	before = GPOINTER_TO_UINT(g_hash_table_lookup(reads, key));
	g_hash_table_replace(reads, key, GUINT_TO_POINTER(before + 1));
	g_mutex_unlock(&reads_lock);
	return unwatched->get(store, name, offset, buf, length, error);
}

/* What a program of its own reads that looks for garbage. */
static VkCollectResult watch_collection(void)
{
	static const VkCollectOptions dry = {.dry_run = TRUE};
	g_autoptr(VkVault) fresh = vk_vault_open(directory, VK_VAULT_READ, NULL);
	VkCollectResult result;
	VkStoreOps watching;

	g_clear_pointer(&reads, g_hash_table_unref);
	reads = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	unwatched = fresh->store->ops;
	watching = *unwatched;
	watching.get = watched_get;
	fresh->store->ops = &watching;
	ck_assert(vk_collect(fresh, &dry, &result, NULL));
	fresh->store->ops = unwatched;
	return result;
}

static guint count_reads(const char *object, guint64 offset)
{
	g_autofree char *key = g_strdup_printf("%s %" G_GUINT64_FORMAT, object, offset);

	return GPOINTER_TO_UINT(g_hash_table_lookup(reads, key));
}

/* How often the pack's table was read: its header is read for that only. */
static guint count_table_reads(const VkPackId *pack)
{
	g_autofree char *object = vk_pack_object(pack, 0);

	return count_reads(object, 0);
}

/* How often the slot was read. */
static guint count_slot_reads(const VkPackTable *table, guint32 slot)
{
	return count_reads(table->object, (guint64)table->entries[slot].offset16 * VK_FRAME_ALIGN);
}

static gboolean is_of_guest(const VkPackId *pack, guint guest)
{
	for (guint i = 0; i < GENERATIONS; i++) {
		g_autoptr(VkMap) map =
			vk_map_new(vault->blocks, records[guest][i]->runs, SIZE / VK_BLOCK_SIZE);
		VkExtent extent;
		gboolean present;

		for (guint32 block = 0; block < SIZE / VK_BLOCK_SIZE; block += extent.count) {
			ck_assert(vk_map_lookup(map, block, &extent, &present, NULL));
			if (extent.kind == VK_EXTENT_DATA && vk_pack_id_equal(&extent.pack, pack))
				return TRUE;
		}
	}
	return FALSE;
}

/* Of all slots of all packs: data is never read, a page once at most. Returns how many were read.
 */
static guint check_slots(void)
{
	g_autoptr(GArray) packs = vk_pack_list(vault->store, NULL);
	guint pages = 0;

	ck_assert_uint_gt(packs->len, 0);
	for (guint i = 0; i < packs->len; i++) {
		g_autoptr(VkPackTable) table =
			vk_pack_cache_get(vault->packs, &g_array_index(packs, VkPackId, i), NULL);

		for (guint32 slot = 0; slot < table->slots; slot++) {
			guint8 flags =
				(guint8)(table->entries[slot].length_flags >> VK_SLOT_FLAG_SHIFT);
			guint count = count_slot_reads(table, slot);

			if ((flags & VK_SLOT_KIND) == VK_SLOT_KIND_DATA)
				ck_assert_uint_eq(count, 0);
			ck_assert_uint_le(count, 1);
			pages += count;
		}
	}
	return pages;
}

/* The slots with the maps of what is not forgotten. */
static guint count_pages(const gboolean forgotten[GENERATIONS])
{
	g_autoptr(GHashTable) slots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint guest = 0; guest < GUESTS; guest++)
		for (guint i = 0; i < GENERATIONS; i++)
			for (guint j = 0; !forgotten[i] && j < records[guest][i]->runs->len; j++) {
				const VkRun *run = records[guest][i]->runs->pdata[j];

				for (guint k = 0; k < run->segments->len; k++) {
					const VkSegment *segment =
						&g_array_index(run->segments, VkSegment, k);
					g_autofree char *object = vk_pack_object(&segment->pack, 0);

					for (guint l = 0; l <= segment->pages; l++)
						g_hash_table_add(
							slots, g_strdup_printf("%s %u", object,
									       segment->slot + l));
				}
			}
	return g_hash_table_size(slots);
}

START_TEST(each_page_is_read_once)
{
	gboolean forgotten[GENERATIONS] = {FALSE};

	save_guests();
	watch_collection();
	ck_assert_uint_eq(check_slots(), count_pages(forgotten));
	/* What was shared with the oldest ones has to be walked for those that are left. */
	for (guint guest = 0; guest < GUESTS; guest++)
		for (guint i = 0; i < 4; i += 3) {
			forgotten[i] = TRUE;
			forget(guest, i);
		}
	watch_collection();
	ck_assert_uint_eq(check_slots(), count_pages(forgotten));
	drop_guests();
}
END_TEST

/* The table of a pack with map pages is read once to find them. */
START_TEST(tables_are_read_again_of_what_is_forgotten_only)
{
	g_autoptr(GArray) packs = NULL;
	guint others = 0;

	save_guests();
	for (guint i = 1; i < GENERATIONS; i++)
		forget(0, i);
	watch_collection();
	packs = vk_pack_list(vault->store, NULL);
	for (guint i = 0; i < packs->len; i++) {
		const VkPackId *pack = &g_array_index(packs, VkPackId, i);

		if (is_of_guest(pack, 0))
			continue;
		ck_assert_uint_le(count_table_reads(pack), 1);
		others++;
	}
	ck_assert_uint_gt(others, 0);
	drop_guests();
}
END_TEST

START_TEST(forgetting_reads_what_the_guest_has)
{
	g_autofree char *uuid = uuid_of(1);
	g_autofree char *own = g_strdup_printf("*%s*", uuid);
	WatchedStore *watched;
	VkStore *inner = vault->store;

	save_guests();
	watched = watched_store_new(inner);
	vault->store = &watched->base;
	for (guint i = 0; i < GENERATIONS; i++)
		forget(1, i);
	vault->store = inner;
	ck_assert_uint_gt(watched->calls->len, 0);
	for (guint i = 0; i < watched->calls->len; i++) {
		const char *call = g_ptr_array_index(watched->calls, i);

		ck_assert_msg(g_pattern_match_simple(own, call) || g_str_has_prefix(call, "sync"),
			      "%s", call);
	}
	watched_store_free(watched);
	drop_guests();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, each_page_is_read_once);
	tcase_add_test(tcase, tables_are_read_again_of_what_is_forgotten_only);
	tcase_add_test(tcase, forgetting_reads_what_the_guest_has);
}

int main(void)
{
	return run_image_tests("collect-reads", add);
}
