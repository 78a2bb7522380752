/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Forgetting, the way back, and removing. Nothing is locked: each side first puts its own mark and
 * then looks for the marks of the other side, so that of two that meet one sees the other. The
 * steps are those of tests/model/README.md.
 */
#include "catalog-priv.h"

#include "errors.h"
#include "lease.h"
#include "lease-list.h"
#include "log.h"
#include "timestamp.h"
#include "vault-parts.h"
#include "vault-room.h"

#include <string.h>

static gboolean refuse_pinned(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds,
			      GError **error)
{
	g_autoptr(VkPin) pin = vk_catalog_find_pin(vault, key, kinds);
	g_autofree char *name = NULL, *time = NULL, *until = NULL;

	if (!pin)
		return TRUE;
	name = vk_catalog_name(vault, key);
	if (pin->until != VK_PIN_FOR_GOOD) {
		time = vk_time_format(pin->until);
		until = vk_when_local(time);
	}
	return vk_fail(
		error, VK_ERROR_FAILED,
		"the snapshot '%s' is pinned%s%s%s%s and is not forgotten: run 'virtkeep unpin "
		"%s' first",
		name, until ? " until " : "", until ? until : "", pin->reason ? ": " : "",
		pin->reason ? pin->reason : "", name);
}

gboolean vk_catalog_forget(VkVault *vault, const VkSnapshotKey *key, const char *reason,
			   GError **error)
{
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);

	if (!kinds)
		return FALSE;
	if (vk_marks_have(kinds, VK_MARK_FORGOTTEN))
		return TRUE;
	/* Pins that have ended go, for the collector takes no notice of dates (D5). */
	return refuse_pinned(vault, key, kinds, error) &&
	       vk_catalog_delete_pins(vault, key, kinds, error) &&
	       /* F1 */
	       vk_catalog_put_mark(vault, key, VK_MARK_FORGOTTEN, reason, error);
}

/* Of a collector that is at work, for all we know: its lease is open. */
static gboolean is_of_collector(const char *kind, GHashTable *open)
{
	return g_str_has_prefix(kind, VK_MARK_GOING) &&
	       g_hash_table_contains(open, kind + strlen(VK_MARK_GOING));
}

static gboolean has_expired(const GPtrArray *kinds)
{
	for (guint i = 0; i < kinds->len; i++) {
		const char *kind = g_ptr_array_index(kinds, i);

		if (strcmp(kind, VK_MARK_EXPIRED) == 0 || g_str_has_prefix(kind, VK_MARK_EXPIRING))
			return TRUE;
	}
	return FALSE;
}

/* U2 for what only arrays had. What the vault has by now does not need them. */
static gboolean refuse_expired(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds,
			       GError **error)
{
	g_autoptr(VkSnapshot) snapshot = NULL;

	if (!has_expired(kinds))
		return TRUE;
	snapshot = vk_catalog_load(vault, key, error);
	if (!snapshot || !vk_catalog_load_copies(vault, snapshot, error))
		return FALSE;
	if (vk_snapshot_is_in_vault(snapshot))
		return vk_catalog_delete_mark(vault, key, VK_MARK_EXPIRED, error);
	return vk_fail(error, VK_ERROR_NOT_FOUND,
		       "the snapshot '%s@%s' cannot be listed again: it was only on an array, and "
		       "has expired there",
		       key->uuid, key->time);
}

/* The leases are listed after the marks: each had its lease first. */
static gboolean refuse_going(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);
	g_autoptr(GHashTable) open = kinds ? vk_leases_open(vault->store, error) : NULL;

	for (guint i = 0; open && i < kinds->len; i++)
		if (is_of_collector(g_ptr_array_index(kinds, i), open))
			return vk_fail(error, VK_ERROR_BUSY,
				       "the snapshot '%s@%s' cannot be listed again: the garbage "
				       "collection of the vault '%s' already removes it",
				       key->uuid, key->time, vk_vault_url(vault));
	return open && refuse_expired(vault, key, kinds, error);
}

static gboolean unforget(VkVault *vault, const VkSnapshotKey *key, const VkLease *lease,
			 GError **error)
{
	g_autofree char *back = g_strconcat(VK_MARK_BACK, vk_lease_id(lease), NULL);
	g_autoptr(GError) trouble = NULL;
	gboolean done;

	/* U1 */
	if (!vk_catalog_put_mark(vault, key, back, NULL, error))
		return FALSE;
	/* U2, U3. Until then it is hidden, whoever wins. */
	done = refuse_going(vault, key, error) &&
	       vk_catalog_delete_mark(vault, key, VK_MARK_FORGOTTEN, error);
	/* U4. One that stays says nothing once the lease has ended. */
	if (!vk_catalog_delete_mark(vault, key, back, &trouble))
		vk_log_debug("a mark stays, ignoring: %s", trouble->message);
	return done;
}

gboolean vk_catalog_unforget(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	const char *const names[] = {object, NULL};
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);
	g_autoptr(VkLease) lease = NULL;

	if (!kinds)
		return FALSE;
	if (!vk_marks_have(kinds, VK_MARK_FORGOTTEN))
		return TRUE;
	lease = vk_vault_begin_lease(vault, VK_LEASE_READ, names, error); /* U0 */
	return lease && unforget(vault, key, lease, error);
}

gboolean vk_catalog_put_going(VkVault *vault, const VkSnapshotKey *key, const char *collector,
			      GError **error)
{
	g_autofree char *kind = g_strconcat(VK_MARK_GOING, collector, NULL);

	return vk_catalog_put_mark(vault, key, kind, NULL, error);
}

gboolean vk_catalog_delete_going(VkVault *vault, const VkSnapshotKey *key, const char *collector,
				 GError **error)
{
	g_autofree char *kind = g_strconcat(VK_MARK_GOING, collector, NULL);

	return vk_catalog_delete_mark(vault, key, kind, error);
}

/* D7. The object first: without it the marks say nothing. */
gboolean vk_catalog_delete(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autofree char *copies = vk_snapshot_copies_object(key->uuid, key->time, key->id);
	VkStore *store = vault->store;

	return store->ops->delete (store, name, error) &&
	       store->ops->delete (store, copies, error) &&
	       vk_catalog_delete_beside(vault, key, error);
}
