/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "forget-plan.h"

#include "catalog-pin.h"
#include "errors.h"
#include "interrupt.h"
#include "keep.h"
#include "keep-jobs.h"
#include "log.h"
#include "timestamp.h"

#include <string.h>

/* What a plan has to know of a snapshot. */
typedef struct {
	VkForgetItem *item; /* borrowed */
	char *host, *label;
	char *job; /* whose rules decide; NULL: those of the guest */
	gboolean is_readable, is_whole, is_in_vault, is_on_array;
} Sight;

typedef struct {
	const VkForgetFacts *facts;
	const char *name; /* of the guest in the configuration; borrowed */
	VkForgetGuest *guest;
	GPtrArray *sights;      /* Sight, the oldest first */
	const Sight *last_good; /* nullable */
} Plan;

static void item_free(gpointer data)
{
	VkForgetItem *item = data;

	vk_snapshot_key_free(item->key);
	g_strfreev(item->reasons);
	g_free(item);
}

static void guest_free(gpointer data)
{
	VkForgetGuest *guest = data;

	g_free(guest->name);
	g_free(guest->uuid);
	g_ptr_array_unref(guest->items);
	g_free(guest);
}

static void sight_free(gpointer data)
{
	Sight *sight = data;

	g_free(sight->host);
	g_free(sight->label);
	g_free(sight->job);
	g_free(sight);
}

gboolean vk_forget_is_kept(const VkForgetItem *item)
{
	return item->is_refused || (item->reasons && item->reasons[0]);
}

/* Takes REASON over. */
static void keep_for(VkForgetItem *item, char *reason)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	g_strv_builder_add(builder, reason);
	g_strfreev(item->reasons);
	item->reasons = g_strv_builder_end(builder);
	g_free(reason);
}

/* SUMMARY is NULL when it cannot be read. */
static Sight *sight_new(VkForgetItem *item, const VkSnapshotSummary *summary)
{
	Sight *sight = g_new0(Sight, 1);

	sight->item = item;
	if (!summary)
		return sight;
	sight->is_readable = TRUE;
	sight->host = g_strdup(summary->host);
	sight->label = g_strdup(summary->label);
	sight->is_whole = summary->is_whole;
	sight->is_in_vault = summary->is_in_vault;
	sight->is_on_array = summary->is_on_array;
	return sight;
}

static gboolean look(Plan *plan, GError **error)
{
	const GPtrArray *items = plan->guest->items;
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	g_autoptr(GPtrArray) summaries = NULL;

	for (guint i = 0; i < items->len; i++)
		g_ptr_array_add(keys, ((const VkForgetItem *)g_ptr_array_index(items, i))->key);
	summaries = vk_catalog_summarize_all(plan->facts->vault, keys);
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	for (guint i = 0; i < items->len; i++)
		g_ptr_array_add(plan->sights, sight_new(g_ptr_array_index(items, i),
							g_ptr_array_index(summaries, i)));
	return TRUE;
}

/* Reads its object anew, for the last good one must not be good by hearsay. */
static gboolean is_good(const Plan *plan, Sight *sight)
{
	g_autoptr(VkSnapshot) snapshot = NULL;

	if (!sight->is_in_vault)
		return FALSE;
	snapshot = vk_catalog_load(plan->facts->vault, sight->item->key, NULL);
	sight->is_readable = snapshot != NULL;
	sight->is_in_vault = snapshot && vk_snapshot_is_in_vault(snapshot);
	return sight->is_in_vault;
}

/* The newest that is in the vault and has all disks, or else one without; NULL: none. */
static const Sight *find_last_good(const Plan *plan)
{
	const Sight *poor = NULL;

	for (guint i = plan->sights->len; i > 0; i--) {
		Sight *sight = g_ptr_array_index(plan->sights, i - 1);

		if ((poor && !sight->is_whole) || !is_good(plan, sight))
			continue;
		if (sight->is_whole)
			return sight;
		poor = poor ? poor : sight;
	}
	return poor;
}

