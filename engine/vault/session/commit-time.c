/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commit-time.h"

#include "catalog-chain.h"
#include "catalog.h"
#include "layout.h"
#include "lease-list.h"
#include "vault-parts.h"

#include "errors.h"
#include "log.h"
#include "timestamp.h"

#include <string.h>

/* Snapshots of a guest in quick succession, or a clock that was put right. */
#define SUCCESSION_SEC 45

/* A claim that stays is of a process that died: they are few. */
#define CLAIM_TRIES 1000

#define CLAIM_SUFFIX ".claim"

/* Bytes that are read of one. */
#define CLAIM_MAX 256

/* A claim is held for as long as a commit takes: it is of a process that died then. */
#define STALE_CLAIM_SEC ((gint64)24 * 60 * 60)

/*
 * The first second from FIRST on that is free by KEYS and after all that are a little ahead of
 * BEGUN.
 */
static gint64 find_free(const GPtrArray *keys, gint64 begun, gint64 first)
{
	g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
	gint64 seconds = first;

	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);
		gint64 other;

		g_hash_table_add(taken, key->time);
		if (vk_time_parse(key->time, &other, NULL) && other <= begun + SUCCESSION_SEC)
			seconds = MAX(seconds, other + 1);
	}
	for (;; seconds++) {
		g_autofree char *time = vk_time_format(seconds);

		if (!g_hash_table_contains(taken, time))
			return seconds;
	}
}

/* *RET_TAKEN: another session has claimed it, perhaps one that is done. */
static gboolean put_claim(VkVault *vault, const char *claim, gboolean *ret_taken, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	*ret_taken = FALSE;
	if (vk_store_put(vault->store, claim, NULL, 0, VK_PUT_HINT, &trouble))
		return TRUE;
	*ret_taken = g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS);
	if (!*ret_taken)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return *ret_taken;
}

void vk_commit_time_release(VkVault *vault, char *claim)
{
	g_autoptr(GError) trouble = NULL;

	if (claim && !vault->store->ops->delete (vault->store, claim, &trouble))
		vk_log_debug("a claim stays, ignoring: %s", trouble->message);
	g_free(claim);
}

/* By its TIME, for none is put before it: only then the store is asked. */
static gboolean may_be_stale(const char *name)
{
	g_autofree char *time = NULL;
	gint64 seconds;

	if (!g_str_has_suffix(name, CLAIM_SUFFIX))
		return FALSE;
	time = g_strndup(name, strlen(name) - strlen(CLAIM_SUFFIX));
	return vk_time_parse(time, &seconds, NULL) &&
	       seconds < g_get_real_time() / G_USEC_PER_SEC - STALE_CLAIM_SEC;
}

/* The TIME of a snapshot of another vault says nothing of when its claim was put. */
static gboolean is_stale(VkVault *vault, const char *claim)
{
	gint64 stored;
	guint64 size;

	return vault->store->ops->head(vault->store, claim, &size, &stored, NULL) &&
	       stored < g_get_real_time() / G_USEC_PER_SEC - STALE_CLAIM_SEC;
}

/*
 * Those among NAMES, but OWN, which may be of a snapshot of long ago. They do no harm but to be
 * there: what cannot be removed now is left to the next commit.
 */
static void drop_stale_claims(VkVault *vault, const char *uuid, const GPtrArray *names,
			      const char *own)
{
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *claim = g_strconcat(VK_FOLDER_SNAPS "/", uuid, "/",
						     g_ptr_array_index(names, i), NULL);

		if (may_be_stale(g_ptr_array_index(names, i)) && strcmp(claim, own) != 0 &&
		    is_stale(vault, claim))
			vk_commit_time_release(vault, g_steal_pointer(&claim));
	}
}

/*
 * Sets SNAPSHOT's time and claims it. It claims first and lists second: an earlier owner of this
 * second listed its snapshot before it gave up the claim. Forgotten snapshots keep their seconds,
 * for they may be listed again. Returns that list, and by reference the names that it is of.
 */
