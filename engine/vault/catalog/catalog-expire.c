/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps are X0 to X7 of tests/model/README.md. */
#include "catalog-expire.h"

#include "catalog-priv.h"
#include "errors.h"
#include "interrupt.h"
#include "lease.h"
#include "lease-list.h"
#include "vault-leases.h"
#include "vault-parts.h"
#include "vault-room.h"

#include <string.h>

/* At the most a minute: a collector looks for leases once it has put its marks on all snapshots. */
#define TRY_USEC (G_USEC_PER_SEC / 5)
#define TRIES    300u

static gboolean has_kind(const GPtrArray *kinds, const char *prefix)
{
	for (guint i = 0; i < kinds->len; i++)
		if (g_str_has_prefix(g_ptr_array_index(kinds, i), prefix))
			return TRUE;
	return FALSE;
}

/* By anybody but OWN (nullable), which is ours. */
static gboolean is_read(VkVault *vault, const VkSnapshotKey *key, const VkLease *own, gboolean *ret,
			GError **error)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autoptr(GPtrArray) leases = vk_leases_list(vault->store, error);

	*ret = FALSE;
	for (guint i = 0; leases && i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		*ret = *ret || (!lease->ended && vk_lease_info_reads(lease, name) &&
				(!own || strcmp(lease->id, vk_lease_id(own)) != 0));
	}
	return leases != NULL;
}

/* X3 to X5, each with a look of its own, because the marks are put before others look. */
static gboolean may_go(VkVault *vault, const VkSnapshotKey *key, const VkLease *own, gboolean *ret,
		       GError **error)
{
	g_autoptr(GPtrArray) first = vk_catalog_look(vault, key, error);
	g_autoptr(GPtrArray) second = first ? vk_catalog_look(vault, key, error) : NULL;
	g_autoptr(GPtrArray) third = second ? vk_catalog_look(vault, key, error) : NULL;
	gboolean read;

	if (!third || !is_read(vault, key, own, &read, error))
		return FALSE;
	*ret = !has_kind(first, VK_MARK_BACK) && vk_marks_have(second, VK_MARK_FORGOTTEN) &&
	       !has_kind(third, VK_MARK_PIN) && !read;
	return TRUE;
}

/* X2 to X6. A mark of one who died on the way keeps the snapshot hidden until it is collected. */
static gboolean decide(VkVault *vault, const VkSnapshotKey *key, const VkLease *own,
		       gboolean *ret_done, GError **error)
{
	g_autofree char *mark = vk_catalog_new_mark(VK_MARK_EXPIRING);
	gboolean decided;

	if (!vk_catalog_put_mark(vault, key, mark, NULL, error))
		return FALSE;
	decided = may_go(vault, key, own, ret_done, error) &&
		  (!*ret_done || vk_catalog_put_mark(vault, key, VK_MARK_EXPIRED, NULL, error));
	*ret_done = *ret_done && decided;
	return vk_catalog_delete_mark(vault, key, mark, decided ? error : NULL) && decided;
}

/* One that is read or pinned stays listed: the next one who comes tries again. */
static gboolean is_held(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds,
			const VkLease *own, gboolean *ret, GError **error)
{
	g_autoptr(VkPin) pin = vk_catalog_find_pin(vault, key, kinds);

	*ret = pin != NULL;
	return pin || is_read(vault, key, own, ret, error);
}

/* X1 to X6. */
static gboolean forget_and_decide(VkVault *vault, const VkSnapshotKey *key, const VkLease *own,
				  gboolean *ret_done, GError **error)
{
	return vk_catalog_forget(vault, key, "its copies on arrays expired", error) &&
	       decide(vault, key, own, ret_done, error);
}

static void say_why_not(const VkSnapshotKey *key, GError *trouble, GError **error)
{
	g_autofree char *name = g_strdup_printf("%s@%s", key->uuid, key->time);

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		g_propagate_prefixed_error(
			error, trouble, "'%s' is still needed, but cannot be listed again: ", name);
	else
		g_propagate_prefixed_error(
			error, trouble,
			"'%s' is still needed, but it stays forgotten; run 'virtkeep unforget "
			"%s': ",
			name, name);
}

/* A collector that has come since X0 is in the way until it finds our lease (D5). */
static gboolean list_again(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	for (guint i = 1;; i++) {
		GError *trouble = NULL;

		if (vk_catalog_unforget(vault, key, &trouble))
			return TRUE;
		if (i == TRIES || vk_interrupted() ||
		    !g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY)) {
			say_why_not(key, trouble, error);
			return FALSE;
		}
		g_error_free(trouble);
		vk_vault_clear_leases(vault);
		g_usleep(TRY_USEC);
	}
}

/*
 * X7. With *RET_DONE nobody can begin a copy any more, but one may have been committed before X1.
 * Without it whoever holds the snapshot may be about to commit one, or another one who expires it
 * has been faster.
 */
static gboolean list_what_stays(VkVault *vault, const VkSnapshotKey *key, VkSnapshot *snapshot,
				gboolean *ret_done, GError **error)
{
	gboolean copied;
	GError *trouble = NULL;

	if (!vk_catalog_load_copies(vault, snapshot, error))
		return FALSE;
	copied = vk_snapshot_is_in_vault(snapshot);
	if (*ret_done && !copied)
		return TRUE;
	*ret_done = FALSE;
	if (list_again(vault, key, &trouble))
		return TRUE;
	if (!copied && g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		g_error_free(trouble);
		return TRUE;
	}
	g_propagate_error(error, trouble);
	return FALSE;
}

gboolean vk_catalog_expire(VkVault *vault, const VkSnapshotKey *key, VkSnapshot *snapshot,
			   gboolean *ret_done, GError **error)
{
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	const char *const names[] = {object, NULL};
	g_autoptr(VkLease) own = NULL;
	g_autoptr(GPtrArray) kinds = NULL;
	gboolean held;

	*ret_done = FALSE;
	/* X0. Without it a collection that comes now would remove what X7 lists again. */
	own = vk_vault_begin_lease(vault, VK_LEASE_READ, names, error);
	kinds = own ? vk_catalog_look(vault, key, error) : NULL;
	if (!kinds || !is_held(vault, key, kinds, own, &held, error))
		return FALSE;
	return held || (forget_and_decide(vault, key, own, ret_done, error) &&
			list_what_stays(vault, key, snapshot, ret_done, error));
}

gboolean vk_catalog_is_read(VkVault *vault, const VkSnapshotKey *key, gboolean *ret, GError **error)
{
	return is_read(vault, key, NULL, ret, error);
}
