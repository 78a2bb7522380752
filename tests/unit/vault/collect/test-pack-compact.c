/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compaction: the live slots read as before at the same addresses, the dropped ones are gone, and a
 * damaged pack stays as it is.
 */
#include "errors.h"
#include "frame.h"
#include "image-bed.h"
#include "pack-compact.h"
#include "pack-name.h"
#include "session-priv.h"

#include <glib/gstdio.h>
#include <string.h>

#define SIZE (8u * 1024 * 1024)

static VkPackTable *table;

/* One pack with data, map and directory slots. */
static void save_pack(void)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *source = mem_source_new(SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(GArray) packs = NULL;

	fill_with_noise(source);
	snapshot = commit(session, save(session, source, NULL, &stats));
	packs = vk_pack_list(vault->store, NULL);
	ck_assert_uint_eq(packs->len, 1);
	table = vk_pack_cache_get(vault->packs, &g_array_index(packs, VkPackId, 0), NULL);
	ck_assert_ptr_nonnull(table);
	ck_assert_uint_ge(table->slots, SIZE / VK_BLOCK_SIZE + 2);
	vk_source_free(&source->base);
}

static VkSlots choose(void)
{
	VkSlots live = {0};

	for (guint32 i = 0; i < table->slots; i++)
		if (g_rand_int_range(seeded, 0, 3) == 0 || i + 1 == table->slots)
			live.bits[i / 8] |= (guint8)(1u << (i % 8));
	return live;
}

static gboolean compact(VkPackTable *from, const VkSlots *live, const char *name,
			guint32 generation, GError **error)
{
	g_autoptr(GPtrArray) tables = g_ptr_array_new();

	g_ptr_array_add(tables, from);
	return vk_pack_compact(vault->store, &vault->context, tables, live, name, generation, NULL,
			       error);
}

/* As a process of its own reads it. NULL: it cannot. */
static VkPackTable *reread(VkPackCache **ret_cache)
{
	*ret_cache = vk_pack_cache_new(vault->store, &vault->context);
	return vk_pack_cache_get(*ret_cache, &table->id, NULL);
}

static void check_slots(const VkPackTable *compacted, const VkSlots *live)
{
	ck_assert_uint_eq(compacted->slots, table->slots);
	for (guint32 i = 0; i < table->slots; i++) {
		gsize before_length, after_length;
		g_autofree guint8 *before = vk_frame_copy(vault->store, &vault->context, table, i,
							  &before_length, NULL);
		g_autofree guint8 *after = vk_frame_copy(vault->store, &vault->context, compacted,
							 i, &after_length, NULL);

		ck_assert_ptr_nonnull(before);
		ck_assert_int_eq(after != NULL, vk_slots_have(live, i));
		if (!after)
			continue;
		ck_assert_uint_eq(after_length, before_length);
		ck_assert(memcmp(after, before, after_length) == 0);
		ck_assert(memcmp(compacted->entries[i].id, table->entries[i].id,
				 VK_BLOCK_ID_SIZE) == 0);
		ck_assert_uint_eq(compacted->entries[i].block, table->entries[i].block);
		ck_assert_uint_eq(compacted->entries[i].image, table->entries[i].image);
	}
}

START_TEST(live_slots_stay_where_they_are)
{
	g_autofree char *next = NULL;
	g_autofree char *path = NULL;
	g_autofree char *hidden = NULL;
	VkPackCache *cache;
	VkSlots live;
	guint64 before, after;

	save_pack();
	live = choose();
	next = vk_pack_object(&table->id, 1);
	ck_assert(compact(table, &live, next, 1, NULL));
	ck_assert(vault->store->ops->head(vault->store, table->object, &before, NULL, NULL));
	ck_assert(vault->store->ops->head(vault->store, next, &after, NULL, NULL));
	ck_assert_uint_lt(after, before * 2 / 3);
	/* The first generation is out of sight, and still there to compare with. */
	path = g_build_filename(directory, table->object, NULL);
	hidden = g_strconcat(path, "-hidden", NULL);
	ck_assert_int_eq(g_rename(path, hidden), 0);
	{
		g_autoptr(VkPackTable) compacted = reread(&cache);

		ck_assert_ptr_nonnull(compacted);
		ck_assert_str_eq(compacted->object, next);
		ck_assert_int_eq(g_rename(hidden, path), 0);
		check_slots(compacted, &live);
	}
	vk_pack_cache_free(cache);
	vk_pack_table_unref(table);
}
END_TEST

