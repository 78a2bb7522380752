/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Forgetting, the way back, and removing. Nothing is locked: each side first puts its own mark and
 * then looks for the marks of the other side, so that of two that meet one sees the other. The
 * steps are those of tests/model/README.md.
 */
#include "catalog-priv.h"

#include "errors.h"
#include "layout.h"
#include "timestamp.h"
#include "vault-parts.h"

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

/* Whether the collector may still remove what it marked: its lease has not ended, for all we know.
 */
static gboolean is_at_work(VkVault *vault, const char *collector)
{
	g_autofree char *end = g_strdup_printf(VK_FOLDER_LEASES "/%s.end", collector);
	guint64 size;

	return !vault->store->ops->head(vault->store, end, &size, NULL, NULL);
}

static gboolean refuse_going(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);

	for (guint i = 0; kinds && i < kinds->len; i++) {
		const char *kind = g_ptr_array_index(kinds, i);

		if (g_str_has_prefix(kind, VK_MARK_GOING) &&
		    is_at_work(vault, kind + strlen(VK_MARK_GOING)))
			return vk_fail(error, VK_ERROR_NOT_FOUND,
				       "the snapshot '%s@%s' cannot be listed again: the garbage "
				       "collection of the vault '%s' already removes it",
				       key->uuid, key->time, vk_vault_url(vault));
	}
	return kinds != NULL;
}

gboolean vk_catalog_unforget(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autofree char *back = vk_catalog_new_mark(VK_MARK_BACK);
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);
	g_autoptr(GError) trouble = NULL;
	gboolean done;

	if (!kinds)
		return FALSE;
	if (!vk_marks_have(kinds, VK_MARK_FORGOTTEN))
		return TRUE;
	/* U1 */
	if (!vk_catalog_put_mark(vault, key, back, NULL, error))
		return FALSE;
	/* U2, U3. Until then it is hidden, whoever wins. */
	done = refuse_going(vault, key, error) &&
	       vk_catalog_delete_mark(vault, key, VK_MARK_FORGOTTEN, error);
	/* U4. One that stays keeps the snapshot from being removed. */
	if (!vk_catalog_delete_mark(vault, key, back, &trouble) && vault->warn)
		vault->warn("a mark keeps the snapshot '%s@%s' from being removed: %s", key->uuid,
			    key->time, trouble->message);
	return done;
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
