/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keep.h"

#include "retention.h"
#include "text.h"
#include "timestamp.h"

/* Clocks of hosts and stores differ, and a snapshot is stored a while after it was taken. */
#define DISCREPANCY_MAX_SEC VK_DAY_SEC

typedef struct {
	const VkKeepRules *rules;
	const VkKeepItem *items;
	guint count;
	const VkKeepFacts *facts;
	GPtrArray **reasons; /* char*, one array for each item */
} Decision;

static void add_reason(Decision *decision, guint i, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void add_reason(Decision *decision, guint i, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(decision->reasons[i], g_strdup_vprintf(format, args));
	va_end(args);
}

gboolean vk_keep_is_doubtful(const VkKeepItem *item, const VkKeepFacts *facts)
{
	return ABS(item->discrepancy) > DISCREPANCY_MAX_SEC || item->taken > facts->now;
}

static gboolean is_doubtful(const Decision *decision, const VkKeepItem *item)
{
	return vk_keep_is_doubtful(item, decision->facts);
}

/* Whether item number I may take a place in a count. */
static gboolean has_place(const Decision *decision, guint i)
{
	const VkKeepItem *item = &decision->items[i];

	return !is_doubtful(decision, item) && !item->is_partial;
}

static void keep_doubtful(Decision *decision)
{
	for (guint i = 0; i < decision->count; i++) {
		const VkKeepItem *item = &decision->items[i];
		gint64 off_sec = ABS(item->discrepancy);
		g_autofree char *days = vk_count_text((guint64)(off_sec / VK_DAY_SEC), "day");

		if (off_sec > DISCREPANCY_MAX_SEC)
			add_reason(decision, i, "its date disagrees with the vault's by %s", days);
		else if (is_doubtful(decision, item))
			add_reason(decision, i, "its date is in the future");
	}
}

static void keep_pinned(Decision *decision)
{
	for (guint i = 0; i < decision->count; i++) {
		gint64 until = decision->items[i].pinned_until;
		g_autoptr(GDateTime) utc = NULL;
		g_autoptr(GDateTime) local = NULL;
		g_autofree char *date = NULL;

		if (until < decision->facts->now || until == 0)
			continue;
		utc = until == G_MAXINT64 ? NULL : g_date_time_new_from_unix_utc(until);
		local = utc ? g_date_time_to_timezone(utc, decision->facts->zone) : NULL;
		date = local ? g_date_time_format(local, "%Y-%m-%d") : NULL;
		add_reason(decision, i, "pinned%s%s", date ? " until " : "", date ? date : "");
	}
}

/* The number of the oldest item with a place; COUNT when there is none. */
static guint find_oldest(const Decision *decision)
{
	guint oldest = 0;

	while (oldest < decision->count && !has_place(decision, oldest))
		oldest++;
	return oldest;
}

static gint64 period_of(const Decision *decision, VkKeepCount rule, guint i)
{
	return rule == VK_KEEP_LAST
		       ? (gint64)i
		       : vk_period_number(vk_keep_count_period(rule), decision->items[i].taken,
					  decision->facts->zone);
}

static void keep_counted(Decision *decision, VkKeepCount rule)
{
	const char *name = vk_keep_count_name(rule);
	guint64 kept = 0, wanted = decision->rules->counts[rule];
	guint oldest = find_oldest(decision), last = decision->count;
	g_autoptr(GHashTable) seen =
		g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

	for (guint i = decision->count; kept < wanted && i > 0; i--) {
		gint64 period = period_of(decision, rule, i - 1);

		if (is_doubtful(decision, &decision->items[i - 1]) ||
		    g_hash_table_contains(seen, &period))
			continue;
		add_reason(decision, i - 1, "%s %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT, name,
			   kept + 1, wanted);
		if (!has_place(decision, i - 1))
			continue;
		g_hash_table_add(seen, g_memdup2(&period, sizeof(period)));
		kept++;
		last = i - 1;
	}
	if (rule != VK_KEEP_LAST && kept < wanted && oldest < last)
		add_reason(decision, oldest,
			   "%s %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT ": the oldest", name,
			   kept + 1, wanted);
}

/* The newest item with a place; NULL when there is none. */
static const VkKeepItem *find_newest(const Decision *decision)
{
	for (guint i = decision->count; i > 0; i--)
		if (has_place(decision, i - 1))
			return &decision->items[i - 1];
	return NULL;
}

static void keep_within(Decision *decision)
{
	const VkDuration *within = &decision->rules->within;
	const VkKeepItem *newest = find_newest(decision);
	g_autofree char *words = vk_duration_words(within);
	gint64 first;

	if (!newest || vk_duration_is_zero(within))
		return;
	first = vk_duration_before(within, newest->taken, decision->facts->zone);
	for (guint i = 0; i < decision->count; i++)
		if (!is_doubtful(decision, &decision->items[i]) &&
		    decision->items[i].taken >= first)
			add_reason(decision, i, "within %s", words);
}

/* What the label of ITEM says; TAKEN: how many places of each label are taken already. */
static void keep_labelled(Decision *decision, guint i, GHashTable *taken)
{
	const VkKeepRules *rules = decision->rules;
	const VkKeepItem *item = &decision->items[i];
	gint64 age_sec = (gint64)rules->age_days * VK_DAY_SEC;
	guint64 wanted = item->label ? vk_retentions_count(rules->labels, item->label) : 0;
	guint64 places = 0;

	if (wanted == 0) {
		add_reason(decision, i, "its label has no number");
		return;
	}
	places = GPOINTER_TO_SIZE(g_hash_table_lookup(taken, item->label));
	if (places < wanted) {
		add_reason(decision, i, "label %s, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
			   item->label, places + 1, wanted);
		places += has_place(decision, i) ? 1 : 0;
		g_hash_table_insert(taken, g_strdup(item->label), GSIZE_TO_POINTER(places));
	}
	if (age_sec > 0 && item->taken > decision->facts->now - age_sec)
		add_reason(decision, i, "younger than %" G_GUINT64_FORMAT " days", rules->age_days);
}

static void keep_labels(Decision *decision)
{
	g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = decision->count; i > 0; i--)
		if (!is_doubtful(decision, &decision->items[i - 1]))
			keep_labelled(decision, i - 1, taken);
}

