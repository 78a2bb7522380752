/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collect.h"

#include "catalog.h"
#include "catalog-sweep.h"
#include "flush-names.h"
#include "hints-tidy.h"
#include "layout.h"
#include "lease-list.h"
#include "lease-sweep.h"
#include "load-ahead.h"
#include "mark-object.h"
#include "mark.h"
#include "collect-plan.h"
#include "removal.h"
#include "vault-parts.h"
#include "vault-room.h"
#include "waiting.h"

#include "errors.h"
#include "interrupt.h"
#include "log.h"

#define SUSPECT_USEC (30 * G_TIME_SPAN_MINUTE)
/* Between two looks at the leases that are waited for. */
#define LOOK_USEC G_USEC_PER_SEC

typedef struct Collector {
	VkVault *vault;
	const VkCollectOptions *options;
	VkCollectResult *result;
	VkLease *lease; /* NULL in a dry run */
	VkMark *mark;
	/* Names of snapshot objects and of copies that are marked, and not forgotten; owned. */
	GHashTable *seen;
	GHashTable *going; /* in a dry run: names of those that would be removed; owned */
	char *step;        /* what was said last */
} Collector;

static void say(Collector *collector, const char *text)
{
	if (g_strcmp0(text, collector->step) == 0)
		return;
	g_free(collector->step);
	collector->step = g_strdup(text);
	if (collector->options->on_step)
		collector->options->on_step(collector->options->user, text);
}

static void say_waiting(Collector *collector, const char *what, const VkWaiting *waiting,
			const GPtrArray *leases)
{
	g_autofree char *whom = vk_waiting_describe(waiting, leases);
	g_autofree char *text = g_strdup_printf("waiting for %s: %s", what, whom);

	if (whom)
		say(collector, text);
}

/* G2 */
static gboolean announce(const Collector *collector, const VkCollectPlan *plan, GError **error)
{
	VkVault *vault = collector->vault;
	const char *id = vk_lease_id(collector->lease);
	g_autoptr(VkAnnouncement) announcement = vk_collect_plan_announcement(plan);
	GError *trouble = NULL;
	gboolean done;

	do
		done = vk_announcement_put(vault->store, id, announcement, &trouble);
	while (!done && vk_vault_make_room(vault, &trouble));
	if (!done)
		g_propagate_error(error, trouble);
	return done;
}

static VkWaiting *new_waiting(const Collector *collector)
{
	gint64 suspect_usec = collector->options->suspect_usec;

	return vk_waiting_new(suspect_usec > 0 ? suspect_usec : SUSPECT_USEC);
}

/* Ends and sweeps what can be. What cannot be swept is left to the next run. */
static void tidy_leases(const Collector *collector, const GPtrArray *leases)
{
	VkStore *store = collector->vault->store;

	for (guint i = 0; i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);
		g_autoptr(GError) trouble = NULL;

		if (!lease->ended && !lease->is_local_and_dead)
			continue;
		if ((!lease->ended && !vk_lease_end_of_dead(store, lease, &trouble)) ||
		    !vk_lease_sweep(store, lease->id, &trouble))
			vk_log_debug("a lease stays, ignoring: %s", trouble->message);
	}
}

static GPtrArray *list_tidied(const Collector *collector, GError **error)
{
	g_autoptr(GPtrArray) leases = vk_leases_list(collector->vault->store, error);

	if (leases)
		tidy_leases(collector, leases);
	/* What has ended meanwhile is not in the second one. */
	return leases ? vk_leases_list(collector->vault->store, error) : NULL;
}

static gboolean pause_or_stop(GError **error)
{
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	g_usleep(LOOK_USEC);
	return TRUE;
}

static gboolean is_other_collector(const Collector *collector, const VkLeaseInfo *lease)
{
	return !lease->ended &&
	       (lease->kind == VK_LEASE_COLLECT || lease->kind == VK_LEASE_UNKNOWN) &&
	       !g_str_equal(lease->id, vk_lease_id(collector->lease));
}

