/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-parts.h"

#include "errors.h"
#include "json.h"
#include "layout.h"
#include "log.h"
#include "mend-log.h"
#include "checked-json.h"
#include "sealed-store.h"
#include "timestamp.h"
#include "vault-key.h"
#include "vault-room.h"
#include "vault-place.h"
#include "window-store.h"

#include <string.h>

#define COMPRESSION_LEVEL 1

/* A collector may work on the vault: who knows of none must not write. */
#define FEATURE_COLLECTION "collection"

/* Packs have parity: who does not know it would write packs without. */
#define FEATURE_PARITY "parity"

/* The member of vault.json with what the store has found out. */
#define TRAITS "store"

static const char *const known_incompat[] = {NULL};
static const char *const known_ro_compat[] = {FEATURE_COLLECTION, FEATURE_PARITY, NULL};

char *vk_vault_url_place(const char *url, GError **error)
{
	return vk_vault_place_parse(url, error);
}

void vk_chain_link_free(VkChainLink *link)
{
	if (!link)
		return;
	g_free(link->id);
	g_free(link->sum);
	g_free(link);
}

static void free_link(gpointer link)
{
	vk_chain_link_free(link);
}

static VkVault *vault_new(VkStore *store, const char *place)
{
	gboolean is_directory = vk_vault_place_is_directory(place);
	VkVault *vault = g_new0(VkVault, 1);

	g_mutex_init(&vault->mutex);
	g_mutex_init(&vault->links_mutex);
	vault->links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_link);
	if (!is_directory)
		vault->windows = vk_window_store_new(store);
	vault->store = vault->outside = is_directory ? store : vault->windows;
	vault->context.mend_log = vk_mend_log_new();
	vault->may_put = TRUE;
	vault->place = g_strdup(place);
	vault->directory = is_directory ? g_strdup(place) : NULL;
	vault->url = g_strconcat(is_directory ? "dir:" : "", place, NULL);
	return vault;
}

static void set_id(VkVault *vault, const VkPackId *id)
{
	memcpy(vault->context.vault_id, id->bytes, VK_ID_SIZE);
	vk_pack_id_format(id, vault->id_hex);
}

/* Takes KEYRING over: from now on all that is put into the vault is sealed. */
static void take_keys(VkVault *vault, VkKeyring *keyring)
{
	vault->keyring = keyring;
	vault->context.keyring = keyring;
	vault->store = vk_sealed_store_new(vault->outside, keyring);
}

/* Once it is known what the vault is. */
static void add_caches(VkVault *vault)
{
	vault->packs = vk_pack_cache_new(vault->store, &vault->context);
	vault->blocks = vk_block_cache_new(vault->packs);
}

static json_t *describe(const VkVault *vault)
{
	g_autofree char *created = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
	const char *parity = vault->context.parity ? FEATURE_PARITY : NULL;
	const VkStoreOps *ops = vault->outside->ops;
	json_t *traits = ops->get_traits ? ops->get_traits(vault->outside) : NULL;
	json_t *object =
		json_pack("{s:i, s:s, s:s, s:i, s:i, s:s, s:i, s:s, s:{s:[], s:[s, s*], s:[]}}",
			  "format", VK_FORMAT_VERSION, "id", vault->id_hex, "created", created,
			  "block_log2", VK_BLOCK_LOG2, "pack_log2", VK_PACK_LOG2, "compression",
			  "zstd", "compression_level", COMPRESSION_LEVEL, "cipher",
			  vault->keyring ? VK_CIPHER_WORD : VK_CIPHER_WORD_NONE, "features",
			  "incompat", "ro_compat", FEATURE_COLLECTION, parity, "compat");

	if (traits)
		json_object_set_new(object, TRAITS, traits);
	if (vault->keyring)
		vk_vault_sign_description(vault->keyring, object);
	return object;
}

static gboolean is_ours(const char *name)
{
	gsize length = strlen(name);

	for (const char *const *folder = vk_vault_folders; *folder; folder++)
		if (length == strlen(*folder) + 1 && g_str_has_prefix(name, *folder) &&
		    name[length - 1] == '/')
			return TRUE;
	return strcmp(name, "lost+found/") == 0;
}