static GPtrArray *claim_free(VkVault *vault, VkSnapshot *snapshot, char **ret_claim,
			     GPtrArray **ret_names, GError **error)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", snapshot->uuid, NULL);
	gint64 begun, seconds;

	if (!vk_time_parse(snapshot->time, &begun, error))
		return NULL;
	seconds = begun;
	for (guint i = 0; i < CLAIM_TRIES; i++) {
		g_autofree char *time = vk_time_format(seconds);
		g_autofree char *claim = g_strdup_printf(VK_FOLDER_SNAPS "/%s/%s" CLAIM_SUFFIX,
							 snapshot->uuid, time);
		g_autoptr(GPtrArray) names = NULL;
		g_autoptr(GPtrArray) keys = NULL;
		gint64 next = seconds + 1;
		gboolean taken;

		if (!put_claim(vault, claim, &taken, error))
			return NULL;
		if (!taken) {
			names = vault->store->ops->list(vault->store, folder, error);
			keys = names ? vk_catalog_list_of(vault, snapshot->uuid, names) : NULL;
			next = keys ? find_free(keys, begun, seconds) : next;
		}
		if (keys && next == seconds) {
			g_free(snapshot->time);
			snapshot->time = g_steal_pointer(&time);
			*ret_claim = g_steal_pointer(&claim);
			*ret_names = g_steal_pointer(&names);
			return g_steal_pointer(&keys);
		}
		if (!taken)
			vk_commit_time_release(vault, g_steal_pointer(&claim));
		if (!taken && !keys)
			return NULL;
		seconds = next;
	}
	vk_fail(error, VK_ERROR_BUSY,
		"too many other backups of the guest '%s' into the vault '%s' run at the same time",
		snapshot->name, vk_vault_url(vault));
	return NULL;
}

/*
 * Either this clock is wrong or the earlier one was; nothing here can say which. The notes say in
 * which order the snapshots were committed, which is true in any case, and leave all dates as they
 * are.
 */
static void warn_of_order(VkVault *vault, const VkSnapshot *snapshot, const VkSnapshotKey *other,
			  guint count)
{
	if (!vault->warn)
		return;
	if (count == 1)
		vault->warn("the snapshot '%s@%s' is older than it says, or the clock is wrong "
			    "now: it is listed before '%s@%s'",
			    snapshot->name, other->time, snapshot->name, snapshot->time);
	else if (count > 1)
		vault->warn("%u snapshots of the guest '%s' are older than they say, or the "
			    "clock is wrong now: they are listed before '%s@%s'; see whether "
			    "this host has the right time",
			    count, snapshot->name, snapshot->name, snapshot->time);
}

static gboolean note_older(VkVault *vault, const VkSnapshot *snapshot, const GPtrArray *keys,
			   GError **error)
{
	const VkSnapshotKey *last = NULL;
	guint count = 0;

	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);
		const char *before = key->before ? key->before : key->time;

		if (strcmp(key->time, snapshot->time) <= 0 ||
		    (key->is_noted && strcmp(before, snapshot->time) <= 0))
			continue;
		if (strcmp(before, snapshot->time) > 0)
			before = snapshot->time;
		if (!vk_catalog_note_before(vault, key, before, error))
			return FALSE;
		last = key;
		count++;
	}
	warn_of_order(vault, snapshot, last, count);
	return TRUE;
}

/* The id of the newest snapshot that is not forgotten; NULL: there is none. New string. */
static char *find_parent(const GPtrArray *keys)
{
	for (guint i = keys->len; i > 0; i--) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i - 1);

		if (!key->forgotten)
			return g_strdup(key->id);
	}
	return NULL;
}

/* What is in a claim of a snapshot of another vault. New string. */
static char *own_claim_text(const VkSnapshot *snapshot, const char *lease)
{
	return g_strdup_printf("%s\n%s\n", snapshot->id, lease);
}

/* NULL: it is not there, or nobody can say what is in it. New string. */
static char *read_claim(VkVault *vault, const char *claim)
{
	g_autoptr(GBytes) said = vk_store_get_all(vault->store, claim, CLAIM_MAX, NULL);
	gsize length = 0;
	const char *text = said ? g_bytes_get_data(said, &length) : NULL;

	return text ? g_strndup(text, length) : NULL;
}

static gboolean is_at_work(VkVault *vault, const char *lease, gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) leases = vk_leases_list(vault->store, error);

	*ret = FALSE;
	for (guint i = 0; leases && i < leases->len; i++) {
		const VkLeaseInfo *info = g_ptr_array_index(leases, i);

		if (strcmp(info->id, lease) == 0)
			*ret = !info->ended && !info->is_local_and_dead;
	}
	return leases != NULL;
}

