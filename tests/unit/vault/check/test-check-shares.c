/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading back a part of a vault: what was read is remembered, and shares add up to all of it. */
#include "catalog.h"
#include "check-bed.h"
#include "health.h"
#include "interrupt.h"
#include "pack-name.h"
#include "vault-parts.h"

#define N_PACKS 3

/* How many packs were never read back. */
static guint count_unread(void)
{
	g_autoptr(VkHealth) health = vk_health_load(vault, NULL);
	VkHealthSummary summary;

	ck_assert(vk_health_summarize(health, &summary, NULL));
	return summary.unread;
}

/* Whatever comes first: all packs are read in as many shares as there are. */
START_TEST(shares_cover_all)
{
	const VkCheckOptions options = {.data = TRUE, .share = 1, .share_of = 7};
	const guint count = 14; /* with that of the map */
	g_autoptr(VkSnapshot) snapshot = NULL;
	gint64 first = 0;

	write_packs(count - 1, 2, G_MAXUINT);
	snapshot = commit_packs(count - 1, 2);
	for (guint run = 1; run <= 8; run++) {
		g_autoptr(VkCheckResult) result = check_with(&options, G_MAXINT);

		ck_assert_uint_eq(result->packs_read, 2);
		ck_assert_uint_eq(count_unread(), run <= 7 ? count - 2 * run : 0);
		if (run == 1)
			first = g_get_real_time();
	}
	/* The eighth took those of the first. */
	for (guint i = 0; i < count - 1; i++)
		ck_assert_int_gt(read_time(&packs[i]), first);
	g_free(victim);
}
END_TEST

/* A pack of a snapshot of its own, and for how many shares it has waited. */
typedef struct Life {
	VkPackId pack;
	VkSnapshot *snapshot;
	gint64 read;
	guint waited;
} Life;

static void begin_life(GArray *lives)
{
	Life life = {.pack = write_pack(1, G_MAXUINT)};

	life.snapshot = commit_some_packs(&life.pack, 1, 1);
	g_array_append_val(lives, life);
}

/* Its pack is collected. */
static void end_life(GArray *lives, guint index)
{
	Life *life = &g_array_index(lives, Life, index);
	g_autofree char *object = vk_pack_object(&life->pack, 0);
	const VkSnapshotKey key = {
		.uuid = (char[]){UUID}, .time = life->snapshot->time, .id = life->snapshot->id};

	ck_assert(vk_catalog_forget(vault, &key, NULL, NULL));
	ck_assert(vault->store->ops->delete (vault->store, object, NULL));
	vk_snapshot_free(life->snapshot);
	g_array_remove_index_fast(lives, index);
}

/* Returns how many were read in the last share. */
static guint look_at_lives(const GArray *lives, guint period)
{
	guint count = 0;

	for (guint i = 0; i < lives->len; i++) {
		Life *life = &g_array_index(lives, Life, i);
		gint64 read = read_time(&life->pack);

		life->waited = read > life->read ? 0 : life->waited + 1;
		count += read > life->read;
		life->read = read;
		ck_assert_uint_lt(life->waited, period);
	}
	return count;
}

/* Many go that were just read: the shares become smaller, and those who wait must not suffer. */
START_TEST(shares_cover_all_while_packs_come_and_go)
{
	const guint period = 5;
	const VkCheckOptions options = {.data = TRUE, .share = 1, .share_of = period};
	g_autoptr(GArray) lives = g_array_new(FALSE, FALSE, sizeof(Life));

	block_length = 64;
	for (guint i = 0; i < 25; i++)
		begin_life(lives);
	for (guint run = 0; run < 3 * period; run++) {
		g_autoptr(VkCheckResult) result = check_with(&options, G_MAXINT);

		/* There are packs of maps as well. */
		ck_assert_uint_le(look_at_lives(lives, period), result->packs_read);
		for (guint i = lives->len; i > 0; i--)
			if (g_array_index(lives, Life, i - 1).waited == 0 && run < 2 * period &&
			    lives->len > 8)
				end_life(lives, i - 1);
		for (guint i = (guint)g_rand_int_range(seeded, 0, 4); i > 0; i--)
			begin_life(lives);
	}
	while (lives->len > 0)
		end_life(lives, 0);
}
END_TEST

START_TEST(only_what_was_not_read_lately_is_read)
{
	VkCheckOptions options = {.data = TRUE};
	g_autoptr(VkSnapshot) one = NULL, other = NULL;
	g_autoptr(VkCheckResult) all = NULL, none = NULL, newest = NULL, again = NULL;
	gint64 begun = g_get_real_time();

	/* Each snapshot has a pack with its map besides. */
	write_packs(N_PACKS, 2, G_MAXUINT);
	one = commit_packs(N_PACKS, 2);
	all = check_with(&options, G_MAXINT);
	ck_assert_uint_eq(all->packs_read, N_PACKS + 1);
	options.read_before = begun;
	none = check_with(&options, G_MAXINT);
	ck_assert_uint_eq(none->packs_read, 0);
	other = commit_packs(N_PACKS - 1, 2);
	newest = check_with(&options, G_MAXINT);
	ck_assert_uint_eq(newest->packs_read, 1);
	options.read_before = g_get_real_time();
	again = check_with(&options, G_MAXINT);
	ck_assert_uint_eq(again->packs_read, N_PACKS + 2);
	g_free(victim);
}
END_TEST

/* It is noted what was read, and not what was going to be read. */
START_TEST(an_interrupted_check_goes_on_where_it_ended)
{
	VkCheckOptions options = {.data = TRUE, .read_before = g_get_real_time()};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) walk = NULL, rest = NULL;
	guint unread;

	write_packs(20, 20, G_MAXUINT);
	snapshot = commit_packs(20, 20);
	walk = check_vault(FALSE, G_MAXINT);
	interrupts = TRUE;
	ck_assert_ptr_null(check_with(&options, reads_of_victim));
	interrupts = FALSE;
	vk_set_interrupted(FALSE);
	ck_assert_int_eq(read_time(&packs[0]), 0);
	unread = count_unread();
	rest = check_with(&options, G_MAXINT);
	ck_assert_uint_eq(rest->packs_read, unread);
	for (guint i = 0; i < 20; i++)
		ck_assert_int_gt(read_time(&packs[i]), 0);
	g_free(victim);
}
END_TEST

/* What is read for one guest is not all that a pack has. */
START_TEST(a_check_of_one_guest_says_nothing_of_whole_packs)
{
	const char *const uuids[] = {UUID, NULL};
	const VkCheckOptions options = {.uuids = uuids, .data = TRUE};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, 3, 1);
	snapshot = commit_packs(N_PACKS, 3);
	result = check_with(&options, G_MAXINT);
	ck_assert_uint_eq(result->packs_read, N_PACKS);
	ck_assert_int_eq(read_time(&packs[1]), 0);
	ck_assert_uint_eq(count_damaged(&packs[0]), 1);
	g_free(victim);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, shares_cover_all);
	tcase_add_test(tcase, shares_cover_all_while_packs_come_and_go);
	tcase_add_test(tcase, only_what_was_not_read_lately_is_read);
	tcase_add_test(tcase, an_interrupted_check_goes_on_where_it_ended);
	tcase_add_test(tcase, a_check_of_one_guest_says_nothing_of_whole_packs);
}

int main(void)
{
	return run_image_tests("check-shares", add);
}