static gboolean fail_busy(const VkLeaseInfo *other, GError **error)
{
	return vk_fail(error, VK_ERROR_BUSY,
		       "another garbage collection is at work on the host '%s' since %s",
		       other->host ? other->host : "?", other->since ? other->since : "?");
}

/* Puts up the fence. What that means for a writer's intent is not settled here. */
static gboolean fence(const Collector *collector, VkWaiting *waiting, const char *id,
		      GError **error)
{
	if (!vk_lease_fence(collector->vault->store, id, error))
		return FALSE;
	vk_waiting_drop(waiting, id);
	return TRUE;
}

/*
 * G0: another collector that shows life goes on, and this one ends. One that is suspected is
 * fenced. A process of this host that is there needs no watching.
 */
static gboolean outlast_collectors(Collector *collector, GError **error)
{
	g_autoptr(VkWaiting) waiting = new_waiting(collector);
	g_autoptr(VkLeaseInfo) other = NULL;
	g_autoptr(GPtrArray) leases = list_tidied(collector, error);

	for (guint i = 0; leases && i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		/* One that is fenced gives up by itself. */
		if (!is_other_collector(collector, lease) || lease->fenced)
			continue;
		if (lease->is_local_and_alive)
			return fail_busy(lease, error);
		vk_waiting_add(waiting, lease);
	}
	while (leases && vk_waiting_count(waiting) > 0) {
		const char *suspect;

		say_waiting(collector, "a sign of life of another garbage collection", waiting,
			    leases);
		g_ptr_array_unref(leases);
		leases = vk_leases_list(collector->vault->store, error);
		suspect = leases ? vk_waiting_look(waiting, leases) : NULL;
		if (suspect && !fence(collector, waiting, suspect, error))
			return FALSE;
		if (vk_waiting_saw_life(waiting))
			return vk_fail(error, VK_ERROR_BUSY,
				       "another garbage collection is at work");
		if (leases && vk_waiting_count(waiting) > 0 && !pause_or_stop(error))
			return FALSE;
	}
	return leases != NULL;
}

/* Nothing is deleted while something is not known. */
static gboolean fail_unknown(const VkSnapshotKey *key, GError *trouble, GError **error)
{
	const char *cure =
		key->forgotten ? "it is forgotten, but open: close it, and run 'virtkeep gc' again"
			       : "forget it, or see 'virtkeep verify'";

	g_propagate_prefixed_error(error, trouble,
				   "no space is freed, because nobody knows what the snapshot "
				   "'%s@%s' refers to (%s): ",
				   key->uuid, key->time, cure);
	return FALSE;
}

/*
 * Whoever only foresees a collection has no lease, so that another one may be at work. One that is
 * removed may be sent again, and is a new one then.
 */
static gboolean was_removed(const Collector *collector, const VkSnapshotKey *key)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(collector->vault, key->uuid, NULL);
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);

	if (!keys || vk_catalog_has_id(keys, key->id))
		return FALSE;
	g_hash_table_remove(collector->seen, object);
	return TRUE;
}

/* Marks the next of what is loaded, which is of KEY. */
static gboolean mark_next(Collector *collector, VkLoadAhead *ahead, const VkSnapshotKey *key,
			  GError **error)
{
	g_autoptr(GError) trouble = NULL;
	const VkSnapshot *snapshot;

	if (vk_load_ahead_next(ahead, &snapshot, &trouble) &&
	    (!snapshot || vk_mark_add_snapshot(collector->mark, snapshot, &trouble)))
		return TRUE;
	if (vk_interrupted()) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	return was_removed(collector, key) || fail_unknown(key, g_steal_pointer(&trouble), error);
}

/* Marks the snapshots of KEYS. */
static gboolean mark_snapshots(Collector *collector, const GPtrArray *keys, GError **error)
{
	g_autoptr(VkLoadAhead) ahead = vk_load_ahead_new(collector->vault, keys);

	for (guint i = 0; i < keys->len; i++)
		if (!mark_next(collector, ahead, keys->pdata[i], error))
			return FALSE;
	return TRUE;
}

