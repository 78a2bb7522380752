/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "expire.h"

#include "array-leftovers.h"
#include "catalog-expire.h"
#include "catalog-pin.h"
#include "catalog.h"
#include "disk-on-array.h"
#include "errors.h"
#include "keep.h"
#include "log.h"
#include "retention.h"
#include "timestamp.h"

#include <string.h>

/* Snapshots of guests that were taken together have times that differ by no more. */
#define TOGETHER_SEC 60

typedef struct {
	VkVault *vault;
	VkArrays *arrays;
	const VkKeepRules *rules;
	VkKeepFacts facts;
	const char *label;
	/* VkSnapshotKey, borrowed: only a replica may have them */
	GPtrArray *replicated;
} Expiry;

/* A snapshot with copies on arrays. */
typedef struct {
	VkSnapshotKey *key;        /* borrowed */
	gboolean has_all, has_any; /* of its copies */
} Candidate;

static gint64 dated(const VkSnapshotKey *key)
{
	gint64 seconds = 0;

	return vk_time_parse(key->time, &seconds, NULL) ? seconds : 0;
}

/*
 * By what it says or by what others say: where a clock was wrong, the later, unless that is to
 * come.
 */
static VkKeepItem item_of(const Expiry *expiry, const VkSnapshotKey *key, const char *label)
{
	gint64 taken = vk_snapshot_key_taken(key), seconds = dated(key);

	if (seconds <= expiry->facts.now)
		taken = MAX(taken, seconds);
	return (VkKeepItem){.taken = MIN(taken, expiry->facts.now), .label = label};
}

