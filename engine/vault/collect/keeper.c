/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keeper.h"

#include "catalog-pin.h"
#include "vault-parts.h"

#include "errors.h"
#include "timestamp.h"

void vk_keeper_free(VkKeeper *keeper)
{
	if (!keeper)
		return;
	g_free(keeper->lease);
	g_free(keeper->host);
	g_free(keeper->since);
	g_free(keeper);
}

static void keeper_free(gpointer keeper)
{
	vk_keeper_free(keeper);
}

static VkKeeper *add_keeper(GPtrArray *keepers, const char *host, const char *since,
			    guint snapshots)
{
	VkKeeper *keeper = g_new0(VkKeeper, 1);

	keeper->host = g_strdup(host);
	keeper->since = g_strdup(since);
	keeper->snapshots = snapshots;
	g_ptr_array_add(keepers, keeper);
	return keeper;
}

static GPtrArray *list_forgotten(VkVault *vault, GError **error)
{
	GPtrArray *keys = vk_catalog_list_all(vault, NULL, error);

	for (guint i = keys ? keys->len : 0; i > 0; i--)
		if (!((VkSnapshotKey *)g_ptr_array_index(keys, i - 1))->forgotten)
			g_ptr_array_remove_index_fast(keys, i - 1);
	return keys;
}

static gboolean add_pin(GPtrArray *keepers, VkVault *vault, const VkSnapshotKey *key,
			GError **error)
{
	g_autofree char *since = NULL;
	g_autoptr(VkPin) pin = NULL;
	VkKeeper *keeper;

	if (!vk_catalog_load_pin(vault, key, &pin, error))
		return FALSE;
	since = pin && pin->since > 0 ? vk_time_format(pin->since) : NULL;
	keeper = add_keeper(keepers, pin ? pin->host : NULL, since, 1);
	keeper->expired = !pin;
	return TRUE;
}

/* A snapshot that was removed since it was listed needs no keeper. */
static gboolean add_pins(GPtrArray *keepers, VkVault *vault, const GPtrArray *forgotten,
			 GError **error)
{
	for (guint i = 0; i < forgotten->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(forgotten, i);
		g_autoptr(GError) trouble = NULL;

		if (!key->pinned || add_pin(keepers, vault, key, &trouble) ||
		    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			continue;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	return TRUE;
}

static guint count_read(const VkLeaseInfo *lease, const GPtrArray *forgotten)
{
	guint count = 0;

	for (guint i = 0; i < forgotten->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(forgotten, i);
		g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);

		count += vk_lease_info_reads(lease, object) ? 1 : 0;
	}
	return count;
}

/* A writer that is at work keeps what it needs. One that was taken for dead keeps its intent. */
static void add_lease(GPtrArray *keepers, const VkLeaseInfo *lease, const GPtrArray *forgotten)
{
	guint snapshots = count_read(lease, forgotten);
	VkKeeper *keeper;

	if (lease->ended || (snapshots == 0 && !(lease->fenced && lease->has_intent)))
		return;
	keeper = add_keeper(keepers, lease->host, lease->since, snapshots);
	keeper->lease = g_strdup(lease->id);
	keeper->kind = lease->kind;
}

static gint compare_since(gconstpointer a, gconstpointer b)
{
	const VkKeeper *x = *(const VkKeeper *const *)a;
	const VkKeeper *y = *(const VkKeeper *const *)b;

	return g_strcmp0(x->since, y->since);
}

GPtrArray *vk_keepers_list(VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) keepers = g_ptr_array_new_with_free_func(keeper_free);
	g_autoptr(GPtrArray) leases = vk_leases_list(vault->store, error);
	g_autoptr(GPtrArray) forgotten = leases ? list_forgotten(vault, error) : NULL;

	if (!forgotten || !add_pins(keepers, vault, forgotten, error))
		return NULL;
	for (guint i = 0; i < leases->len; i++)
		add_lease(keepers, g_ptr_array_index(leases, i), forgotten);
	g_ptr_array_sort(keepers, compare_since);
	return g_steal_pointer(&keepers);
}