/* An interrupted init leaves some of the folders without vault.json: that may be completed. */
static gboolean may_become_vault(VkStore *store, const char *place, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, ".", error);

	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];

		if (strcmp(name, VK_VAULT_OBJECT) == 0)
			return vk_fail(error, VK_ERROR_EXISTS, "'%s' is a vault already", place);
		if (!is_ours(name))
			return vk_fail(error, VK_ERROR_EXISTS,
				       "'%s' is not empty ('%s' is there); name a new %s", place,
				       name,
				       vk_vault_place_is_directory(place) ? "directory" : "prefix");
	}
	return TRUE;
}

static gboolean check_free(const char *place, GError **error)
{
	VkStore *store;
	gboolean is_free;

	if (!vk_vault_place_exists(place))
		return TRUE;
	store = vk_vault_place_open(place, FALSE, error);
	if (!store)
		return FALSE;
	is_free = may_become_vault(store, place, error);
	store->ops->free(store);
	return is_free;
}

VkVault *vk_vault_init_as(const char *url, const VkNewVault *how, GError **error)
{
	g_autofree char *place = vk_vault_place_parse(url, error);
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(json_t) object = NULL;
	VkStore *store;
	VkPackId id = vk_pack_id_random();

	if (!place || !check_free(place, error))
		return NULL;
	store = vk_vault_place_open(place, TRUE, error);
	if (!store)
		return NULL;
	vault = vault_new(store, place);
	set_id(vault, &id);
	vault->context.parity = how->parity;
	if (how->key) {
		VkKeyring *keyring =
			vk_vault_make_keys(vault->outside, id.bytes, how->key, &vault->slot, error);

		if (!keyring)
			return NULL;
		take_keys(vault, keyring);
	}
	add_caches(vault);
	object = describe(vault);
	vault->compression_level = COMPRESSION_LEVEL;
	if (!vk_checked_json_put(vault->outside, VK_VAULT_OBJECT, object, VK_PUT_NOW, error) ||
	    !vk_vault_place_sync(place, error))
		return NULL;
	vk_vault_fill_reserve(vault);
	return g_steal_pointer(&vault);
}

VkVault *vk_vault_init(const char *url, GError **error)
{
	const VkNewVault how = {0};

	return vk_vault_init_as(url, &how, error);
}

/* KNOWN: those of the set that this version knows; NULL at the end. */
static gboolean refuse_unknown_features(const char *place, const json_t *features, const char *set,
					const char *const *known, const char *what, GError **error)
{
	json_t *names;
	json_t *name;
	size_t i;

	if (!vk_json_array(features, set, &names, error))
		return FALSE;
	json_array_foreach (names, i, name) {
		const char *text = json_string_value(name);

		if (!text || !g_strv_contains(known, text))
			return vk_fail(error, VK_ERROR_FAILED,
				       "the vault '%s' has the feature '%s', which this virtkeep "
				       "does not know: %s it with a newer one",
				       place, text ? text : "?", what);
	}
	return TRUE;
}

static gboolean has_feature(const json_t *names, const char *feature)
{
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name)
		if (g_strcmp0(json_string_value(name), feature) == 0)
			return TRUE;
	return FALSE;
}

static gboolean read_description(VkVault *vault, const json_t *object, VkVaultMode mode,
				 const char **ret_cipher, GError **error)
{
	guint64 format, block_log2, pack_log2, level;
	const char *id_text, *compression;
	json_t *features;
	VkPackId id;

	if (!vk_json_uint(object, "format", &format, error))
		return FALSE;
	if (format > VK_FORMAT_VERSION)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the vault '%s' has format %" G_GUINT64_FORMAT
			       ", this virtkeep knows %d: use a newer one",
			       vault->place, format, VK_FORMAT_VERSION);
	if (!vk_json_object(object, "features", &features, error) ||
	    !refuse_unknown_features(vault->place, features, "incompat", known_incompat, "open",
				     error))
		return FALSE;
	vault->may_put =
		refuse_unknown_features(vault->place, features, "ro_compat", known_ro_compat,
					"write", mode == VK_VAULT_WRITE ? error : NULL);
	if (mode == VK_VAULT_WRITE && !vault->may_put)
		return FALSE;
	vault->context.parity = has_feature(json_object_get(features, "ro_compat"), FEATURE_PARITY);
	if (!vk_json_string(object, "id", &id_text, error) ||
	    !vk_json_uint(object, "block_log2", &block_log2, error) ||
	    !vk_json_uint(object, "pack_log2", &pack_log2, error) ||
	    !vk_json_string(object, "compression", &compression, error) ||
	    !vk_json_uint(object, "compression_level", &level, error) ||
	    !vk_json_string(object, "cipher", ret_cipher, error))
		return FALSE;
	if (!vk_pack_id_parse(id_text, &id) || block_log2 != VK_BLOCK_LOG2 ||
	    pack_log2 != VK_PACK_LOG2 || strcmp(compression, "zstd") != 0 || level > 19)
		return vk_fail(error, VK_ERROR_DAMAGE, "'%s/" VK_VAULT_OBJECT "' is damaged",
			       vault->place);
	vault->compression_level = (int)level;
	set_id(vault, &id);
	if (vault->outside->ops->set_traits)
		vault->outside->ops->set_traits(vault->outside, json_object_get(object, TRAITS));
	return TRUE;
}

