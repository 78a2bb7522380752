/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "removal.h"

#include "catalog-chain.h"
#include "catalog.h"
#include "lease-list.h"
#include "vault-parts.h"

#include "errors.h"
#include "interrupt.h"

/* Of one snapshot: "uuid/time-id", which no other has. New string. */
static char *identity(const VkSnapshotKey *key)
{
	return vk_snapshot_key_object(key->uuid, key->time, key->id);
}

/* Why a snapshot stays. Each is asked of a new listing, for flags are put before others look. */
typedef gboolean (*StaysFunc)(const VkSnapshotKey *key);

static gboolean is_returning(const VkSnapshotKey *key)
{
	return key->returning;
}

static gboolean is_not_forgotten(const VkSnapshotKey *key)
{
	return !key->forgotten;
}

static gboolean is_pinned(const VkSnapshotKey *key)
{
	return key->pinned;
}

static gboolean stays(const VkSnapshotKey *key)
{
	return is_not_forgotten(key) || is_returning(key) || is_pinned(key);
}

/* D1: all that may go by its own marks. identity -> VkSnapshotKey, both owned. */
static GHashTable *list_candidates(VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);
	GHashTable *candidates;

	if (!keys)
		return NULL;
	candidates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					   (GDestroyNotify)vk_snapshot_key_free);
	for (guint i = keys->len; i > 0; i--) {
		VkSnapshotKey *key = g_ptr_array_index(keys, i - 1);

		if (!stays(key)) {
			g_ptr_array_steal_index_fast(keys, i - 1);
			g_hash_table_insert(candidates, identity(key), key);
		}
	}
	return candidates;
}

/*
 * D3: takes off the candidates those that KEYS do not have. Another collector has removed them;
 * they may be sent again, and are nothing to remove then.
 */
static gboolean drop_absent(VkVault *vault, const char *collector, GHashTable *candidates,
			    const GPtrArray *keys, GError **error)
{
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter iter;
	gpointer name, key;

	for (guint i = 0; i < keys->len; i++)
		g_hash_table_add(names, identity(g_ptr_array_index(keys, i)));
	g_hash_table_iter_init(&iter, candidates);
	while (g_hash_table_iter_next(&iter, &name, &key)) {
		if (g_hash_table_contains(names, name))
			continue;
		if (!vk_catalog_delete_going(vault, key, collector, error))
			return FALSE;
		g_hash_table_iter_remove(&iter);
	}
	return TRUE;
}

/* Lists anew and takes off the candidates those that stay by it, with their marks. */
static gboolean drop_by_listing(VkVault *vault, const char *collector, GHashTable *candidates,
				StaysFunc stays_by, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);

	if (!keys)
		return FALSE;
	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);
		g_autofree char *name = identity(key);

		if (!stays_by(key) || !g_hash_table_contains(candidates, name))
			continue;
		if (!vk_catalog_delete_going(vault, key, collector, error))
			return FALSE;
		g_hash_table_remove(candidates, name);
	}
	return drop_absent(vault, collector, candidates, keys, error);
}

static gboolean is_read(const GPtrArray *leases, const char *name)
{
	for (guint i = 0; i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		if (!lease->ended && vk_lease_info_reads(lease, name))
			return TRUE;
	}
	return FALSE;
}

/* The second half of D5. COLLECTOR NULL: nothing was marked. */
static gboolean drop_what_is_read(VkVault *vault, const char *collector, GHashTable *candidates,
				  GError **error)
{
	g_autoptr(GPtrArray) leases = vk_leases_list(vault->store, error);
	GHashTableIter iter;
	gpointer name, key;

	if (!leases)
		return FALSE;
	g_hash_table_iter_init(&iter, candidates);
	while (g_hash_table_iter_next(&iter, &name, &key)) {
		if (!is_read(leases, name))
			continue;
		if (collector && !vk_catalog_delete_going(vault, key, collector, error))
			return FALSE;
		g_hash_table_iter_remove(&iter);
	}
	return TRUE;
}

/* What an interrupted or fenced collector does not remove is as it was, as far as that can be. */
static void take_marks_back(VkVault *vault, const char *collector, GHashTable *candidates)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, candidates);
	while (g_hash_table_iter_next(&iter, NULL, &key))
		vk_catalog_delete_going(vault, key, collector, NULL);
}

/* D2 to D5. */
static gboolean settle(VkVault *vault, const char *collector, GHashTable *candidates,
		       GError **error)
{
	GHashTableIter iter;
	gpointer key;

	/* D2 */
	g_hash_table_iter_init(&iter, candidates);
	while (g_hash_table_iter_next(&iter, NULL, &key))
		if (!vk_catalog_put_going(vault, key, collector, error))
			return FALSE;
	/* D3, D4, D5: three listings, for each flag is looked for after the one before. */
	return drop_by_listing(vault, collector, candidates, is_returning, error) &&
	       drop_by_listing(vault, collector, candidates, is_not_forgotten, error) &&
	       drop_by_listing(vault, collector, candidates, is_pinned, error) &&
	       drop_what_is_read(vault, collector, candidates, error);
}

/* One that cannot be read is removed all the same. */
static void tell(VkVault *vault, const VkSnapshotKey *key, const VkRemoval *removal)
{
	VkSnapshot *snapshot =
		removal && removal->on_remove ? vk_catalog_load(vault, key, NULL) : NULL;

	if (snapshot)
		removal->on_remove(removal->user, snapshot);
}

/* D6 and D7. */
static gboolean remove_all(VkVault *vault, VkLease *lease, GHashTable *candidates,
			   const VkRemoval *removal, guint *ret_count, GError **error)
{
	GHashTableIter iter;
	gpointer key;
	gboolean fenced;

	if (!vk_lease_is_fenced(lease, &fenced, error))
		return FALSE;
	if (fenced)
		return vk_fail(error, VK_ERROR_BUSY,
			       "another garbage collection took this one for dead");
	if (!vk_chain_keep_numbers(vault, candidates, error))
		return FALSE;
	g_hash_table_iter_init(&iter, candidates);
	while (g_hash_table_iter_next(&iter, NULL, &key)) {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		tell(vault, key, removal);
		if (!vk_catalog_delete(vault, key, error) ||
		    !vk_catalog_delete_going(vault, key, vk_lease_id(lease), error))
			return FALSE;
		(*ret_count)++;
		g_hash_table_iter_remove(&iter);
	}
	return TRUE;
}

GHashTable *vk_removable_snapshots(VkVault *vault, const GPtrArray *also, GError **error)
{
	g_autoptr(GHashTable) candidates = list_candidates(vault, error);

	for (guint i = 0; candidates && also && i < also->len; i++)
		g_hash_table_insert(candidates, identity(g_ptr_array_index(also, i)), NULL);
	return candidates && drop_what_is_read(vault, NULL, candidates, error)
		       ? g_steal_pointer(&candidates)
		       : NULL;
}

gboolean vk_remove_forgotten(VkVault *vault, VkLease *lease, const VkRemoval *removal,
			     guint *ret_count, GError **error)
{
	g_autoptr(GHashTable) candidates = list_candidates(vault, error);

	*ret_count = 0;
	if (!candidates)
		return FALSE;
	if (g_hash_table_size(candidates) == 0 ||
	    (settle(vault, vk_lease_id(lease), candidates, error) &&
	     remove_all(vault, lease, candidates, removal, ret_count, error)))
		return TRUE;
	take_marks_back(vault, vk_lease_id(lease), candidates);
	return FALSE;
}