/* The names of all copies objects, as a set. */
static GHashTable *list_copies(const Collector *collector, GError **error)
{
	VkStore *store = collector->vault->store;
	g_autoptr(GPtrArray) folders = store->ops->list(store, VK_FOLDER_COPIES, error);
	g_autoptr(GHashTable) copies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; folders && i < folders->len; i++) {
		g_autofree char *folder =
			g_build_filename(VK_FOLDER_COPIES, folders->pdata[i], NULL);
		g_autoptr(GPtrArray) names = NULL;

		if (!g_str_has_suffix(folder, "/"))
			continue;
		names = store->ops->list(store, folder, error);
		if (!names)
			return NULL;
		for (guint j = 0; j < names->len; j++)
			g_hash_table_add(copies, g_build_filename(folder, names->pdata[j], NULL));
	}
	return folders ? g_steal_pointer(&copies) : NULL;
}

/*
 * G1, and again G5: marks each snapshot that is, or got copies, since it was asked last. What is
 * forgotten is marked each time: a collector that was taken for dead may have removed it meanwhile,
 * and a replication may have put another object by that name.
 */
static gboolean mark_new(Collector *collector, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(collector->vault, NULL, error);
	g_autoptr(GHashTable) copies = keys ? list_copies(collector, error) : NULL;
	g_autoptr(GPtrArray) new_keys = g_ptr_array_new();

	if (!copies)
		return FALSE;
	for (guint i = 0; i < keys->len; i++) {
		VkSnapshotKey *key = g_ptr_array_index(keys, i);
		g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
		g_autofree char *copy = vk_snapshot_copies_object(key->uuid, key->time, key->id);
		gboolean is_new;

		if (collector->going && g_hash_table_contains(collector->going, object))
			continue;
		if (key->forgotten) {
			g_ptr_array_add(new_keys, key);
			continue;
		}
		is_new = g_hash_table_add(collector->seen, g_steal_pointer(&object));
		if (g_hash_table_contains(copies, copy))
			is_new =
				g_hash_table_add(collector->seen, g_steal_pointer(&copy)) || is_new;
		if (is_new)
			g_ptr_array_add(new_keys, key);
	}
	return mark_snapshots(collector, new_keys, error);
}

/* G4 for one that is suspected: the fence first, then the look for its intent. */
static gboolean pass_by(Collector *collector, VkWaiting *waiting, const char *suspect,
			GError **error)
{
	g_autofree char *id = g_strdup(suspect);
	g_autoptr(GPtrArray) leases = NULL;

	if (!fence(collector, waiting, id, error))
		return FALSE;
	leases = vk_leases_list(collector->vault->store, error);
	for (guint i = 0; leases && i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		if (g_str_equal(lease->id, id) && lease->has_intent)
			return vk_mark_add_intent(collector->mark, collector->vault, lease, error);
	}
	return leases != NULL;
}

/* G3 and G4. */
static gboolean wait_for_writers(Collector *collector, GError **error)
{
	g_autoptr(VkWaiting) waiting = new_waiting(collector);
	g_autoptr(GPtrArray) leases = vk_leases_list(collector->vault->store, error);

	for (guint i = 0; leases && i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		if (lease->ended ||
		    (lease->kind != VK_LEASE_WRITE && lease->kind != VK_LEASE_UNKNOWN))
			continue;
		/* What was suspected before gives up by itself, but for what its intent names. */
		if (!lease->fenced)
			vk_waiting_add(waiting, lease);
		else if (lease->has_intent &&
			 !vk_mark_add_intent(collector->mark, collector->vault, lease, error))
			return FALSE;
	}
	while (leases && vk_waiting_count(waiting) > 0) {
		const char *suspect;

		say_waiting(collector, "backups that are at work", waiting, leases);
		g_ptr_array_unref(leases);
		leases = list_tidied(collector, error);
		suspect = leases ? vk_waiting_look(waiting, leases) : NULL;
		if (suspect && !pass_by(collector, waiting, suspect, error))
			return FALSE;
		if (leases && vk_waiting_count(waiting) > 0 && !pause_or_stop(error))
			return FALSE;
	}
	return leases != NULL;
}