/* *RET: the claim that is there is of the same snapshot, and its session has ended. */
static gboolean may_take_over(VkVault *vault, const char *claim, const VkSnapshot *snapshot,
			      gboolean *ret, GError **error)
{
	g_autofree char *text = read_claim(vault, claim);
	g_auto(GStrv) lines = text ? g_strsplit(text, "\n", 3) : NULL;
	gboolean at_work = FALSE;

	*ret = FALSE;
	if (!lines || !lines[0] || strcmp(lines[0], snapshot->id) != 0)
		return TRUE;
	if (lines[1] && !is_at_work(vault, lines[1], &at_work, error))
		return FALSE;
	*ret = !at_work;
	return TRUE;
}

/* Puts it, and *RET says whether it is there. */
static gboolean try_own_claim(VkVault *vault, const char *claim, const char *text, gboolean *ret,
			      GError **error)
{
	const struct iovec content = {(gpointer)(gsize)text, strlen(text)};
	g_autoptr(GError) trouble = NULL;

	*ret = vk_store_put(vault->store, claim, &content, 1, VK_PUT_HINT, &trouble);
	if (*ret || g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean put_own_claim(VkVault *vault, const char *claim, const VkSnapshot *snapshot,
			      const char *lease, GError **error)
{
	g_autofree char *text = own_claim_text(snapshot, lease);
	gboolean done, may;

	if (!try_own_claim(vault, claim, text, &done, error) ||
	    (!done && !may_take_over(vault, claim, snapshot, &may, error)))
		return FALSE;
	if (!done && may &&
	    (!vault->store->ops->delete (vault->store, claim, error) ||
	     !try_own_claim(vault, claim, text, &done, error)))
		return FALSE;
	return done || vk_fail(error, VK_ERROR_BUSY,
			       "a backup or a replication into the vault '%s' is about to use the "
			       "time '%s'; run it again, or after a day if that was killed",
			       vk_vault_url(vault), snapshot->time);
}

/* Another snapshot of that time. */
static gboolean check_time(VkVault *vault, const GPtrArray *keys, const VkSnapshot *snapshot,
			   GError **error)
{
	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);

		if (strcmp(key->time, snapshot->time) != 0)
			continue;
		if (strcmp(key->id, snapshot->id) == 0)
			return vk_fail(error, VK_ERROR_EXISTS,
				       "the vault '%s' has this snapshot already",
				       vk_vault_url(vault));
		return vk_fail(error, VK_ERROR_EXISTS,
			       "the vault '%s' has another snapshot of this guest and this second, "
			       "with the id %s",
			       vk_vault_url(vault), key->id);
	}
	return TRUE;
}

gboolean vk_commit_time_claim_own(VkVault *vault, VkSnapshot *snapshot, const char *lease,
				  char **ret_claim, GError **error)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", snapshot->uuid, NULL);
	g_autofree char *claim = g_strdup_printf("%s/%s" CLAIM_SUFFIX, folder, snapshot->time);
	g_autoptr(GPtrArray) names = NULL;
	g_autoptr(GPtrArray) keys = NULL;

	if (!put_own_claim(vault, claim, snapshot, lease, error))
		return FALSE;
	names = vault->store->ops->list(vault->store, folder, error);
	keys = names ? vk_catalog_list_of(vault, snapshot->uuid, names) : NULL;
	if (!keys || !check_time(vault, keys, snapshot, error)) {
		vk_commit_time_release(vault, g_steal_pointer(&claim));
		return FALSE;
	}
	vk_chain_extend(vault, keys, names, snapshot);
	*ret_claim = g_steal_pointer(&claim);
	return TRUE;
}

gboolean vk_commit_time_claim(VkVault *vault, VkSnapshot *snapshot, char **ret_claim,
			      GError **error)
{
	g_autofree char *claim = NULL;
	g_autoptr(GPtrArray) names = NULL;
	g_autoptr(GPtrArray) keys = claim_free(vault, snapshot, &claim, &names, error);

	if (!keys)
		return FALSE;
	drop_stale_claims(vault, snapshot->uuid, names, claim);
	if (!note_older(vault, snapshot, keys, error)) {
		vk_commit_time_release(vault, g_steal_pointer(&claim));
		return FALSE;
	}
	g_free(snapshot->parent);
	snapshot->parent = find_parent(keys);
	vk_chain_extend(vault, keys, names, snapshot);
	*ret_claim = g_steal_pointer(&claim);
	return TRUE;
}
