/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader's steps of tests/model/README.md. */
#include "read-lease.h"

#include "catalog-priv.h"
#include "errors.h"
#include "lease.h"
#include "log.h"
#include "vault-parts.h"
#include "vault-room.h"

struct VkReadLease {
	VkLease *lease; /* NULL: none could be put */
};

/* R2 */
static gboolean check_listed(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);

	if (kinds && vk_marks_have(kinds, VK_MARK_FORGOTTEN))
		return vk_fail(error, VK_ERROR_NOT_FOUND, "the snapshot '%s@%s' was forgotten",
			       key->uuid, key->time);
	return kinds != NULL;
}

/* R1. A vault that is read-only, or full without a reserve, is read as well. */
static VkLease *begin(VkVault *vault, const VkSnapshotKey *key)
{
	g_autofree char *object =
		key ? vk_snapshot_key_object(key->uuid, key->time, key->id) : NULL;
	const char *const names[] = {object, NULL};
	g_autoptr(GError) trouble = NULL;
	VkLease *lease = NULL;

	if (vault->may_put)
		lease = vk_vault_begin_lease(vault, VK_LEASE_READ, key ? names : NULL, &trouble);
	if (trouble)
		vk_log_debug("reading without a lease: %s", trouble->message);
	return lease;
}

VkReadLease *vk_read_lease_begin(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(VkReadLease) lease = g_new0(VkReadLease, 1);

	lease->lease = begin(vault, key);
	if (key && !check_listed(vault, key, error))
		return NULL;
	return g_steal_pointer(&lease);
}

void vk_read_lease_end(VkReadLease *lease)
{
	if (!lease)
		return;
	vk_lease_end(lease->lease); /* R4 */
	g_free(lease);
}