/* Gets the keys that CIPHER needs. */
static gboolean unlock_vault(VkVault *vault, const json_t *object, VkVaultMode mode,
			     const char *cipher, const VkUnlock *unlock, GError **error)
{
	VkKeyring *keyring;

	if (strcmp(cipher, VK_CIPHER_WORD_NONE) == 0)
		return TRUE;
	if (strcmp(cipher, VK_CIPHER_WORD) != 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the vault '%s' is encrypted with '%s': use a newer virtkeep",
			       vault->place, cipher);
	if (mode == VK_VAULT_OUTSIDE) {
		vault->context.is_locked = TRUE;
		vault->may_put = FALSE;
		return TRUE;
	}
	keyring = vk_vault_ask_for_keys(vault->outside, vault->place, vault->context.vault_id,
					unlock, &vault->slot, error);
	if (!keyring)
		return FALSE;
	take_keys(vault, keyring);
	if (!vk_vault_check_signature(keyring, object, vault->place, error))
		return FALSE;
	return mode == VK_VAULT_READ || vk_keyring_role(keyring) != VK_ROLE_RESTORE ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the key in use for the vault '%s' is of role restore: it may only read",
		       vault->place);
}

VkVault *vk_vault_open_locked(const char *url, VkVaultMode mode, const VkUnlock *unlock,
			      GError **error)
{
	g_autofree char *place = vk_vault_place_parse(url, error);
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(json_t) object = NULL;
	g_autoptr(GError) trouble = NULL;
	const char *cipher;
	VkStore *store;

	if (!place)
		return NULL;
	if (!vk_vault_place_exists(place)) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "there is no vault '%s'", place);
		return NULL;
	}
	store = vk_vault_place_open(place, FALSE, error);
	if (!store)
		return NULL;
	vault = vault_new(store, place);
	object = vk_checked_json_get(vault->outside, VK_VAULT_OBJECT, &trouble);
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"'%s' is not a vault: it has no " VK_VAULT_OBJECT, place);
		return NULL;
	}
	if (!object) {
		g_propagate_prefixed_error(error, g_steal_pointer(&trouble),
					   "the vault '%s': ", place);
		return NULL;
	}
	if (!read_description(vault, object, mode, &cipher, error) ||
	    /* The user learns it before any guest is touched, not when the first pack is full. */
	    (mode == VK_VAULT_WRITE && !vk_vault_place_may_write(place, error)) ||
	    !unlock_vault(vault, object, mode, cipher, unlock, error))
		return NULL;
	add_caches(vault);
	vk_log_debug("the vault is '%s', with the id %s", place, vk_vault_id(vault));
	return g_steal_pointer(&vault);
}

VkVault *vk_vault_open(const char *url, VkVaultMode mode, GError **error)
{
	return vk_vault_open_locked(url, mode, NULL, error);
}

const VkKeyring *vk_vault_keyring(const VkVault *vault)
{
	return vault->keyring;
}

gboolean vk_vault_is_encrypted(const VkVault *vault)
{
	return vk_pack_context_is_sealed(&vault->context);
}

