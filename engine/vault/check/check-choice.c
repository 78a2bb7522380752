/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which packs a check reads: all that are there, because a snapshot that is made later may use any
 * block that is stored; of single guests only those that their snapshots use. A share takes those
 * whose content was not seen for the longest: since it was read back or, if it never was, since it
 * was stored. So new packs do not keep older ones waiting. When packs go, shares become smaller,
 * and a pack could wait for longer than its period: so it is read, whatever the share, when it has
 * seen as many shares go by as the period has.
 */
#include "check-priv.h"

#include "pack-name.h"
#include "vault-parts.h"

#include <stdlib.h>
#include <string.h>

typedef struct Candidate {
	VkPackId pack;
	gint64 read;  /* when it was last read back; 0: never */
	gint64 since; /* since when its content was not seen */
} Candidate;

typedef struct Choice {
	VkCheck *check;
	GHashTable *candidates; /* Candidate, owned, by its PACK -> itself */
} Choice;

static Candidate *add_candidate(GHashTable *candidates, const VkPackId *pack)
{
	Candidate *candidate = g_new0(Candidate, 1);

	candidate->pack = *pack;
	g_hash_table_insert(candidates, &candidate->pack, candidate);
	return candidate;
}

static GHashTable *list_reach(const VkReach *reach)
{
	guint count;
	g_autofree gpointer *packs = vk_slot_set_packs(reach->slots, &count);
	GHashTable *candidates =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, NULL, g_free);

	for (guint i = 0; i < count; i++)
		add_candidate(candidates, packs[i]);
	return candidates;
}

/* Of the newest generation, by the store's clock. One that cannot be looked at is the next to be
 * read. */
static gint64 stored_time(VkStore *store, const GPtrArray *objects)
{
	guint64 size;
	gint64 stored;

	return store->ops->head(store, objects->pdata[0], &size, &stored, NULL)
		       ? stored * G_USEC_PER_SEC
		       : 0;
}

static void look_at_pack(gpointer user, const VkPackId *pack, const GPtrArray *objects)
{
	Choice *choice = user;
	VkCheck *check = choice->check;
	Candidate *candidate = g_hash_table_lookup(choice->candidates, pack);

	if (!candidate && check->options->uuids)
		return;
	if (!candidate)
		candidate = add_candidate(choice->candidates, pack);
	candidate->read = vk_health_read_time(check->health, objects);
	candidate->since =
		candidate->read ? candidate->read : stored_time(check->vault->store, objects);
}

static gint compare_candidates(gconstpointer a, gconstpointer b)
{
	const Candidate *left = *(const Candidate *const *)a;
	const Candidate *right = *(const Candidate *const *)b;

	if (left->since != right->since)
		return left->since < right->since ? -1 : 1;
	return memcmp(&left->pack, &right->pack, sizeof(left->pack));
}

/* Whether the pack of a share has waited for its whole period, but for this share. */
static gboolean is_due(const VkCheck *check, const Candidate *candidate)
{
	const VkCheckOptions *options = check->options;
	guint period = (options->share_of + options->share - 1) / options->share;

	return vk_health_count_shares(check->health, candidate->since) + 1 >= period;
}

/* How many of the COUNT sorted candidates are a share. */
static guint count_share(const VkCheck *check, gpointer const *candidates, guint count)
{
	const VkCheckOptions *options = check->options;
	guint64 part = (guint64)count * options->share;
	guint share = (guint)((part + options->share_of - 1) / options->share_of);

	while (share < count && is_due(check, candidates[share]))
		share++;
	return share;
}

static gboolean is_wanted(const VkCheck *check, const Candidate *candidate)
{
	return !check->options->read_before || candidate->read < check->options->read_before;
}

GArray *vk_check_choose(VkCheck *check, GError **error)
{
	g_autoptr(GHashTable) candidates = list_reach(check->reach);
	Choice choice = {.check = check, .candidates = candidates};
	g_autofree gpointer *sorted = NULL;
	GArray *packs;
	guint count;

	if (!vk_pack_visit(check->vault->store, look_at_pack, &choice, error))
		return NULL;
	sorted = g_hash_table_get_keys_as_array(candidates, &count);
	for (guint i = 0; i < count; i++)
		sorted[i] = g_hash_table_lookup(candidates, sorted[i]);
	qsort(sorted, count, sizeof(*sorted), compare_candidates);
	if (check->options->share_of)
		count = count_share(check, sorted, count);
	packs = g_array_new(FALSE, FALSE, sizeof(VkPackId));
	for (guint i = 0; i < count; i++) {
		const Candidate *candidate = sorted[i];

		if (is_wanted(check, candidate))
			g_array_append_val(packs, candidate->pack);
	}
	return packs;
}