static void report_plan(const Collector *collector, const VkCollectPlan *plan)
{
	collector->result->packs = vk_collect_plan_count_whole(plan);
	collector->result->compacted = vk_collect_plan_count_compacted(plan);
	collector->result->bytes = vk_collect_plan_bytes(plan);
}

/* G3 to G6, once the plan is announced. */
static gboolean apply_plan(Collector *collector, VkCollectPlan *plan, GError **error)
{
	VkCollectPlanDone what;
	gboolean fenced, done;

	if (!wait_for_writers(collector, error) || !mark_new(collector, error))
		return FALSE;
	vk_collect_plan_keep(plan, vk_mark_slots(collector->mark));
	/* G6 */
	if (!vk_flush_snapshot_names(collector->vault->store, error) ||
	    !vk_lease_is_fenced(collector->lease, &fenced, error))
		return FALSE;
	if (fenced)
		return vk_fail(error, VK_ERROR_BUSY,
			       "another garbage collection took this one for dead");
	say(collector, "deleting");
	done = vk_collect_plan_apply(plan, vk_lease_id(collector->lease), collector->options->limit,
				     &what, error);
	collector->result->packs = what.whole;
	collector->result->compacted = what.compacted;
	collector->result->bytes = what.bytes;
	return done;
}

/* G1 to G7 but for the lease. */
static gboolean sweep(Collector *collector, GError **error)
{
	g_autoptr(VkCollectPlan) plan = vk_collect_plan_new(collector->vault, error);
	gboolean done;

	say(collector, "looking for what is in use");
	if (!plan || !mark_new(collector, error) ||
	    !vk_collect_plan_choose(plan, vk_mark_slots(collector->mark), error))
		return FALSE;
	if (collector->options->dry_run) {
		report_plan(collector, plan);
		return TRUE;
	}
	if (vk_collect_plan_is_empty(plan))
		return TRUE;
	done = announce(collector, plan, error) && apply_plan(collector, plan, error);
	/* G7. If it stays, the sweep of the lease removes it. */
	vk_announcement_delete(collector->vault->store, vk_lease_id(collector->lease), NULL);
	return done;
}

static gboolean foresee_removals(Collector *collector, GError **error)
{
	collector->going =
		vk_removable_snapshots(collector->vault, collector->options->would_forget, error);
	if (collector->going)
		collector->result->snapshots = g_hash_table_size(collector->going);
	return collector->going != NULL;
}

static gboolean collect(Collector *collector, GError **error)
{
	if (collector->options->dry_run)
		return foresee_removals(collector, error) && sweep(collector, error);
	if (!vk_vault_take_over(collector->vault, &collector->result->took_over, error))
		return FALSE;
	/* A backup of an earlier version may be at work, and has no lease. */
	if (collector->result->took_over)
		return TRUE;
	/* G0 */
	collector->lease = vk_vault_begin_lease(collector->vault, VK_LEASE_COLLECT, NULL, error);
	if (!collector->lease)
		return FALSE;
	return outlast_collectors(collector, error) && vk_catalog_sweep(collector->vault, error) &&
	       vk_remove_forgotten(collector->vault, collector->lease, &collector->options->removal,
				   &collector->result->snapshots, error) &&
	       sweep(collector, error);
}

gboolean vk_collect(VkVault *vault, const VkCollectOptions *options, VkCollectResult *result,
		    GError **error)
{
	Collector collector = {.vault = vault, .options = options, .result = result};
	const VkHintsPlace hints = vk_vault_hints_place(vault);
	gboolean done;

	*result = (VkCollectResult){0};
	collector.mark = vk_mark_new(vault);
	collector.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	done = collect(&collector, error);
	if (result->packs > 0 && !options->dry_run)
		vk_hints_tidy(&hints);
	vk_lease_end(collector.lease);
	if (!options->dry_run)
		vk_vault_fill_reserve(vault);
	g_hash_table_unref(collector.seen);
	g_clear_pointer(&collector.going, g_hash_table_unref);
	vk_mark_free(collector.mark);
	g_free(collector.step);
	return done;
}
