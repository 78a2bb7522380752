/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commit-again.h"

#include "catalog.h"
#include "errors.h"
#include "lease-list.h"
#include "session-priv.h"

#include <string.h>

/* Whether LEASE is of another session that is about to put NAME, or would do so if it lived. */
static gboolean is_putting(VkSession *session, const VkLeaseInfo *lease, const char *name,
			   gboolean *ret, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *other = NULL;
	json_t *intent;

	*ret = FALSE;
	if (lease->ended || lease->is_local_and_dead || !lease->has_intent ||
	    strcmp(lease->id, vk_lease_id(session->lease)) == 0)
		return TRUE;
	intent = vk_lease_load_intent(session->vault->store, lease->id, &other, &trouble);
	*ret = intent && strcmp(other, name) == 0;
	json_decref(intent);
	/* The end of a lease takes its intent away. */
	if (intent || g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean check_others(VkSession *session, const VkSnapshot *snapshot, const char *name,
			     GError **error)
{
	VkVault *vault = session->vault;
	g_autoptr(GPtrArray) leases = vk_leases_list(vault->store, error);
	gboolean putting;

	for (guint i = 0; leases && i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		if (!is_putting(session, lease, name, &putting, error))
			return FALSE;
		if (putting)
			return vk_fail(error, VK_ERROR_BUSY,
				       "the host '%s' sends the snapshot '%s@%s' into the vault "
				       "'%s' at the same time; run it again, and if that run is "
				       "dead, 'virtkeep doctor --fix' before",
				       lease->host ? lease->host : "?", snapshot->name,
				       snapshot->time, vk_vault_url(vault));
	}
	return leases != NULL;
}

static gboolean check_remains(VkSession *session, const VkSnapshot *snapshot, GError **error)
{
	VkVault *vault = session->vault;
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};
	g_autoptr(GPtrArray) names = vk_catalog_list_names(vault, snapshot->uuid, error);
	g_autoptr(GPtrArray) keys = names ? vk_catalog_list_of(vault, snapshot->uuid, names) : NULL;

	if (!keys)
		return FALSE;
	if (vk_catalog_has_id(keys, snapshot->id))
		return vk_fail(error, VK_ERROR_EXISTS, "the vault '%s' has this snapshot already",
			       vk_vault_url(vault));
	return !vk_catalog_has_remains(&key, names) ||
	       vk_fail(error, VK_ERROR_BUSY,
		       "the snapshot is being removed from the vault '%s', or its removal was cut "
		       "off; run 'virtkeep gc' there, then this again",
		       vk_vault_url(vault));
}

/* Whoever was putting it and has ended since has put it before the second look. */
gboolean vk_commit_again_check(VkSession *session, const VkSnapshot *snapshot, GError **error)
{
	g_autofree char *name =
		vk_snapshot_key_object(snapshot->uuid, snapshot->time, snapshot->id);

	return check_others(session, snapshot, name, error) &&
	       check_remains(session, snapshot, error);
}