gboolean vk_vault_take_over(VkVault *vault, gboolean *ret_done, GError **error)
{
	g_autoptr(json_t) object = vk_checked_json_get(vault->store, VK_VAULT_OBJECT, error);
	json_t *features, *names;

	*ret_done = FALSE;
	if (!object ||
	    (vault->keyring &&
	     !vk_vault_check_signature(vault->keyring, object, vault->place, error)) ||
	    !vk_json_object(object, "features", &features, error) ||
	    !vk_json_array(features, "ro_compat", &names, error))
		return FALSE;
	if (has_feature(names, FEATURE_COLLECTION))
		return TRUE;
	json_array_append_new(names, json_string(FEATURE_COLLECTION));
	if (vault->keyring)
		vk_vault_sign_description(vault->keyring, object);
	*ret_done = vk_vault_put_json(vault, VK_VAULT_OBJECT, object, VK_PUT_OVER, error);
	return *ret_done;
}

void vk_vault_free(VkVault *vault)
{
	if (!vault)
		return;
	g_clear_pointer(&vault->catalog, vk_catalog_cache_free);
	g_clear_pointer(&vault->memory, vk_chain_memory_free);
	g_clear_pointer(&vault->blocks, vk_block_cache_free);
	g_clear_pointer(&vault->packs, vk_pack_cache_free);
	vault->store->ops->free(vault->store);
	vk_keyring_free(vault->keyring);
	vk_mend_log_free(vault->context.mend_log);
	g_hash_table_unref(vault->links);
	g_mutex_clear(&vault->links_mutex);
	g_mutex_clear(&vault->mutex);
	g_free(vault->slot);
	g_free(vault->directory);
	g_free(vault->place);
	g_free(vault->url);
	g_free(vault);
}

const char *vk_vault_id(const VkVault *vault)
{
	return vault->id_hex;
}

const char *vk_vault_url(const VkVault *vault)
{
	return vault->url;
}

const char *vk_vault_place(const VkVault *vault)
{
	return vault->place;
}

const char *vk_vault_directory(const VkVault *vault)
{
	return vault->directory;
}

VkHintsPlace vk_vault_hints_place(const VkVault *vault)
{
	return (VkHintsPlace){.store = vault->store,
			      .packs = vault->packs,
			      .context = &vault->context,
			      .directory = vault->directory};
}

gboolean vk_vault_check_unlocked(const VkVault *vault, GError **error)
{
	return vault->keyring || !vk_vault_is_encrypted(vault) ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the vault '%s' is open without a key: its blocks can be neither read nor "
		       "stored",
		       vault->url);
}

gboolean vk_vault_may_read_blocks(const VkVault *vault, GError **error)
{
	if (!vk_vault_check_unlocked(vault, error))
		return FALSE;
	return !vault->keyring || vk_keyring_get(vault->keyring, VK_KEY_BLOCKS) ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the key in use for the vault '%s' is of role %s: it opens no blocks",
		       vault->place, vk_role_word(vk_keyring_role(vault->keyring)));
}

const VkKey *vk_vault_id_key(const VkVault *vault)
{
	return vault->keyring ? vk_keyring_get(vault->keyring, VK_KEY_IDS) : NULL;
}

void vk_vault_set_cache_size(VkVault *vault, gsize bytes)
{
	vk_block_cache_set_size(vault->blocks, bytes);
}

void vk_vault_set_cache_directory(VkVault *vault, const char *directory)
{
	g_clear_pointer(&vault->catalog, vk_catalog_cache_free);
	if (!vault->keyring || vk_keyring_get(vault->keyring, VK_KEY_OBJECTS))
		vault->catalog = vk_catalog_cache_new(directory, vault->id_hex, vault->keyring);
}

void vk_vault_keep_reads(VkVault *vault, const char *directory, guint64 size, gboolean packs)
{
	g_autofree char *owner = g_strconcat(vault->place, "\n", vault->id_hex, NULL);

	if (vault->windows)
		vk_window_store_keep(vault->windows, packs ? VK_KEEP_READS : VK_KEEP_HINTS,
				     directory, owner, size);
}

void vk_vault_set_memory(VkVault *vault, const char *path)
{
	g_clear_pointer(&vault->memory, vk_chain_memory_free);
	vault->memory = vk_chain_memory_new(path);
}

void vk_vault_set_warn(VkVault *vault, VkWarn warn)
{
	vault->warn = warn;
	vk_mend_log_set_warn(vault->context.mend_log, warn);
}

void vk_vault_set_copy_reader(VkVault *vault, const VkCopyReader *reader)
{
	vault->reader = *reader;
}
