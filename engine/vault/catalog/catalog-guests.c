/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guests of a catalogue: their names, and snapshots found by what people write. */
#include "catalog-priv.h"

#include "errors.h"
#include "suggest.h"
#include "timestamp.h"

#include <string.h>

#define FILE_NAME_MAX 255

static void guest_free(gpointer data)
{
	VkCatalogGuest *guest = data;

	g_free(guest->uuid);
	g_free(guest->name);
	g_free(guest->view_name);
	g_clear_pointer(&guest->keys, g_ptr_array_unref);
	g_free(guest);
}

/* NAME without what a file name may not have, and SUFFIX: at most 255 bytes of valid UTF-8. */
static char *safe_name(const char *name, const char *suffix)
{
	gsize room = FILE_NAME_MAX - strlen(suffix);
	GString *safe = g_string_new(NULL);
	g_autofree char *valid = g_utf8_make_valid(name, -1);

	if (strcmp(valid, ".") == 0 || strcmp(valid, "..") == 0)
		g_string_append_c(safe, '_');
	for (char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar letter = g_utf8_get_char(at);
		gsize length = (gsize)(g_utf8_next_char(at) - at);

		if (letter == '/' || g_unichar_iscntrl(letter)) {
			letter = '_';
			length = 1;
		}
		if (safe->len + length > room)
			break;
		g_string_append_unichar(safe, letter);
	}
	g_string_append(safe, suffix);
	return g_string_free(safe, FALSE);
}

/* The view name number LEVEL of a guest: plain, with 8 digits of the uuid, with all of it. */
static char *name_at_level(const VkCatalogGuest *guest, guint level)
{
	g_autofree char *suffix = NULL;

	if (level == 0)
		return safe_name(guest->name, "");
	suffix = g_strdup_printf("~%.*s", level == 1 ? 8 : (int)strlen(guest->uuid), guest->uuid);
	return safe_name(guest->name, suffix);
}

/*
 * Guests with the same view name go to the next level together, until no two are alike. A third
 * guest may be called like another's longer name, so one pass is not enough; full uuids differ, so
 * it ends.
 */
static void set_view_names(GPtrArray *guests)
{
	g_autofree guint *levels = g_new0(guint, guests->len);
	gboolean again = TRUE;

	for (guint i = 0; i < guests->len; i++) {
		VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		guest->view_name = name_at_level(guest, 0);
	}
	while (again) {
		g_autoptr(GHashTable) first = g_hash_table_new(g_str_hash, g_str_equal);
		g_autofree gboolean *alike = g_new0(gboolean, guests->len);

		again = FALSE;
		for (guint i = 0; i < guests->len; i++) {
			VkCatalogGuest *guest = g_ptr_array_index(guests, i);
			gpointer other = g_hash_table_lookup(first, guest->view_name);

			if (!other) {
				g_hash_table_insert(first, guest->view_name,
						    GUINT_TO_POINTER(i + 1));
				continue;
			}
			alike[i] = alike[GPOINTER_TO_UINT(other) - 1] = TRUE;
			again = TRUE;
		}
		for (guint i = 0; i < guests->len; i++) {
			VkCatalogGuest *guest = g_ptr_array_index(guests, i);

			if (!alike[i] || levels[i] == 2)
				continue;
			g_free(guest->view_name);
			guest->view_name = name_at_level(guest, ++levels[i]);
		}
	}
}

static gint compare_guests(gconstpointer a, gconstpointer b)
{
	const VkCatalogGuest *left = *(const VkCatalogGuest *const *)a;
	const VkCatalogGuest *right = *(const VkCatalogGuest *const *)b;

	return strcmp(left->view_name, right->view_name);
}

static VkCatalogGuest *guest_new(const char *uuid)
{
	VkCatalogGuest *guest = g_new0(VkCatalogGuest, 1);

	guest->uuid = g_strdup(uuid);
	return guest;
}

GPtrArray *vk_catalog_guest_names(VkVault *vault, gboolean forgotten, GError **error)
{
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(guest_free);
	g_autoptr(GPtrArray) uuids = vk_catalog_uuids(vault, error);

	if (!uuids)
		return NULL;
	for (guint i = 0; i < uuids->len; i++) {
		const char *uuid = g_ptr_array_index(uuids, i);
		VkCatalogGuest *guest;
		char *name = NULL;

		if (!vk_catalog_name_guest(vault, uuid, forgotten, &name, error))
			return NULL;
		if (!name)
			continue;
		guest = guest_new(uuid);
		guest->name = name;
		g_ptr_array_add(guests, guest);
	}
	vk_catalog_tidy_guests(vault, uuids);
	set_view_names(guests);
	g_ptr_array_sort(guests, compare_guests);
	return g_steal_pointer(&guests);
}

static GPtrArray *list_guest(VkVault *vault, const char *uuid, gboolean forgotten, GError **error)
{
	return forgotten ? vk_catalog_list_all(vault, uuid, error)
			 : vk_catalog_list(vault, uuid, error);
}

/* A guest whose last snapshot went a moment ago is left out. */
static GPtrArray *list_guests(VkVault *vault, gboolean forgotten, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guest_names(vault, forgotten, error);

	for (guint i = guests ? guests->len : 0; i > 0; i--) {
		VkCatalogGuest *guest = g_ptr_array_index(guests, i - 1);

		guest->keys = list_guest(vault, guest->uuid, forgotten, error);
		if (!guest->keys)
			return NULL;
		if (guest->keys->len == 0)
			g_ptr_array_remove_index(guests, i - 1);
	}
	return g_steal_pointer(&guests);
}

