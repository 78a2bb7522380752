/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Map runs against a flat array: random runs are laid over each other and merged, and every lookup
 * must say what the array says.
 */
#include "errors.h"
#include "map-walk.h"
#include "run-merge.h"
#include "session-priv.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define N_PACKS 300

typedef struct Model {
	guint32 blocks;
	guint8 *present;
	VkExtent *at; /* of each block, count unused */
} Model;

static GRand *seeded;
static VkPackId packs[N_PACKS];

static void model_init(Model *model, guint32 blocks)
{
	model->blocks = blocks;
	model->present = g_new0(guint8, blocks);
	model->at = g_new0(VkExtent, blocks);
}

static void model_clear(Model *model)
{
	g_free(model->present);
	g_free(model->at);
}

static void model_lay(Model *model, const VkExtent *extent)
{
	for (guint32 i = 0; i < extent->count; i++) {
		VkExtent *at = &model->at[extent->first + i];

		*at = *extent;
		at->slot = extent->kind == VK_EXTENT_DATA ? extent->slot + i : 0;
		model->present[extent->first + i] = 1;
	}
}

static VkExtent random_extent(guint32 first, guint32 count_max)
{
	VkExtent extent = {
		.first = first,
		.count = (guint32)g_rand_int_range(seeded, 1, (gint32)count_max + 1),
		.kind = g_rand_boolean(seeded) ? VK_EXTENT_DATA
					       : (VkExtentKind)g_rand_int_range(seeded, 1, 3),
	};

	if (extent.kind == VK_EXTENT_DATA) {
		extent.pack = packs[g_rand_int_range(seeded, 0, N_PACKS)];
		extent.slot =
			(guint32)g_rand_int_range(seeded, 0, (gint32)(VK_SLOTS_MAX - extent.count));
	}
	return extent;
}

/* Lays one run of random extents over the model. GAP_MAX is between two extents. */
static VkRun *random_run(VkSession *session, Model *model, guint32 extent_max, guint32 gap_max)
{
	g_autoptr(VkRunWriter) writer = vk_run_writer_new(vk_session_store_segment, session);
	guint32 block = (guint32)g_rand_int_range(seeded, 0, (gint32)gap_max + 1);
	VkRun *run;

	while (block < model->blocks) {
		VkExtent extent = random_extent(block, MIN(extent_max, model->blocks - block));

		if (!vk_run_writer_add(writer, &extent, NULL))
			ck_abort_msg("an extent cannot be added");
		model_lay(model, &extent);
		block += extent.count + (guint32)g_rand_int_range(seeded, 0, (gint32)gap_max + 1);
	}
	run = vk_run_writer_finish(writer, NULL);
	ck_assert_ptr_nonnull(run);
	return run;
}

static gboolean block_agrees(const Model *model, const VkExtent *extent, gboolean present,
			     guint32 block, gboolean holes_may_go)
{
	const VkExtent *at = &model->at[block];
	VkExtentKind kind = model->present[block] ? at->kind : VK_EXTENT_HOLE;

	if (extent->kind != kind)
		return FALSE;
	if (!(holes_may_go && kind == VK_EXTENT_HOLE) && present != model->present[block])
		return FALSE;
	return kind != VK_EXTENT_DATA || (memcmp(&extent->pack, &at->pack, sizeof(at->pack)) == 0 &&
					  extent->slot + (block - extent->first) == at->slot);
}

/* Check's assertions are slow when they hold, so that they are not for every block. */
static void check_lookup(VkMap *map, const Model *model, guint32 block, gboolean holes_may_go,
			 VkExtent *ret)
{
	gboolean present;

	if (!vk_map_lookup(map, block, ret, &present, NULL) || ret->first != block ||
	    ret->count == 0 || ret->count > model->blocks - block)
		ck_abort_msg("block %u is not found", block);
	for (guint32 i = 0; i < ret->count; i++)
		if (!block_agrees(model, ret, present, block + i, holes_may_go))
			ck_abort_msg("block %u differs", block + i);
}