/* Where the guest was when it was seen last. NULL: nobody knows. Borrowed. */
static const char *find_last_host(const Plan *plan)
{
	for (guint i = plan->sights->len; i > 0; i--) {
		const Sight *sight = g_ptr_array_index(plan->sights, i - 1);

		if (sight->is_readable)
			return sight->host;
	}
	return NULL;
}

static gboolean get_pin(const Plan *plan, const VkSnapshotKey *key, gint64 *ret_until,
			GError **error)
{
	g_autoptr(VkPin) pin = NULL;

	*ret_until = 0;
	if (!key->pinned)
		return TRUE;
	if (!vk_catalog_load_pin(plan->facts->vault, key, &pin, error))
		return FALSE;
	*ret_until = pin ? pin->until : 0;
	return TRUE;
}

static gboolean make_keep_item(const Plan *plan, const Sight *sight, VkKeepItem *ret,
			       GError **error)
{
	const VkSnapshotKey *key = sight->item->key;
	gint64 dated = 0, stored;

	*ret = (VkKeepItem){
		.taken = vk_snapshot_key_taken(key),
		.label = sight->label,
	};
	if (!get_pin(plan, key, &ret->pinned_until, error) ||
	    !vk_catalog_stored_time(plan->facts->vault, key, &stored, error))
		return FALSE;
	vk_time_parse(key->time, &dated, NULL);
	ret->discrepancy = dated - stored;
	return TRUE;
}

/*
 * What is not replicated must not be forgotten, and only its job knows that. Of a guest that is
 * gone no job forgets anything. NULL: nothing has to be waited for. New string.
 */
static char *reason_to_wait(const Plan *plan, const Sight *sight)
{
	if (!sight->job || plan->guest->is_gone ||
	    !vk_keep_job_replicates(plan->facts->settings, sight->job))
		return NULL;
	return g_strdup_printf("the job '%s' forgets it after its replication", sight->job);
}

/*
 * Why the rules do not decide about it; NULL: they do. What an array alone has ends by the array's
 * own rules, and must not stand for one that is in the vault. New string.
 */
static char *reason_beyond_rules(const Plan *plan, const Sight *sight)
{
	const char *job = plan->facts->job;

	if (!sight->is_readable)
		return g_strdup("it cannot be read: run 'virtkeep verify'");
	if (!sight->is_in_vault)
		return g_strdup("it is on an array alone, whose own retention decides");
	if (job && g_strcmp0(sight->job, job) != 0)
		return g_strdup_printf("the job '%s' did not take it", job);
	return job ? NULL : reason_to_wait(plan, sight);
}

/* Sorts out what the rules do not decide about, and finds whose rules decide about the others. */
static gboolean sort_out(Plan *plan, GHashTable *jobs, GError **error)
{
	for (guint i = 0; i < plan->sights->len; i++) {
		Sight *sight = g_ptr_array_index(plan->sights, i);
		char *reason;

		if (!vk_keep_job_find(plan->facts->settings, sight->label, &sight->job, error))
			return FALSE;
		reason = reason_beyond_rules(plan, sight);
		if (reason) {
			keep_for(sight->item, reason);
			sight->item->is_odd = !sight->is_readable;
		} else {
			g_hash_table_add(jobs, g_strdup(sight->job ? sight->job : ""));
		}
	}
	return TRUE;
}

/* Those about which the rules of JOB decide; NULL: those of the guest. */
static gboolean make_keep_items(const Plan *plan, const char *job, GArray *items, GPtrArray *sights,
				GError **error)
{
	for (guint i = 0; i < plan->sights->len; i++) {
		Sight *sight = g_ptr_array_index(plan->sights, i);
		VkKeepItem item;

		if (vk_forget_is_kept(sight->item) || g_strcmp0(sight->job, job) != 0)
			continue;
		if (!make_keep_item(plan, sight, &item, error))
			return FALSE;
		item.is_last_good = sight == plan->last_good;
		g_array_append_val(items, item);
		g_ptr_array_add(sights, sight);
	}
	return TRUE;
}

