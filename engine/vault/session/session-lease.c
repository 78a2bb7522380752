/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session's part in tests/model/README.md: its leases, and what may be referred to under one. A
 * lease commits once. So the next save or commit after a commit begins a lease anew, and what was
 * saved before is worth nothing then: nobody held it meanwhile.
 */
#include "session-priv.h"

#include "catalog.h"
#include "errors.h"
#include "vault-leases.h"

/* What was known before the lease says nothing any more. */
static void forget_findings(VkSession *session)
{
	session->lease_epoch = ++session->epoch;
	g_hash_table_remove_all(session->seen);
	for (guint i = 0; i < session->n_workers; i++)
		g_clear_pointer(&session->workers[i].followed, vk_pack_table_unref);
}

/* W2. What a collector of this host announced that has died since does not count for long. */
static VkAnnouncement *load_condemned(VkVault *vault, GError **error)
{
	g_autoptr(VkAnnouncement) condemned = vk_announcements_load(vault->store, error);

	if (!condemned || vk_announcement_is_empty(condemned))
		return g_steal_pointer(&condemned);
	vk_vault_clear_leases(vault);
	return vk_announcements_load(vault->store, error);
}

gboolean vk_session_ensure_lease(VkSession *session, GError **error)
{
	VkStore *store = session->vault->store;
	g_autoptr(VkAnnouncement) condemned = NULL;
	VkLease *lease;

	if (session->lease)
		return TRUE;
	lease = vk_lease_begin(store, VK_LEASE_WRITE, NULL, error); /* W1 */
	if (!lease)
		return FALSE;
	condemned = load_condemned(session->vault, error);
	if (!condemned) {
		vk_lease_end(lease);
		return FALSE;
	}
	vk_announcement_free(session->condemned);
	session->condemned = g_steal_pointer(&condemned);
	session->lease = lease;
	forget_findings(session);
	return TRUE;
}

/* What W6 has seen of others may be of the dead. */
void vk_session_end_lease(VkSession *session)
{
	gboolean has_company = session->lease && vk_lease_has_company(session->lease);

	vk_lease_end(g_steal_pointer(&session->lease)); /* W8 */
	if (has_company)
		vk_vault_clear_leases(session->vault);
}

/* W3 */
gboolean vk_session_check_parent(VkSession *session, const VkSnapshot *parent, GError **error)
{
	g_autoptr(GPtrArray) keys = NULL;

	if (!vk_session_ensure_lease(session, error))
		return FALSE;
	keys = parent ? vk_catalog_list(session->vault, parent->uuid, error) : NULL;
	if (!parent || (keys && vk_catalog_has_id(keys, parent->id)))
		return TRUE;
	return keys && vk_fail(error, VK_ERROR_BUSY,
			       "the snapshot '%s@%s', which this one would build on, was forgotten "
			       "a moment ago; run it again",
			       parent->name, parent->time);
}

/*
 * Looks for a pack with all others of its folder. By a listing, for that is what a store promises
 * to be true at the moment. A name that is looked up may be answered by what the kernel remembers
 * of an NFS server.
 */
static void look_for(VkSession *session, const char *object)
{
	VkStore *store = session->vault->store;
	g_autofree char *folder = g_path_get_dirname(object);
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, NULL);

	g_mutex_lock(&session->seen_mutex);
	for (guint i = 0; names && i < names->len; i++)
		g_hash_table_insert(session->seen, g_build_filename(folder, names->pdata[i], NULL),
				    GINT_TO_POINTER(TRUE));
	if (!g_hash_table_contains(session->seen, object))
		g_hash_table_insert(session->seen, g_strdup(object), GINT_TO_POINTER(FALSE));
	g_mutex_unlock(&session->seen_mutex);
}

static gboolean find_seen(VkSession *session, const char *object, gpointer *ret)
{
	gboolean known;

	g_mutex_lock(&session->seen_mutex);
	known = g_hash_table_lookup_extended(session->seen, object, NULL, ret);
	g_mutex_unlock(&session->seen_mutex);
	return known;
}

/*
 * Whether this generation of the pack was seen in the vault since the lease began. Another
 * generation may lack the slot. One that came after its folder was listed, as the session's own do,
 * has the folder listed once more.
 */
static gboolean is_seen(VkSession *session, const VkPackTable *table)
{
	gpointer seen = NULL;

	if (!find_seen(session, table->object, &seen)) {
		look_for(session, table->object);
		find_seen(session, table->object, &seen);
	}
	return GPOINTER_TO_INT(seen);
}

/* W4 */
gboolean vk_session_may_refer(VkSession *session, const VkPackTable *table, guint32 slot)
{
	return !vk_announcement_has(session->condemned, &table->id, slot) &&
	       is_seen(session, table);
}

/* W6 */
gboolean vk_session_check_fence(VkSession *session, GError **error)
{
	gboolean fenced;

	if (!vk_lease_is_fenced(session->lease, &fenced, error))
		return FALSE;
	return !fenced || vk_fail(error, VK_ERROR_BUSY,
				  "somebody took this backup into the vault '%s' for dead: a "
				  "garbage collection, or 'virtkeep doctor'; nothing was saved; "
				  "run it again",
				  vk_vault_url(session->vault));
}
