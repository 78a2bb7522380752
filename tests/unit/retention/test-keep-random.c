/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random snapshots around changes of the clocks, against a second way to count periods. */
#include "keep.h"
#include "temp-vault.h"
#include "timestamp.h"

#include <check.h>

#define ROUNDS 1500
#define ITEMS  150u

/* What two moments share that are in one period. */
static const char *const formats[VK_KEEP_COUNTS] = {
	[VK_KEEP_HOURLY] = "%Y-%m-%d %H %z",
	[VK_KEEP_DAILY] = "%Y-%m-%d",
	[VK_KEEP_WEEKLY] = "%G-W%V",
	[VK_KEEP_MONTHLY] = "%Y-%m",
	[VK_KEEP_YEARLY] = "%Y",
};

static const char *const zones[] = {"UTC", "Europe/Berlin", "America/New_York",
				    "Australia/Lord_Howe", "Asia/Kathmandu"};

static gint compare_items(gconstpointer left, gconstpointer right)
{
	gint64 a = ((const VkKeepItem *)left)->taken, b = ((const VkKeepItem *)right)->taken;

	return (a > b) - (a < b);
}

/* Hours, days or years around a change of the clocks, a leap day, or a week 53. */
static void make_items(GRand *random, VkKeepItem *items, guint count)
{
	static const char *const centres[] = {"20260329T010000Z", "20261025T010000Z",
					      "20261101T060000Z", "20240229T120000Z",
					      "20210101T000000Z"};
	static const gint32 widths[] = {8, 8 * 24, 900 * 24};
	gint32 width_hours = widths[g_rand_int_range(random, 0, G_N_ELEMENTS(widths))];
	gint64 centre = 0;

	vk_time_parse(centres[g_rand_int_range(random, 0, G_N_ELEMENTS(centres))], &centre, NULL);
	for (guint i = 0; i < count; i++)
		items[i] = (VkKeepItem){
			.taken =
				centre +
				3600 * (gint64)g_rand_int_range(random, -width_hours, width_hours) +
				(g_rand_boolean(random) ? 0 : g_rand_int_range(random, -1, 3600))};
	qsort(items, count, sizeof(*items), compare_items);
}

static VkKeepRules make_rules(GRand *random)
{
	VkKeepRules rules = {0};

	for (VkKeepCount i = 0; i < VK_KEEP_COUNTS; i++)
		rules.counts[i] = g_rand_boolean(random) ? 0 : g_rand_int_range(random, 1, 20);
	if (g_rand_boolean(random))
		rules.within.days = g_rand_int_range(random, 0, 30);
	rules.min = g_rand_boolean(random) ? 0 : g_rand_int_range(random, 1, 30);
	return rules;
}

static char *period_of(VkKeepCount rule, const VkKeepItem *item, GTimeZone *zone)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(item->taken);
	g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);

	return g_date_time_format(local, formats[rule]);
}

/* Sets in KEPT what RULE keeps. */
static void mark_counted(const VkKeepRules *rules, VkKeepCount rule, const VkKeepItem *items,
			 guint count, GTimeZone *zone, gboolean *kept)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = count; g_hash_table_size(seen) < rules->counts[rule] && i > 0; i--)
		if (g_hash_table_add(seen, period_of(rule, &items[i - 1], zone)))
			kept[i - 1] = TRUE;
	if (count > 0 && g_hash_table_size(seen) < rules->counts[rule])
		kept[0] = TRUE;
}

static void mark(const VkKeepRules *rules, const VkKeepItem *items, guint count, GTimeZone *zone,
		 gboolean *kept)
{
	guint64 total = 0;
	gint64 first = vk_duration_before(&rules->within, items[count - 1].taken, zone);

	for (guint i = 0; i < count; i++)
		kept[i] = count - i <= rules->counts[VK_KEEP_LAST] ||
			  (rules->within.days > 0 && items[i].taken >= first);
	for (VkKeepCount rule = VK_KEEP_HOURLY; rule < VK_KEEP_COUNTS; rule++)
		mark_counted(rules, rule, items, count, zone, kept);
	for (guint i = 0; i < count; i++)
		total += kept[i] ? 1 : 0;
	for (guint i = count; total < rules->min && i > 0; i--)
		if (!kept[i - 1]) {
			kept[i - 1] = TRUE;
			total++;
		}
}

/* Moves what is kept to the front. Returns how many. */
static guint drop_others(const GPtrArray *decision, VkKeepItem *items)
{
	guint left = 0;

	for (guint i = 0; i < decision->len; i++)
		if (vk_keep_is_kept(decision, i))
			items[left++] = items[i];
	return left;
}

static void try_once(GRand *random)
{
	VkKeepItem items[ITEMS];
	gboolean kept[ITEMS];
	guint count = (guint)g_rand_int_range(random, 1, ITEMS + 1), left;
	VkKeepRules rules = make_rules(random);
	g_autoptr(GTimeZone) zone =
		g_time_zone_new_identifier(zones[g_rand_int_range(random, 0, G_N_ELEMENTS(zones))]);
	const VkKeepFacts facts = {.now = G_MAXINT64, .zone = zone};
	g_autoptr(GPtrArray) decision = NULL;
	g_autoptr(GPtrArray) again = NULL;

	make_items(random, items, count);
	mark(&rules, items, count, zone, kept);
	decision = vk_keep_decide(&rules, items, count, &facts);
	for (guint i = 0; i < count; i++)
		ck_assert_int_eq(vk_keep_is_kept(decision, i), kept[i]);
	/* The next run finds nothing more to forget. */
	left = drop_others(decision, items);
	again = vk_keep_decide(&rules, items, left, &facts);
	for (guint i = 0; i < left; i++)
		ck_assert(vk_keep_is_kept(again, i));
}

START_TEST(as_counted_otherwise)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(test_seed());

	for (guint i = 0; i < ROUNDS; i++)
		try_once(random);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keep-random");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, as_counted_otherwise);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