static void check_walk(const VkMap *map, const Model *model, gboolean holes_may_go)
{
	g_autoptr(VkMapWalk) walk = vk_map_walk_new(map);
	VkExtent extent;
	gboolean present;

	for (guint32 block = 0; block < model->blocks; block += extent.count) {
		ck_assert(vk_map_walk_next(walk, &extent, &present, NULL));
		if (extent.first != block || extent.count == 0 ||
		    extent.count > model->blocks - block)
			ck_abort_msg("the walk leaves block %u out", block);
		for (guint32 i = 0; i < extent.count; i++)
			if (!block_agrees(model, &extent, present, block + i, holes_may_go))
				ck_abort_msg("block %u differs in the walk", block + i);
	}
	ck_assert(vk_map_walk_next(walk, &extent, &present, NULL));
	ck_assert(extent.count == 0 && !present);
}

static void check_map(VkVault *vault, const GPtrArray *runs, const Model *model,
		      gboolean holes_may_go)
{
	g_autoptr(VkMap) map = vk_map_new(vault->blocks, runs, model->blocks);
	VkExtent extent;

	for (guint i = 0; i < 200; i++)
		check_lookup(map, model,
			     (guint32)g_rand_int_range(seeded, 0, (gint32)model->blocks),
			     holes_may_go, &extent);
	for (guint32 block = 0; block < model->blocks; block += extent.count)
		check_lookup(map, model, block, holes_may_go, &extent);
	check_walk(map, model, holes_may_go);
}

typedef struct Fixture {
	char *directory;
	VkVault *vault;
	VkSession *session;
	GPtrArray *runs;
} Fixture;

static void fixture_init(Fixture *fixture)
{
	fixture->directory = temp_directory_new();
	fixture->vault = vk_vault_init(fixture->directory, NULL);
	ck_assert_ptr_nonnull(fixture->vault);
	fixture->session = vk_session_new(fixture->vault, 1, NULL);
	ck_assert_ptr_nonnull(fixture->session);
	fixture->runs = g_ptr_array_new_with_free_func((GDestroyNotify)vk_run_free);
}

static void fixture_clear(Fixture *fixture)
{
	g_ptr_array_unref(fixture->runs);
	vk_session_free(fixture->session);
	vk_vault_free(fixture->vault);
	temp_directory_remove(fixture->directory);
	g_free(fixture->directory);
}

static gboolean merge_runs(const Fixture *fixture, guint32 blocks)
{
	gboolean unreadable;

	return vk_runs_merge(fixture->runs, blocks, fixture->vault->blocks,
			     vk_session_store_segment, fixture->session, &unreadable, NULL);
}

START_TEST(random_runs_agree_with_a_flat_array)
{
	Fixture fixture;
	Model model;

	fixture_init(&fixture);
	model_init(&model, (guint32)g_rand_int_range(seeded, 1, 6000));
	for (guint i = 0; i < 40; i++) {
		gboolean merge = g_rand_boolean(seeded) || fixture.runs->len >= VK_RUNS_MAX;
		/* Mostly few scattered extents, as increments are; sometimes a whole disk. */
		guint32 gap = (guint32)g_rand_int_range(seeded, 0, i % 10 == 0 ? 3 : 4000);

		g_ptr_array_insert(fixture.runs, 0,
				   random_run(fixture.session, &model, 1u << (i % 9), gap));
		if (merge)
			ck_assert(merge_runs(&fixture, model.blocks));
		ck_assert_uint_le(fixture.runs->len, VK_RUNS_MAX);
		check_map(fixture.vault, fixture.runs, &model, TRUE);
	}
	model_clear(&model);
	fixture_clear(&fixture);
}
END_TEST

START_TEST(many_pages_and_segments_agree)
{
	Fixture fixture;
	Model model;

	fixture_init(&fixture);
	model_init(&model, 450000);
	g_ptr_array_insert(fixture.runs, 0, random_run(fixture.session, &model, 1, 1));
	ck_assert_uint_gt(((VkRun *)fixture.runs->pdata[0])->segments->len, 1);
	g_ptr_array_insert(fixture.runs, 0, random_run(fixture.session, &model, 3, 900));
	check_map(fixture.vault, fixture.runs, &model, FALSE);
	/* The same from the packs as they lie in the vault, by another reader. */
	ck_assert(vk_pack_writer_send(fixture.session->workers[0].pack, NULL));
	ck_assert(vk_pack_writer_send(fixture.session->map_pack, NULL));
	vk_session_settle(fixture.session);
	g_autoptr(VkVault) again = vk_vault_open(fixture.directory, VK_VAULT_READ, NULL);
	check_map(again, fixture.runs, &model, FALSE);
	model_clear(&model);
	fixture_clear(&fixture);
}
END_TEST