static VkKeepRules *load_rules(const Plan *plan, const char *job, GError **error)
{
	const VkSettings *settings = plan->facts->settings;

	return job ? vk_keep_rules_load_job(settings, job, plan->name, plan->guest->uuid, error)
		   : vk_keep_rules_load(settings, plan->name, plan->guest->uuid, error);
}

/* By the rules of JOB; NULL: of the guest. Each job counts its own snapshots only. */
static gboolean decide_by(const Plan *plan, const char *job, GError **error)
{
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(VkKeepItem));
	g_autoptr(GPtrArray) sights = g_ptr_array_new();
	g_autoptr(GTimeZone) zone = vk_keep_zone(plan->facts->settings);
	g_autoptr(VkKeepRules) rules = load_rules(plan, job, error);
	g_autoptr(GPtrArray) decision = NULL;
	const VkKeepFacts facts = {
		.now = plan->facts->now, .zone = zone, .is_gone = plan->guest->is_gone};

	if (!rules || !make_keep_items(plan, job, items, sights, error))
		return FALSE;
	decision = vk_keep_decide(rules, (const VkKeepItem *)(gpointer)items->data, items->len,
				  &facts);
	for (guint i = 0; i < sights->len; i++) {
		VkForgetItem *item = ((Sight *)g_ptr_array_index(sights, i))->item;

		item->reasons = g_strdupv(g_ptr_array_index(decision, i));
		item->is_odd = vk_keep_is_doubtful(&g_array_index(items, VkKeepItem, i), &facts);
	}
	return TRUE;
}

static gboolean decide(Plan *plan, GError **error)
{
	g_autoptr(GHashTable) jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter iterator;
	gpointer job;

	/* It reads objects anew, and finds what cannot be read. */
	plan->last_good = find_last_good(plan);
	if (!sort_out(plan, jobs, error))
		return FALSE;
	/* A policy that would keep nothing is told of also while there is nothing to keep. */
	if (!plan->facts->job)
		g_hash_table_add(jobs, g_strdup(""));
	g_hash_table_iter_init(&iterator, jobs);
	while (g_hash_table_iter_next(&iterator, &job, NULL))
		if (!decide_by(plan, *(const char *)job ? job : NULL, error))
			return FALSE;
	return TRUE;
}

/* NULL when no array has a copy of it any more. Else why it is kept. New string. */
static char *ask_arrays(const Plan *plan, const VkSnapshot *snapshot)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		g_autoptr(GError) trouble = NULL;
		gboolean has = FALSE;

		if (!disk->image->array)
			continue;
		if (!vk_arrays_has(plan->facts->arrays, disk->image->array, &has, &trouble))
			return g_strdup_printf("an array may still have it: %s", trouble->message);
		if (has)
			return g_strdup("an array still has it");
	}
	return NULL;
}

/* A snapshot goes when its last copy goes: while an array has one, the array's rules decide. */
static void keep_what_arrays_have(const Plan *plan)
{
	for (guint i = 0; i < plan->sights->len; i++) {
		const Sight *sight = g_ptr_array_index(plan->sights, i);
		g_autoptr(VkSnapshot) snapshot = NULL;
		char *reason;

		if (!sight->is_on_array || vk_forget_is_kept(sight->item))
			continue;
		snapshot = vk_catalog_load(plan->facts->vault, sight->item->key, NULL);
		reason = snapshot ? ask_arrays(plan, snapshot) : g_strdup("it cannot be read now");
		if (reason)
			keep_for(sight->item, reason);
	}
}

