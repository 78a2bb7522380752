/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replicate-plan.h"

#include "timestamp.h"

#include <string.h>

const VkSnapshotKey *vk_replica_find_key(const GPtrArray *keys, const char *id)
{
	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);

		if (strcmp(key->id, id) == 0)
			return key;
	}
	return NULL;
}

static gboolean is_named(const VkReplicaFacts *facts, const VkSnapshotKey *key)
{
	return !key->forgotten && (!facts->ids || g_hash_table_contains(facts->ids, key->id));
}

static gboolean is_recent(const VkReplicaFacts *facts, const VkSnapshotKey *key)
{
	gint64 time;

	return vk_time_parse(key->time, &time, NULL) && time >= facts->options->since;
}

static VkReplicaOutcome decide(const VkReplicaFacts *facts, const VkSnapshotKey *key)
{
	const VkSnapshotKey *there = vk_replica_find_key(facts->to, key->id);
	gboolean mirror = facts->options->mirror;

	if (there && !there->forgotten)
		return VK_REPLICA_PRESENT;
	if (there)
		return mirror && !there->expired ? VK_REPLICA_BACK : VK_REPLICA_LEFT;
	return vk_replica_note_has(facts->note, key->id) && !mirror ? VK_REPLICA_LEFT
								    : VK_REPLICA_SENT;
}

/* Whether the first vault once had KEY, which the other lists, and has nothing of it now. */
static gboolean is_absent(const VkReplicaFacts *facts, const VkSnapshotKey *key)
{
	return !key->forgotten && !vk_replica_find_key(facts->from, key->id) &&
	       vk_replica_note_has(facts->note, key->id);
}

static gboolean is_forgotten_here(const VkReplicaFacts *facts, const VkSnapshotKey *key)
{
	const VkSnapshotKey *here = vk_replica_find_key(facts->from, key->id);

	return !key->forgotten && here && here->forgotten;
}

/*
 * Nothing tells what a collection has removed from what the first vault has lost. So few are taken
 * for removed: half of what the other vault lists after STEPS, at most.
 */
static gboolean are_removed(const VkReplicaFacts *facts, const GArray *steps)
{
	guint listed = 0, absent = 0;

	for (guint i = 0; i < steps->len; i++)
		listed += g_array_index(steps, VkReplicaStep, i).outcome == VK_REPLICA_SENT;
	for (guint i = 0; i < facts->to->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(facts->to, i);

		listed += !key->forgotten;
		absent += is_absent(facts, key);
	}
	return absent <= listed / 2;
}

/*
 * What the mirror forgets. ANY: the first vault lists some of the guest. Of one that lists nothing
 * it is not sure that nothing should be there.
 */
static void plan_mirror(const VkReplicaFacts *facts, gboolean any, GArray *steps, guint *ret_kept)
{
	gboolean removed = any && are_removed(facts, steps);

	for (guint i = 0; i < facts->to->len; i++) {
		const VkReplicaStep step = {.key = g_ptr_array_index(facts->to, i),
					    .outcome = VK_REPLICA_DROPPED};
		gboolean absent = is_absent(facts, step.key);

		if (!absent && !is_forgotten_here(facts, step.key))
			continue;
		if (absent ? removed : any)
			g_array_append_val(steps, step);
		else
			(*ret_kept)++;
	}
}

GArray *vk_replica_plan(const VkReplicaFacts *facts, guint *ret_kept)
{
	GArray *steps = g_array_new(FALSE, FALSE, sizeof(VkReplicaStep));
	guint newest = facts->options->newest, listed = 0, named = 0;

	*ret_kept = 0;
	for (guint i = 0; i < facts->from->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(facts->from, i);

		listed += !key->forgotten;
		named += is_named(facts, key);
	}
	for (guint i = 0; i < facts->from->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(facts->from, i);
		VkReplicaStep step = {.key = key};

		if (!is_named(facts, key))
			continue;
		/* NAMED is how many there are from this one on. */
		if ((newest == 0 || named <= newest) && is_recent(facts, key)) {
			step.outcome = decide(facts, key);
			g_array_append_val(steps, step);
		}
		named--;
	}
	if (facts->options->mirror && !facts->ids)
		plan_mirror(facts, listed > 0, steps, ret_kept);
	return steps;
}