/* At this moment: the list may be old, for arrays take minutes to answer. */
static gboolean is_pinned(const Expiry *expiry, const VkSnapshotKey *key, gboolean *ret,
			  GError **error)
{
	g_autoptr(VkPin) pin = NULL;
	g_autoptr(GError) trouble = NULL;

	if (vk_catalog_load_pin(expiry->vault, key, &pin, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		*ret = pin != NULL;
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

/* Adds those of KEYS that are newer than KEY and have its label, as many as a rule may count. */
static void add_newer(const Expiry *expiry, const GPtrArray *keys, const VkSnapshotKey *key,
		      const char *label, GArray *items)
{
	guint64 wanted = label ? vk_retentions_count(expiry->rules->labels, label) : 0;

	for (guint i = keys->len; items->len < wanted && i > 0; i--) {
		const VkSnapshotKey *other = g_ptr_array_index(keys, i - 1);
		g_autoptr(VkSnapshot) newer = NULL;

		if (strcmp(other->id, key->id) == 0)
			return;
		newer = vk_catalog_load(expiry->vault, other, NULL);
		if (newer && vk_snapshot_is_on_array(newer) &&
		    g_strcmp0(newer->label, label) == 0) {
			VkKeepItem item = item_of(expiry, other, label);

			g_array_prepend_val(items, item);
		}
	}
}

/* Whether so many newer ones of its guest are listed that the settings do not keep SNAPSHOT. */
static gboolean is_surplus(const Expiry *expiry, const VkSnapshotKey *key,
			   const VkSnapshot *snapshot, gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(expiry->vault, key->uuid, error);
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(VkKeepItem));
	VkKeepItem own = item_of(expiry, key, snapshot->label);
	g_autoptr(GPtrArray) decision = NULL;
	gboolean pinned = FALSE;

	*ret = FALSE;
	if (!keys || !is_pinned(expiry, key, &pinned, error))
		return FALSE;
	add_newer(expiry, keys, key, snapshot->label, items);
	g_array_prepend_val(items, own);
	decision = vk_keep_decide(expiry->rules, (const VkKeepItem *)(gpointer)items->data,
				  items->len, &expiry->facts);
	*ret = !pinned && !vk_keep_is_kept(decision, 0);
	return TRUE;
}

/* Whether it can be read, now or later, without the array's own copies. */
static gboolean is_elsewhere(const Expiry *expiry, const VkSnapshot *snapshot)
{
	gboolean elsewhere = TRUE;

	for (guint i = 0; elsewhere && i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		elsewhere = disk->image->runs || !disk->image->array ||
			    vk_arrays_may_have_replica(expiry->arrays, disk->image->array);
	}
	return elsewhere;
}

/*
 * Whether the snapshot OTHER needs ARRAY: one that is elsewhere is listed on when it does no more.
 */
static gboolean needs(const Expiry *expiry, const VkSnapshotKey *other,
		      const VkArraySnapshot *array, gboolean *ret, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(expiry->vault, other, error);
	gboolean surplus = FALSE;

	if (!snapshot)
		return FALSE;
	*ret = !(other->forgotten && other->expired) &&
	       vk_array_disk_lies_in(expiry->arrays, snapshot, array);
	if (*ret && is_elsewhere(expiry, snapshot) &&
	    !is_surplus(expiry, other, snapshot, &surplus, error))
		return FALSE;
	*ret = *ret && !surplus;
	return TRUE;
}

static gboolean is_shared(const Expiry *expiry, const VkSnapshotKey *key,
			  const VkArraySnapshot *array, gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) keys = NULL;

	*ret = FALSE;
	if (array->id) /* it is this guest's alone */
		return TRUE;
	keys = vk_catalog_list_all(expiry->vault, NULL, error);
	for (guint i = 0; keys && !*ret && i < keys->len; i++) {
		const VkSnapshotKey *other = g_ptr_array_index(keys, i);

		if (strcmp(other->id, key->id) != 0 &&
		    ABS(dated(other) - dated(key)) <= TOGETHER_SEC &&
		    !needs(expiry, other, array, ret, error))
			return FALSE;
	}
	return keys != NULL;
}

static gboolean remove_copy(const Expiry *expiry, const VkSnapshotKey *key, const json_t *copy,
			    GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_snapshots_of(expiry->arrays, copy, error);

	for (guint i = 0; found && i < found->len; i++) {
		const VkArraySnapshot *array = g_ptr_array_index(found, i);
		gboolean shared = FALSE;

		if (!is_shared(expiry, key, array, &shared, error) ||
		    (!shared && !vk_arrays_remove(expiry->arrays, array, error)))
			return FALSE;
	}
	return found != NULL;
}

typedef enum {
	OFF_LIST,  /* nobody finds it any more */
	ELSEWHERE, /* it is listed, and can be read without the array's copies */
	HELD,      /* somebody reads or pinned it, and may need them */
} Standing;

static gboolean is_copied(const Expiry *expiry, VkSnapshot *snapshot, gboolean *ret, GError **error)
{
	if (!vk_catalog_load_copies(expiry->vault, snapshot, error))
		return FALSE;
	*ret = vk_snapshot_is_in_vault(snapshot);
	return TRUE;
}

/* Whoever has it open may read the array's copies: they stay for the next run. */
static gboolean stay_listed(const Expiry *expiry, const VkSnapshotKey *key, Standing *ret,
			    GError **error)
{
	gboolean read;

	if (!vk_catalog_is_read(expiry->vault, key, &read, error))
		return FALSE;
	*ret = read ? HELD : ELSEWHERE;
	return TRUE;
}

/*
 * Arrays may take minutes to answer, and neither a copy into the vault nor a reader nor a pin waits
 * for us: they are looked for last. What may be there is not given up because that could not be
 * read just now.
 */
static gboolean take_off_list(const Expiry *expiry, const VkSnapshotKey *key, VkSnapshot *snapshot,
			      Standing *ret, GError **error)
{
	gboolean copied, expired;

	if (is_elsewhere(expiry, snapshot))
		return stay_listed(expiry, key, ret, error);
	if (!vk_array_leftovers_mark(expiry->arrays, snapshot, error) ||
	    !is_copied(expiry, snapshot, &copied, error))
		return FALSE;
	if (copied)
		return stay_listed(expiry, key, ret, error);
	if (!vk_catalog_expire(expiry->vault, key, snapshot, &expired, error))
		return FALSE;
	if (vk_snapshot_is_in_vault(snapshot))
		return stay_listed(expiry, key, ret, error);
	*ret = expired ? OFF_LIST : HELD;
	return TRUE;
}

/* The catalogue first: what is listed can be read. */
static gboolean expire(const Expiry *expiry, const VkSnapshotKey *key, VkSnapshot *snapshot,
		       GError **error)
{
	Standing standing;

	if (!take_off_list(expiry, key, snapshot, &standing, error))
		return FALSE;
	for (guint i = 0; standing != HELD && i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (disk->image->array && !remove_copy(expiry, key, disk->image->array, error))
			return FALSE;
	}
	return TRUE;
}

/* Of layers on several volumes some may be left where the whole is gone. */
static gboolean has_part(const Expiry *expiry, const json_t *copy)
{
	g_autoptr(GPtrArray) layers = vk_arrays_layers(expiry->arrays, copy, NULL);
	g_autoptr(GPtrArray) found = layers && layers->len > 1
					     ? vk_arrays_snapshots_of(expiry->arrays, copy, NULL)
					     : NULL;

	return found && found->len > 0;
}

/* Whether the array still has the snapshot's copies: a removal may have stopped midway. */
static gboolean is_there(const Expiry *expiry, const VkSnapshot *snapshot, gboolean *ret_all,
			 gboolean *ret_any, GError **error)
{
	*ret_all = TRUE;
	*ret_any = FALSE;
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		const json_t *copy = disk->image->array;
		gboolean has = FALSE;

		if (!copy)
			continue;
		if (!vk_arrays_has(expiry->arrays, copy, &has, error))
			return FALSE;
		*ret_all = *ret_all && has;
		*ret_any = *ret_any || has || has_part(expiry, copy);
	}
	return TRUE;
}