/* All or none of a guest that the host no longer has. */
static void keep_gone(Decision *decision)
{
	const VkDuration *gone = &decision->rules->gone;
	const VkKeepItem *newest = find_newest(decision);
	gboolean for_ever = vk_duration_is_zero(gone);
	g_autofree char *words = vk_duration_words(gone);

	if (!for_ever && newest &&
	    newest->taken < vk_duration_before(gone, decision->facts->now, decision->facts->zone))
		return;
	for (guint i = 0; i < decision->count; i++) {
		if (for_ever)
			add_reason(decision, i, "the guest is gone, and keep_gone is not set");
		else
			add_reason(decision, i, "the guest is gone, within %s", words);
	}
}

static void keep_last_good(Decision *decision)
{
	for (guint i = 0; i < decision->count; i++)
		if (decision->items[i].is_last_good && decision->reasons[i]->len == 0)
			add_reason(decision, i, "newest good snapshot of the guest");
}

/* Last of all: it fills up what the others keep. */
static void keep_min(Decision *decision)
{
	guint64 min = decision->rules->min, kept = 0;

	for (guint i = 0; i < decision->count; i++)
		kept += has_place(decision, i) && decision->reasons[i]->len > 0 ? 1 : 0;
	for (guint i = decision->count; kept < min && i > 0; i--) {
		if (!has_place(decision, i - 1) || decision->reasons[i - 1]->len > 0)
			continue;
		kept++;
		add_reason(decision, i - 1, "minimum of %" G_GUINT64_FORMAT, min);
	}
}

static void decide(Decision *decision)
{
	keep_doubtful(decision);
	keep_pinned(decision);
	if (decision->facts->is_gone) {
		keep_gone(decision);
	} else {
		for (VkKeepCount rule = 0; rule < VK_KEEP_COUNTS; rule++)
			keep_counted(decision, rule);
		keep_within(decision);
		if (decision->rules->labels)
			keep_labels(decision);
		keep_last_good(decision);
	}
	keep_min(decision);
}

GPtrArray *vk_keep_decide(const VkKeepRules *rules, const VkKeepItem *items, guint count,
			  const VkKeepFacts *facts)
{
	g_autofree GPtrArray **reasons = g_new0(GPtrArray *, count);
	Decision decision = {
		.rules = rules, .items = items, .count = count, .facts = facts, .reasons = reasons};
	GPtrArray *result = g_ptr_array_new_full(count, (GDestroyNotify)g_strfreev);

	for (guint i = 0; i < count; i++)
		reasons[i] = g_ptr_array_new();
	decide(&decision);
	for (guint i = 0; i < count; i++) {
		g_ptr_array_add(reasons[i], NULL);
		g_ptr_array_add(result, g_ptr_array_free(reasons[i], FALSE));
	}
	return result;
}

gboolean vk_keep_is_kept(const GPtrArray *decision, guint i)
{
	char *const *reasons = g_ptr_array_index(decision, i);

	return reasons[0] != NULL;
}