START_TEST(an_incremental_run_costs_what_changed)
{
	Fixture fixture;
	Model model;
	g_autoptr(VkRun) run = NULL;

	fixture_init(&fixture);
	model_init(&model, 450000);
	g_ptr_array_insert(fixture.runs, 0, random_run(fixture.session, &model, 1, 1));
	run = random_run(fixture.session, &model, 1, 40000);
	g_ptr_array_insert(fixture.runs, 0, vk_run_copy(run));
	ck_assert(merge_runs(&fixture, model.blocks));
	ck_assert_uint_eq(fixture.runs->len, 2);
	ck_assert_uint_eq(((VkRun *)fixture.runs->pdata[0])->extents, run->extents);
	model_clear(&model);
	fixture_clear(&fixture);
}
END_TEST

/* The extents of a page whose checksum is right, but which says what no writer writes. */
static VkRun *pin_page(VkVault *vault, const VkPageExtent *extents, guint16 count)
{
	const VkSegment segment = {.pack = packs[0], .pages = 1, .last_block = 99};
	const VkPageHeader header = {.magic = GUINT32_TO_LE(VK_PAGE_MAGIC),
				     .version = GUINT16_TO_LE(VK_FORMAT_VERSION),
				     .extents = GUINT16_TO_LE(count)};
	const guint32 firsts[] = {0};
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autoptr(GBytes) directory = g_bytes_new(firsts, sizeof(firsts));
	g_autoptr(GBytes) page = NULL;
	VkRun *run = vk_run_new();

	g_byte_array_append(bytes, (const guint8 *)&header, sizeof(header));
	g_byte_array_append(bytes, (const guint8 *)extents, count * sizeof(*extents));
	page = g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
	vk_block_cache_pin(vault->blocks, &packs[0], 0, directory);
	vk_block_cache_pin(vault->blocks, &packs[0], 1, page);
	g_array_append_val(run->segments, segment);
	return run;
}

/* The first of these is right, and the walk does not go on to the second. */
static void check_refused(const VkPageExtent *extents)
{
	Fixture fixture;
	g_autoptr(VkMap) map = NULL;
	g_autoptr(VkMapWalk) walk = NULL;
	g_autoptr(GError) error = NULL;
	VkExtent extent;
	gboolean present, ok = TRUE;

	fixture_init(&fixture);
	g_ptr_array_add(fixture.runs, pin_page(fixture.vault, extents, 2));
	map = vk_map_new(fixture.vault->blocks, fixture.runs, 100);
	walk = vk_map_walk_new(map);
	ck_assert(vk_map_walk_next(walk, &extent, &present, NULL));
	ck_assert_uint_eq(extent.count, 10);
	for (guint32 block = 10; ok && block < 100; block += extent.count)
		ok = vk_map_walk_next(walk, &extent, &present, &error);
	ck_assert(!ok);
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	g_clear_pointer(&walk, vk_map_walk_free);
	fixture_clear(&fixture);
}

#define TEN_ZEROS GUINT32_TO_LE(10u | (guint32)VK_EXTENT_ZERO << VK_EXTENT_KIND_SHIFT)

START_TEST(a_walk_refuses_extents_that_are_not_in_order)
{
	const VkPageExtent extents[] = {{GUINT32_TO_LE(0), TEN_ZEROS, 0, 0},
					{GUINT32_TO_LE(9), TEN_ZEROS, 0, 0}};

	check_refused(extents);
}
END_TEST

START_TEST(a_walk_refuses_an_extent_behind_the_end_of_its_page)
{
	const VkPageExtent extents[] = {{GUINT32_TO_LE(0), TEN_ZEROS, 0, 0},
					{GUINT32_TO_LE(91), TEN_ZEROS, 0, 0}};

	check_refused(extents);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("map");
	TCase *tcase = tcase_create("map");
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	for (guint i = 0; i < N_PACKS; i++)
		packs[i] = vk_pack_id_random();
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, random_runs_agree_with_a_flat_array);
	tcase_add_test(tcase, many_pages_and_segments_agree);
	tcase_add_test(tcase, an_incremental_run_costs_what_changed);
	tcase_add_test(tcase, a_walk_refuses_extents_that_are_not_in_order);
	tcase_add_test(tcase, a_walk_refuses_an_extent_behind_the_end_of_its_page);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