/* *RET_IS_ONE is FALSE for a snapshot that is not on arrays, or has another label. */
static gboolean examine(const Expiry *expiry, VkSnapshotKey *key, Candidate *ret,
			gboolean *ret_is_one, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(expiry->vault, key, NULL);

	*ret = (Candidate){.key = key};
	/* One that cannot be read is the business of verify. */
	*ret_is_one = snapshot && vk_snapshot_is_on_array(snapshot) &&
		      g_strcmp0(snapshot->label, expiry->label) == 0;
	return !*ret_is_one || is_there(expiry, snapshot, &ret->has_all, &ret->has_any, error);
}

/* What is held or locked does not keep older ones. */
static gboolean pass_over(GError *trouble, GError **error)
{
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY)) {
		vk_log_warning("%s", trouble->message);
		g_error_free(trouble);
		return TRUE;
	}
	g_propagate_error(error, trouble);
	return FALSE;
}

/*
 * Adds the candidates among KEYS, the oldest first. When an array fails, those that are newer than
 * the failure are there still: older ones have no say in what becomes of them.
 */
static gboolean add_candidates(const Expiry *expiry, const GPtrArray *keys, GArray *candidates,
			       GError **error)
{
	for (guint i = keys->len; i > 0; i--) {
		GError *trouble = NULL;
		gboolean is_one;
		Candidate candidate;

		if (examine(expiry, g_ptr_array_index(keys, i - 1), &candidate, &is_one,
			    &trouble)) {
			if (is_one)
				g_array_prepend_val(candidates, candidate);
		} else if (!pass_over(trouble, error)) {
			return FALSE;
		}
	}
	return TRUE;
}

static GPtrArray *decide(const Expiry *expiry, const GArray *candidates)
{
	g_autofree VkKeepItem *items = g_new0(VkKeepItem, candidates->len);

	for (guint i = 0; i < candidates->len; i++) {
		const Candidate *candidate = &g_array_index(candidates, Candidate, i);

		items[i] = item_of(expiry, candidate->key, expiry->label);
		items[i].is_partial = !candidate->has_all;
	}
	return vk_keep_decide(expiry->rules, items, candidates->len, &expiry->facts);
}

static gboolean apply(Expiry *expiry, const Candidate *candidate, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	gboolean pinned = FALSE;

	if (!is_pinned(expiry, candidate->key, &pinned, error))
		return FALSE;
	snapshot = pinned ? NULL : vk_catalog_load(expiry->vault, candidate->key, NULL);
	if (!snapshot)
		return TRUE;
	if (candidate->has_any)
		return expire(expiry, candidate->key, snapshot, error);
	if (!vk_snapshot_is_in_vault(snapshot))
		g_ptr_array_add(expiry->replicated, candidate->key);
	return TRUE;
}

/* Replicas go by age, and each is a question to all arrays: the oldest that is left ends it. */
static gboolean forget_lost(const Expiry *expiry, GError **error)
{
	Standing standing = OFF_LIST;

	for (guint i = expiry->replicated->len; standing == OFF_LIST && i > 0; i--) {
		const VkSnapshotKey *key = g_ptr_array_index(expiry->replicated, i - 1);
		g_autoptr(VkSnapshot) snapshot = vk_catalog_load(expiry->vault, key, NULL);

		if (snapshot && !take_off_list(expiry, key, snapshot, &standing, error))
			return FALSE;
		/* That one is held says nothing of the older ones. */
		if (standing == HELD)
			standing = OFF_LIST;
	}
	return TRUE;
}

/* From the newest on. */
static gboolean apply_all(Expiry *expiry, const GArray *candidates, GError **error)
{
	g_autoptr(GPtrArray) decision = decide(expiry, candidates);

	for (guint i = candidates->len; i > 0; i--) {
		GError *trouble = NULL;

		if (!vk_keep_is_kept(decision, i - 1) &&
		    !apply(expiry, &g_array_index(candidates, Candidate, i - 1), &trouble) &&
		    !pass_over(trouble, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean expire_all(Expiry *expiry, const GPtrArray *keys, GError **error)
{
	g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
	g_autoptr(GError) trouble = NULL;

	if (add_candidates(expiry, keys, candidates, &trouble))
		return apply_all(expiry, candidates, error) && forget_lost(expiry, error);
	if (!apply_all(expiry, candidates, error))
		return FALSE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_expire_copies(VkVault *vault, VkArrays *arrays, const VkSettings *settings,
			  const char *uuid, const char *label, GError **error)
{
	g_autoptr(VkKeepRules) rules = vk_keep_rules_for_arrays(settings, error);
	g_autoptr(GTimeZone) zone = vk_keep_zone(settings);
	g_autoptr(GPtrArray) replicated = g_ptr_array_new();
	g_autoptr(GPtrArray) keys = NULL;
	Expiry expiry = {
		.vault = vault,
		.arrays = arrays,
		.rules = rules,
		.facts = {.now = g_get_real_time() / G_USEC_PER_SEC, .zone = zone},
		.label = label,
		.replicated = replicated,
	};

	if (!rules)
		return FALSE;
	if (!label || vk_retentions_count(rules->labels, label) == 0)
		return TRUE;
	keys = vk_catalog_list(vault, uuid, error);
	return keys && expire_all(&expiry, keys, error);
}