START_TEST(a_damaged_pack_is_not_compacted)
{
	VkSlots live;
	g_autofree char *next = NULL;
	g_autofree char *path = NULL;
	g_autofree char *bytes = NULL;
	g_autoptr(GError) error = NULL;
	gsize length;
	guint64 size;

	save_pack();
	live = choose();
	next = vk_pack_object(&table->id, 1);
	path = g_build_filename(directory, table->object, NULL);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	/* The last slot is live. */
	bytes[table->entries[table->slots - 1].offset16 * VK_FRAME_ALIGN + 17] ^= 1;
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	ck_assert(!compact(table, &live, next, 1, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert(!vault->store->ops->head(vault->store, next, &size, NULL, NULL));
	vk_pack_table_unref(table);
}
END_TEST

START_TEST(a_dead_slot_cannot_come_back)
{
	VkSlots live, all = {0};
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	g_autoptr(VkPackTable) once = NULL;
	g_autoptr(VkPackTable) twice = NULL;
	g_autoptr(GError) error = NULL;
	VkPackCache *cache;

	save_pack();
	live = choose();
	first = vk_pack_object(&table->id, 1);
	second = vk_pack_object(&table->id, 2);
	ck_assert(compact(table, &live, first, 1, NULL));
	ck_assert(vault->store->ops->delete (vault->store, table->object, NULL));
	once = reread(&cache);
	vk_pack_cache_free(cache);
	for (guint32 i = 0; i < table->slots; i++)
		all.bits[i / 8] |= (guint8)(1u << (i % 8));
	ck_assert(!compact(once, &all, second, 2, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert(compact(once, &live, second, 2, NULL));
	ck_assert(vault->store->ops->delete (vault->store, first, NULL));
	twice = reread(&cache);
	vk_pack_cache_free(cache);
	for (guint32 i = 0; i < table->slots; i++)
		ck_assert_int_eq(twice->entries[i].length_flags != 0, vk_slots_have(&live, i));
	vk_pack_table_unref(table);
}
END_TEST

/* A collector that died after the compaction left both, and dropped slots are in use again. */
START_TEST(slots_come_from_any_generation)
{
	VkSlots live, all = {0};
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	g_autoptr(VkPackTable) once = NULL;
	g_autoptr(VkPackTable) twice = NULL;
	g_autoptr(GPtrArray) tables = g_ptr_array_new();

	save_pack();
	live = choose();
	for (guint32 i = 0; i < table->slots; i++)
		all.bits[i / 8] |= (guint8)(1u << (i % 8));
	first = vk_pack_object(&table->id, 1);
	second = vk_pack_object(&table->id, 2);
	ck_assert(compact(table, &live, first, 1, NULL));
	once = vk_pack_table_load(vault->store, &vault->context, &table->id, first, NULL);
	ck_assert_ptr_nonnull(once);
	g_ptr_array_add(tables, once);
	g_ptr_array_add(tables, table);
	ck_assert(vk_pack_compact(vault->store, &vault->context, tables, &all, second, 2, NULL,
				  NULL));
	twice = vk_pack_table_load(vault->store, &vault->context, &table->id, second, NULL);
	ck_assert_ptr_nonnull(twice);
	check_slots(twice, &all);
	vk_pack_table_unref(table);
}
END_TEST

/* A slot that is damaged in one generation and sound in another, as after a heal. */
START_TEST(slots_come_from_where_they_are_sound)
{
	VkSlots all = {0};
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	g_autofree char *path = NULL;
	g_autofree char *bytes = NULL;
	g_autoptr(VkPackTable) once = NULL;
	g_autoptr(VkPackTable) twice = NULL;
	g_autoptr(GPtrArray) tables = g_ptr_array_new();
	gsize length;

	save_pack();
	for (guint32 i = 0; i < table->slots; i++)
		all.bits[i / 8] |= (guint8)(1u << (i % 8));
	first = vk_pack_object(&table->id, 1);
	second = vk_pack_object(&table->id, 2);
	ck_assert(compact(table, &all, first, 1, NULL));
	once = vk_pack_table_load(vault->store, &vault->context, &table->id, first, NULL);
	path = g_build_filename(directory, table->object, NULL);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	bytes[table->entries[5].offset16 * VK_FRAME_ALIGN + 17] ^= 1;
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_ptr_array_add(tables, table);
	g_ptr_array_add(tables, once);
	ck_assert(vk_pack_compact(vault->store, &vault->context, tables, &all, second, 2, NULL,
				  NULL));
	twice = vk_pack_table_load(vault->store, &vault->context, &table->id, second, NULL);
	for (guint32 i = 0; i < table->slots; i++) {
		g_autofree guint8 *frame =
			vk_frame_copy(vault->store, &vault->context, twice, i, &length, NULL);

		ck_assert_ptr_nonnull(frame);
	}
	vk_pack_table_unref(table);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, live_slots_stay_where_they_are);
	tcase_add_test(tcase, a_damaged_pack_is_not_compacted);
	tcase_add_test(tcase, a_dead_slot_cannot_come_back);
	tcase_add_test(tcase, slots_come_from_any_generation);
	tcase_add_test(tcase, slots_come_from_where_they_are_sound);
}

int main(void)
{
	return run_image_tests("pack-compact", add);
}