static gboolean fill(Plan *plan, GError **error)
{
	VkForgetGuest *guest = plan->guest;

	if (!look(plan, error))
		return FALSE;
	guest->is_gone =
		vk_presence_is_gone(plan->facts->presence, guest->uuid, find_last_host(plan));
	if (!decide(plan, error))
		return FALSE;
	keep_what_arrays_have(plan);
	for (guint i = 0; i < guest->items->len; i++)
		guest->n_forgotten += !vk_forget_is_kept(g_ptr_array_index(guest->items, i));
	return TRUE;
}

/* Takes the keys out of FROM. */
static VkForgetGuest *guest_new(VkCatalogGuest *from)
{
	VkForgetGuest *guest = g_new0(VkForgetGuest, 1);
	gsize count;
	g_autofree gpointer *keys = g_ptr_array_steal(from->keys, &count);

	guest->name = g_strdup(from->view_name);
	guest->uuid = g_strdup(from->uuid);
	guest->items = g_ptr_array_new_with_free_func(item_free);
	for (gsize i = 0; i < count; i++) {
		VkForgetItem *item = g_new0(VkForgetItem, 1);

		item->key = keys[i];
		g_ptr_array_add(guest->items, item);
	}
	return guest;
}

static gboolean add_guest(const VkForgetFacts *facts, VkCatalogGuest *from, GPtrArray *guests,
			  GError **error)
{
	g_autoptr(GPtrArray) sights = g_ptr_array_new_with_free_func(sight_free);
	Plan plan = {.facts = facts, .name = from->name, .sights = sights};

	plan.guest = guest_new(from);
	g_ptr_array_add(guests, plan.guest);
	return fill(&plan, error);
}

/* The uuids of the guests NAMES. */
static GHashTable *find_wanted(VkVault *vault, const GPtrArray *guests, char *const *names,
			       GError **error)
{
	g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);

	for (; *names; names++) {
		const VkCatalogGuest *guest = vk_catalog_find_guest(vault, guests, *names, error);

		if (!guest)
			return NULL;
		g_hash_table_add(wanted, guest->uuid);
	}
	return g_steal_pointer(&wanted);
}

/* What a job forgets is for the host that has the guest. WANTED is NULL for all. */
static gboolean is_wanted(const VkForgetFacts *facts, GHashTable *wanted, const char *uuid)
{
	return (!wanted || g_hash_table_contains(wanted, uuid)) &&
	       (!facts->job || vk_presence_has(facts->presence, uuid));
}

GPtrArray *vk_forget_plan(const VkForgetFacts *facts, char *const *names, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(facts->vault, error);
	g_autoptr(GHashTable) wanted =
		guests && names ? find_wanted(facts->vault, guests, names, error) : NULL;
	g_autoptr(GPtrArray) plan = g_ptr_array_new_with_free_func(guest_free);

	if (!guests || (names && !wanted))
		return NULL;
	for (guint i = 0; i < guests->len; i++) {
		VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (is_wanted(facts, wanted, guest->uuid) && !add_guest(facts, guest, plan, error))
			return NULL;
	}
	return g_steal_pointer(&plan);
}

static gboolean forget_guest(VkVault *vault, VkForgetGuest *guest, guint *refused, GError **error)
{
	for (guint i = 0; i < guest->items->len; i++) {
		VkForgetItem *item = g_ptr_array_index(guest->items, i);
		g_autoptr(GError) trouble = NULL;

		if (vk_forget_is_kept(item))
			continue;
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		/* Somebody else may have forgotten it, and the collector removed it. */
		if (vk_catalog_forget(vault, item->key, "policy", &trouble) ||
		    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			continue;
		vk_log_warning("%s", trouble->message);
		item->is_refused = TRUE;
		guest->n_forgotten--;
		(*refused)++;
	}
	return TRUE;
}

gboolean vk_forget_apply(VkVault *vault, GPtrArray *plan, guint *ret_refused, GError **error)
{
	*ret_refused = 0;
	for (guint i = 0; i < plan->len; i++)
		if (!forget_guest(vault, g_ptr_array_index(plan, i), ret_refused, error))
			return FALSE;
	return TRUE;
}
