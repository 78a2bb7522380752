/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The notes that keep the numbers of chains whose end a collection removes. */
#include "catalog-chain.h"

#include "catalog-priv.h"
#include "chain-memory.h"
#include "checked-json.h"
#include "errors.h"
#include "layout.h"
#include "vault-parts.h"
#include "vault-room.h"

#include <string.h>

#define NOTE_PREFIX "reached-"
#define NOTE_DIGITS 16u

/* The number that a note's name says; 0: it is no note. */
static guint64 note_number(const char *name)
{
	const char *digits = name + strlen(NOTE_PREFIX);

	return g_str_has_prefix(name, NOTE_PREFIX) && strlen(digits) == NOTE_DIGITS &&
			       strspn(digits, "0123456789abcdef") == NOTE_DIGITS
		       ? g_ascii_strtoull(digits, NULL, 16)
		       : 0;
}

static char *note_object(const char *uuid, guint64 number)
{
	return g_strdup_printf(VK_FOLDER_SNAPS "/%s/" NOTE_PREFIX "%016" G_GINT64_MODIFIER "x",
			       uuid, number);
}

/*
 * In an encrypted vault the content shows that somebody with a key has put it, so that a damaged
 * one is none. FALSE: it cannot be known.
 */
static gboolean look_at_note(VkVault *vault, const char *uuid, guint64 number, gboolean *ret_sound)
{
	g_autofree char *name = note_object(uuid, number);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) object = vk_checked_json_get(vault->store, name, &trouble);
	guint64 said;

	*ret_sound = object && vk_json_uint(object, "number", &said, NULL) && said == number;
	return object || g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE);
}

gboolean vk_chain_noted_number(VkVault *vault, const char *uuid, const GPtrArray *names,
			       guint64 *ret)
{
	gboolean known = TRUE, sound;

	*ret = 0;
	for (guint i = 0; known && i < names->len; i++) {
		guint64 number = note_number(g_ptr_array_index(names, i));

		if (number <= *ret)
			continue;
		known = look_at_note(vault, uuid, number, &sound);
		if (sound)
			*ret = number;
	}
	return known;
}

gboolean vk_chain_kept_number(VkVault *vault, const char *uuid, guint64 *ret)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", uuid, NULL);
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, NULL);

	*ret = 0;
	return names && vk_chain_noted_number(vault, uuid, names, ret);
}

/* FALSE: its object cannot be read. *RET is 0 if it has no number. */
static gboolean number_of(VkVault *vault, const VkSnapshotKey *key, guint64 *ret)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, NULL);

	*ret = snapshot ? snapshot->number : 0;
	return snapshot != NULL;
}

static gboolean put_object(VkVault *vault, const char *name, const json_t *object, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (vk_vault_put_json(vault, name, object, VK_PUT_NOW, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

/* Without it somebody may be warned by mistake, but with it no space would come back. */
static gboolean go_without(VkVault *vault, const char *name, GError *trouble, GError **error)
{
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_FULL)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	if (vault->warn)
		vault->warn("the vault is too full for '%s': other hosts may warn that it was put "
			    "back to an earlier state",
			    name);
	g_error_free(trouble);
	return TRUE;
}

/* Lower notes say nothing beside the new one. Those that stay do no harm. */
static gboolean put_note(VkVault *vault, const char *uuid, guint64 number, GError **error)
{
	g_autofree char *name = note_object(uuid, number);
	g_autoptr(json_t) object = json_pack("{s:o}", "number", vk_json_new_uint(number));
	g_autofree char *lower = NULL;
	GError *trouble = NULL;
	guint64 kept;

	vk_chain_kept_number(vault, uuid, &kept);
	if (kept >= number)
		return TRUE;
	if (!put_object(vault, name, object, &trouble))
		return go_without(vault, name, trouble, error);
	lower = kept > 0 ? note_object(uuid, kept) : NULL;
	if (lower)
		vault->store->ops->delete (vault->store, lower, NULL);
	return TRUE;
}

/* What this host has seen of the guest; 0: nothing. */
static guint64 seen_number(VkVault *vault, const char *uuid)
{
	g_autoptr(GPtrArray) ends = vk_chain_memory_read(vault->memory, uuid);

	return ends->len > 0 ? ((const VkChainEnd *)g_ptr_array_index(ends, 0))->number : 0;
}

/*
 * Of the KEYS from number FIRST to END - 1, which are a guest's, in order. After writers who did
 * not know of each other, one that goes may have the highest number though newer ones stay.
 */
static gboolean keep_number(VkVault *vault, const GPtrArray *keys, guint first, guint end,
			    GHashTable *going, GError **error)
{
	const char *uuid = ((const VkSnapshotKey *)g_ptr_array_index(keys, first))->uuid;
	const VkSnapshotKey *newest = NULL; /* that stays */
	guint64 number = 0, stays = 0, one;
	guint unreadable = 0, behind = 0; /* of those that go; behind NEWEST */

	for (guint i = end; i > first; i--) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i - 1);
		g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);

		if (!g_hash_table_contains(going, name)) {
			newest = newest ? newest : key;
			continue;
		}
		if (!number_of(vault, key, &one)) {
			unreadable++;
			behind += !newest;
		}
		number = MAX(number, one);
	}
	if (newest)
		number_of(vault, newest, &stays);
	/* Each had a number of its own, above that of the one that stays. Between them there may
	   have been others. */
	if (stays > 0 && behind > 0)
		number = MAX(number, MIN(stays + behind, VK_CHAIN_NUMBER_MAX));
	if (unreadable > 0)
		number = MAX(number, seen_number(vault, uuid));
	return number <= stays || put_note(vault, uuid, number, error);
}

gboolean vk_chain_keep_numbers(VkVault *vault, GHashTable *going, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);
	guint first = 0;

	for (guint i = 1; keys && i <= keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, first);

		if (i < keys->len &&
		    strcmp(((const VkSnapshotKey *)g_ptr_array_index(keys, i))->uuid, key->uuid) ==
			    0)
			continue;
		if (!keep_number(vault, keys, first, i, going, error))
			return FALSE;
		first = i;
	}
	return keys != NULL;
}