GPtrArray *vk_catalog_guests(VkVault *vault, GError **error)
{
	return list_guests(vault, FALSE, error);
}

GPtrArray *vk_catalog_guests_all(VkVault *vault, GError **error)
{
	return list_guests(vault, TRUE, error);
}

static gboolean fail_ambiguous(const GPtrArray *guests, const char *name, GError **error)
{
	g_autoptr(GString) choice = g_string_new(NULL);

	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (strcmp(guest->name, name) == 0)
			g_string_append_printf(choice, "%s'%s'", choice->len ? " or " : "",
					       guest->view_name);
	}
	return vk_fail(error, VK_ERROR_USAGE, "there is more than one guest named '%s'; write %s",
		       name, choice->str);
}

/* A guest none of whose objects can be read might be the one meant. */
static gboolean fail_unknown(VkVault *vault, const GPtrArray *guests, const char *name,
			     GError **error)
{
	g_autoptr(GString) nameless = g_string_new(NULL);
	VkSuggest *suggest = vk_suggest_new(name);
	g_autofree char *meant = NULL;

	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (strcmp(guest->name, guest->uuid) == 0)
			g_string_append_printf(nameless, "%s%s", nameless->len ? ", " : "",
					       guest->uuid);
		else
			vk_suggest_offer(suggest, guest->view_name);
	}
	meant = vk_suggest_end(suggest);
	if (nameless->len > 0)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "the vault '%s' has no readable guest '%s', but guests whose "
			       "snapshots are all damaged: %s; 'virtkeep verify' shows more",
			       vk_vault_url(vault), name, nameless->str);
	return vk_fail(error, VK_ERROR_NOT_FOUND, "the vault '%s' has no guest '%s'%s",
		       vk_vault_url(vault), name,
		       *meant ? meant : "; 'virtkeep list' shows its guests");
}

const VkCatalogGuest *vk_catalog_find_guest(VkVault *vault, const GPtrArray *guests,
					    const char *name, GError **error)
{
	const VkCatalogGuest *found = NULL;
	guint matches = 0;

	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (strcmp(guest->view_name, name) == 0 ||
		    g_ascii_strcasecmp(guest->uuid, name) == 0)
			return guest;
		if (strcmp(guest->name, name) == 0) {
			found = guest;
			matches++;
		}
	}
	if (matches > 1) {
		fail_ambiguous(guests, name, error);
		return NULL;
	}
	if (!found)
		fail_unknown(vault, guests, name, error);
	return found;
}

static VkSnapshotKey *find_at(VkVault *vault, const GPtrArray *keys, const char *guest,
			      const char *time, GError **error)
{
	const VkSnapshotKey *key;
	VkWhen when;

	if (!vk_when_parse(time, g_get_real_time() / G_USEC_PER_SEC, &when, error))
		return NULL;
	if (when.kind == VK_WHEN_LATEST || when.kind == VK_WHEN_BACK)
		vk_catalog_warn_ahead(vault, g_ptr_array_index(keys, keys->len - 1), guest);
	key = vk_choose_snapshot(keys, &when, time, guest, error);
	if (key)
		return vk_snapshot_key_copy(key);
	g_prefix_error(error, "in the vault '%s' ", vk_vault_url(vault));
	return NULL;
}

/* The keys of the guest that NAME means, at least one. */
static GPtrArray *find_keys(VkVault *vault, const char *name, gboolean forgotten, GError **error)
{
	/* A uuid needs no other guest's objects. */
	g_autofree char *uuid = g_ascii_strdown(name, -1);
	g_autoptr(GPtrArray) keys = list_guest(vault, uuid, forgotten, error);
	g_autoptr(GPtrArray) guests = NULL;
	const VkCatalogGuest *guest;

	if (!keys || keys->len > 0)
		return g_steal_pointer(&keys);
	guests = vk_catalog_guest_names(vault, forgotten, error);
	guest = guests ? vk_catalog_find_guest(vault, guests, name, error) : NULL;
	if (!guest)
		return NULL;
	g_ptr_array_unref(keys);
	keys = list_guest(vault, guest->uuid, forgotten, error);
	if (!keys || keys->len > 0)
		return g_steal_pointer(&keys);
	vk_fail(error, VK_ERROR_NOT_FOUND, "the vault '%s' has no snapshot of '%s' any more",
		vk_vault_url(vault), name);
	return NULL;
}

static VkSnapshotKey *find(VkVault *vault, gboolean forgotten, const char *reference,
			   GError **error)
{
	g_autofree char *name = NULL, *time = NULL;
	g_autoptr(GPtrArray) keys = NULL;

	if (!vk_snapshot_name_parse(reference, &name, &time, error))
		return NULL;
	keys = find_keys(vault, name, forgotten, error);
	return keys ? find_at(vault, keys, name, time, error) : NULL;
}

VkSnapshotKey *vk_catalog_find_key(VkVault *vault, const char *reference, GError **error)
{
	return find(vault, FALSE, reference, error);
}

VkSnapshotKey *vk_catalog_find_key_all(VkVault *vault, const char *reference, GError **error)
{
	return find(vault, TRUE, reference, error);
}

VkSnapshot *vk_catalog_find(VkVault *vault, const char *reference, GError **error)
{
	g_autoptr(VkSnapshotKey) key = vk_catalog_find_key(vault, reference, error);

	return key ? vk_catalog_load(vault, key, error) : NULL;
}
