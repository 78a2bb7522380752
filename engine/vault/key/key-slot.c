/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-slot.h"

#include "checked-json.h"
#include "errors.h"
#include "layout.h"
#include "timestamp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#define ID_LENGTH 16u
#define SALT_SIZE 32u

/* 128 * N * R bytes of memory: at most 256 MiB, which take about a second on a fast processor. */
#define SCRYPT_R          8u
#define SCRYPT_N_MAX      (1u << 18)
#define SCRYPT_N_FIRST    (1u << 15)
#define SCRYPT_P_MAX      16u
#define SCRYPT_MEMORY_MAX ((guint64)300 << 20)
#define SCRYPT_GOAL       G_USEC_PER_SEC
#define PASSPHRASE_MIN    8u

typedef struct Cost {
	guint64 n, p; /* N 0: it is a key file */
} Cost;

void vk_key_slot_free(VkKeySlot *slot)
{
	if (!slot)
		return;
	g_free(slot->id);
	g_free(slot->label);
	g_free(slot->created);
	json_decref(slot->object);
	g_free(slot);
}

static char *slot_object(const char *id)
{
	return g_strdup_printf(VK_FOLDER_KEYS "/%s.json", id);
}

static gboolean stretch(const VkSecret *secret, const guint8 *salt, const Cost *cost, VkKey *ret)
{
	return EVP_PBE_scrypt((const char *)secret->bytes, vk_secret_text_length(secret), salt,
			      SALT_SIZE, cost->n, SCRYPT_R, cost->p, SCRYPT_MEMORY_MAX, ret->bytes,
			      VK_KEY_SIZE) == 1;
}

/* The key that seals a slot. FALSE: libcrypto has not enough memory. */
static gboolean slot_key(const VkSecret *secret, const guint8 *vault_id, const guint8 *salt,
			 const Cost *cost, VkKey *ret, GError **error)
{
	if (cost->n > 0)
		return stretch(secret, salt, cost, ret) ||
		       vk_fail(error, VK_ERROR_FAILED,
			       "a key cannot be made of the passphrase: it needs %" G_GUINT64_FORMAT
			       " MiB of memory",
			       (guint64)128 * SCRYPT_R * cost->n >> 20);
	vk_key_derive(secret->bytes, secret->length, salt, SALT_SIZE, "virtkeep key file", vault_id,
		      VK_KEYRING_ID_SIZE, ret);
	return TRUE;
}

static gint64 processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Doubles the cost from a small one on until one try would take about a second. */
static Cost measure_cost(const VkSecret *secret, const guint8 *salt)
{
	Cost cost = {.n = SCRYPT_N_FIRST, .p = 1};
	gint64 begin = processor_time(), took;
	g_auto(VkKey) key = {0};

	if (!stretch(secret, salt, &cost, &key))
		return cost;
	took = processor_time() - begin;
	while (cost.n < SCRYPT_N_MAX && took * 3 / 2 < SCRYPT_GOAL) {
		cost.n *= 2;
		took *= 2;
	}
	while (cost.p < SCRYPT_P_MAX && took * 3 / 2 < SCRYPT_GOAL) {
		cost.p *= 2;
		took *= 2;
	}
	return cost;
}

/* What the sealed keyring is bound to. */
static gsize bind_slot(const guint8 *vault_id, VkRole role, gboolean is_file, guint8 *ret)
{
	memcpy(ret, vault_id, VK_KEYRING_ID_SIZE);
	ret[VK_KEYRING_ID_SIZE] = (guint8)role;
	ret[VK_KEYRING_ID_SIZE + 1] = is_file ? 1 : 0;
	return VK_KEYRING_ID_SIZE + 2;
}

static gboolean check_secret(const VkSecret *secret, gboolean is_file, GError **error)
{
	if (is_file && secret->length < VK_KEY_FILE_MIN)
		return vk_fail(error, VK_ERROR_USAGE,
			       "the key file has %" G_GSIZE_FORMAT
			       " bytes: a key has at least %u random ones, as of "
			       "'head -c 32 /dev/urandom'",
			       secret->length, VK_KEY_FILE_MIN);
	if (!is_file && vk_secret_text_length(secret) < PASSPHRASE_MIN)
		return vk_fail(error, VK_ERROR_USAGE,
			       "the passphrase is too short: it needs at least %u characters",
			       PASSPHRASE_MIN);
	return TRUE;
}

static gboolean is_slot_name(const char *name)
{
	return strlen(name) == ID_LENGTH + strlen(".json") && g_str_has_suffix(name, ".json") &&
	       strspn(name, "0123456789abcdef") == ID_LENGTH;
}

static gint compare_ids(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids of the slots that there are, readable or not. */
static GPtrArray *list_ids(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_KEYS, error);
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);

	if (!names)
		return NULL;
	for (guint i = 0; i < names->len; i++)
		if (is_slot_name(names->pdata[i]))
			g_ptr_array_add(ids, g_strndup(names->pdata[i], ID_LENGTH));
	g_ptr_array_sort(ids, compare_ids);
	if (ids->len > VK_KEY_SLOTS_MAX)
		g_ptr_array_set_size(ids, VK_KEY_SLOTS_MAX);
	return g_steal_pointer(&ids);
}

static gboolean check_room(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) ids = list_ids(store, error);

	return ids && (ids->len < VK_KEY_SLOTS_MAX ||
		       vk_fail(error, VK_ERROR_FAILED,
			       "the vault has %u keys, and no more are possible: remove one first",
			       ids->len));
}

static char *random_id(void)
{
	guint8 bytes[ID_LENGTH / 2];
	GString *id = g_string_new(NULL);

	vk_random_bytes(bytes, sizeof(bytes));
	for (guint i = 0; i < sizeof(bytes); i++)
		g_string_append_printf(id, "%02x", bytes[i]);
	return g_string_free(id, FALSE);
}

static json_t *describe(VkRole role, gboolean is_file, const char *label, const guint8 *salt,
			const Cost *cost, const guint8 *sealed, gsize sealed_length)
{
	g_autofree char *created = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
	g_autofree char *salt_text = g_base64_encode(salt, SALT_SIZE);
	g_autofree char *sealed_text = g_base64_encode(sealed, sealed_length);
	json_t *object = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s}", "role", vk_role_word(role),
				   "label", vk_json_new_string(label), "created", created, "kind",
				   is_file ? "file" : "passphrase", "salt", salt_text, "sealed",
				   sealed_text);

	if (!is_file)
		json_object_set_new(object, "scrypt",
				    json_pack("{s:o, s:i, s:o}", "n", vk_json_new_uint(cost->n),
					      "r", (int)SCRYPT_R, "p", vk_json_new_uint(cost->p)));
	return object;
}

gboolean vk_key_slot_add(VkStore *store, const VkKeyring *keyring, VkRole role,
			 const VkSecret *secret, const char *label, char **ret_id, GError **error)
{
	gboolean is_file = !vk_secret_is_passphrase(secret);
	const guint8 *vault_id = vk_keyring_vault_id(keyring);
	guint8 salt[SALT_SIZE], bound[VK_KEYRING_ID_SIZE + 2];
	guint8 packed[VK_KEYRING_PACKED_MAX], sealed[VK_KEYRING_PACKED_MAX + VK_TAG_SIZE];
	g_autofree char *id = random_id(), *name = slot_object(id);
	g_autoptr(json_t) object = NULL;
	g_auto(VkKey) key = {0};
	VkNonce nonce = vk_nonce(0, FALSE);
	Cost cost = {0};
	gsize length;

	vk_random_bytes(salt, sizeof(salt));
	if (!check_secret(secret, is_file, error) || !check_room(store, error))
		return FALSE;
	if (!is_file)
		cost = measure_cost(secret, salt);
	if (!slot_key(secret, vault_id, salt, &cost, &key, error))
		return FALSE;
	length = vk_keyring_pack(keyring, role, packed);
	vk_aead_seal(&key, &nonce, bound, bind_slot(vault_id, role, is_file, bound), packed, length,
		     sealed);
	OPENSSL_cleanse(packed, sizeof(packed));
	object = describe(role, is_file, label, salt, &cost, sealed, length + VK_TAG_SIZE);
	if (!vk_checked_json_put(store, name, object, VK_PUT_NOW, error))
		return FALSE;
	*ret_id = g_steal_pointer(&id);
	return TRUE;
}

static gboolean fail_slot(const char *id, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE,
		       "the key slot '" VK_FOLDER_KEYS "/%s.json' is damaged", id);
}

static gboolean read_cost(const json_t *object, gboolean is_file, Cost *ret, GError **error)
{
	json_t *scrypt;
	guint64 r;

	*ret = (Cost){0};
	if (is_file)
		return TRUE;
	return vk_json_object(object, "scrypt", &scrypt, error) &&
	       vk_json_uint(scrypt, "n", &ret->n, error) &&
	       vk_json_uint(scrypt, "p", &ret->p, error) && vk_json_uint(scrypt, "r", &r, error) &&
	       ((ret->n >= 2 && ret->n <= SCRYPT_N_MAX && (ret->n & (ret->n - 1)) == 0 &&
		 ret->p >= 1 && ret->p <= SCRYPT_P_MAX && r == SCRYPT_R) ||
		vk_fail(error, VK_ERROR_DAMAGE, "its cost cannot be"));
}

static VkKeySlot *parse_slot(const char *id, json_t *object, GError **error)
{
	g_autoptr(VkKeySlot) slot = g_new0(VkKeySlot, 1);
	const char *role, *kind, *label, *created;

	if (!vk_json_string(object, "role", &role, error) ||
	    !vk_json_string(object, "kind", &kind, error) ||
	    !vk_json_string(object, "label", &label, error) ||
	    !vk_json_string(object, "created", &created, error))
		return NULL;
	slot->id = g_strdup(id);
	slot->object = json_incref(object);
	slot->label = g_strdup(label);
	slot->created = g_strdup(created);
	slot->is_file = strcmp(kind, "file") == 0;
	if (!vk_role_parse(role, &slot->role) ||
	    (!slot->is_file && strcmp(kind, "passphrase") != 0)) {
		vk_fail(error, VK_ERROR_DAMAGE,
			"it has the role '%s' and is of kind '%s', which this virtkeep does not "
			"know",
			role, kind);
		return NULL;
	}
	return g_steal_pointer(&slot);
}

static gint compare_age(gconstpointer a, gconstpointer b)
{
	const VkKeySlot *one = *(const VkKeySlot *const *)a, *other = *(const VkKeySlot *const *)b;
	int order = strcmp(one->created, other->created);

	return order != 0 ? order : strcmp(one->id, other->id);
}

static GPtrArray *read_slots(VkStore *store, const GPtrArray *ids,
			     void (*warn)(const char *format, ...))
{
	GPtrArray *slots = g_ptr_array_new_with_free_func((GDestroyNotify)vk_key_slot_free);

	for (guint i = 0; i < ids->len; i++) {
		g_autofree char *name = slot_object(ids->pdata[i]);
		g_autoptr(GError) trouble = NULL;
		g_autoptr(json_t) object = vk_checked_json_get(store, name, &trouble);
		VkKeySlot *slot = object ? parse_slot(ids->pdata[i], object, &trouble) : NULL;

		if (slot)
			g_ptr_array_add(slots, slot);
		else if (warn)
			warn("the key slot '%s' cannot be read: %s", name, trouble->message);
	}
	g_ptr_array_sort(slots, compare_age);
	return slots;
}

GPtrArray *vk_key_slots_list(VkStore *store, void (*warn)(const char *format, ...), GError **error)
{
	g_autoptr(GPtrArray) ids = list_ids(store, error);

	return ids ? read_slots(store, ids, warn) : NULL;
}

static guint8 *decode(const json_t *object, const char *key, gsize *ret_length)
{
	const char *text = vk_json_optional_string(object, key);

	return text ? g_base64_decode(text, ret_length) : NULL;
}

/* NULL without an error: the secret is another one. */
static VkKeyring *try_slot(const VkKeySlot *slot, const guint8 *vault_id, const VkSecret *secret,
			   GError **error)
{
	gsize salt_length = 0, sealed_length = 0;
	g_autofree guint8 *salt = decode(slot->object, "salt", &salt_length);
	g_autofree guint8 *sealed = decode(slot->object, "sealed", &sealed_length);
	guint8 bound[VK_KEYRING_ID_SIZE + 2], packed[VK_KEYRING_PACKED_MAX];
	gsize bound_length = bind_slot(vault_id, slot->role, slot->is_file, bound);
	VkNonce nonce = vk_nonce(0, FALSE);
	g_auto(VkKey) key = {0};
	VkKeyring *keyring = NULL;
	Cost cost;

	if (salt_length != SALT_SIZE || sealed_length <= VK_TAG_SIZE ||
	    sealed_length > sizeof(packed) + VK_TAG_SIZE ||
	    !read_cost(slot->object, slot->is_file, &cost, NULL)) {
		fail_slot(slot->id, error);
		return NULL;
	}
	if (!slot_key(secret, vault_id, salt, &cost, &key, error))
		return NULL;
	if (vk_aead_open(&key, &nonce, bound, bound_length, sealed, sealed_length, packed))
		keyring = vk_keyring_unpack(vault_id, slot->role, packed,
					    sealed_length - VK_TAG_SIZE);
	OPENSSL_cleanse(packed, sizeof(packed));
	return keyring;
}

/* The first of SLOTS that SECRET opens. TROUBLES (GError) gets why others could not be tried. */
static VkKeyring *try_slots(const GPtrArray *slots, gboolean is_file, const guint8 *vault_id,
			    const VkSecret *secret, char **ret_id, GPtrArray *troubles)
{
	for (guint i = 0; i < slots->len; i++) {
		const VkKeySlot *slot = slots->pdata[i];
		GError *trouble = NULL;
		VkKeyring *keyring;

		if (slot->is_file != is_file)
			continue;
		keyring = try_slot(slot, vault_id, secret, &trouble);
		if (trouble)
			g_ptr_array_add(troubles, trouble);
		if (keyring && ret_id)
			*ret_id = g_strdup(slot->id);
		if (keyring)
			return keyring;
	}
	return NULL;
}

/*
 * The secret fits none of SLOTS slots, or they could not be tried because of TROUBLES; UNREAD more
 * could not be read. It may be that of one of these.
 */
static void fail_open(guint slots, guint unread, const GPtrArray *troubles, GError **error)
{
	const GError *first = troubles->len > 0 ? troubles->pdata[0] : NULL;
	guint tried = slots - troubles->len;

	if (first && !g_error_matches(first, VK_ERROR, VK_ERROR_DAMAGE))
		g_propagate_error(error, g_error_copy(first));
	else if (tried == 0)
		vk_fail(error, VK_ERROR_DAMAGE,
			"the vault is encrypted, but no key slot in '" VK_FOLDER_KEYS
			"/' can be read: put back what 'virtkeep key export' saved, with "
			"'virtkeep key import'");
	else if (unread + troubles->len > 0)
		vk_fail(error, VK_ERROR_DENIED,
			"the key fits none of the %u key slots that can be used; %u cannot be, "
			"because they are damaged: if it is the key of one of them, put back what "
			"'virtkeep key export' saved, with 'virtkeep key import'",
			tried, unread + troubles->len);
	else
		vk_fail(error, VK_ERROR_DENIED, "the key fits none of the vault's %u key slots",
			tried);
}

VkKeyring *vk_key_slots_open(VkStore *store, const guint8 *vault_id, const VkSecret *secret,
			     char **ret_id, GError **error)
{
	g_autoptr(GPtrArray) ids = list_ids(store, error);
	g_autoptr(GPtrArray) slots = ids ? read_slots(store, ids, NULL) : NULL;
	g_autoptr(GPtrArray) troubles =
		g_ptr_array_new_with_free_func((GDestroyNotify)g_error_free);
	VkKeyring *keyring;

	if (!slots)
		return NULL;
	keyring = try_slots(slots, !vk_secret_is_passphrase(secret), vault_id, secret, ret_id,
			    troubles);
	if (!keyring)
		fail_open(slots->len, MAX(ids->len, slots->len) - slots->len, troubles, error);
	return keyring;
}

gboolean vk_key_slots_clear(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) ids = list_ids(store, error);

	for (guint i = 0; ids && i < ids->len; i++) {
		g_autofree char *name = slot_object(ids->pdata[i]);

		if (!store->ops->delete (store, name, error))
			return FALSE;
	}
	return ids != NULL;
}

json_t *vk_key_slots_export(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) ids = list_ids(store, error);
	json_t *slots = ids ? json_object() : NULL;

	for (guint i = 0; ids && i < ids->len; i++) {
		g_autofree char *name = slot_object(ids->pdata[i]);
		json_t *object = vk_checked_json_get(store, name, NULL);

		if (object)
			json_object_set_new(slots, ids->pdata[i], object);
	}
	return slots;
}

/* Puts OBJECT as NAME, also in the place of what is damaged. TRUE when it was not there. */
static gboolean put_back(VkStore *store, const char *name, const json_t *object, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) present = vk_checked_json_get(store, name, &trouble);

	return (!g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) ||
		store->ops->delete (store, name, error)) &&
	       vk_checked_json_put(store, name, object, VK_PUT_NOW, error);
}

gboolean vk_key_slots_import(VkStore *store, const json_t *slots, guint *ret_count, GError **error)
{
	g_autoptr(json_t) copy = json_deep_copy(slots);
	const char *id;
	json_t *object;

	*ret_count = 0;
	json_object_foreach (copy, id, object) {
		g_autofree char *file = g_strconcat(id, ".json", NULL);
		g_autofree char *name = slot_object(id);
		g_autoptr(VkKeySlot) slot = NULL;
		g_autoptr(GError) trouble = NULL;

		if (!is_slot_name(file))
			return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is no key slot", id);
		slot = parse_slot(id, object, error);
		if (!slot)
			return FALSE;
		if (put_back(store, name, object, &trouble))
			(*ret_count)++;
		else if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
	}
	return TRUE;
}

gboolean vk_key_slot_remove(VkStore *store, const char *id, GError **error)
{
	g_autoptr(GPtrArray) ids = list_ids(store, error);
	g_autoptr(GPtrArray) slots = ids ? vk_key_slots_list(store, NULL, error) : NULL;
	g_autofree char *name = slot_object(id);
	gboolean is_there = FALSE, is_full = FALSE;
	guint others = 0;

	if (!slots)
		return FALSE;
	for (guint i = 0; i < ids->len; i++)
		is_there = is_there || strcmp(ids->pdata[i], id) == 0;
	for (guint i = 0; i < slots->len; i++) {
		const VkKeySlot *slot = slots->pdata[i];

		if (strcmp(slot->id, id) == 0)
			is_full = slot->role == VK_ROLE_FULL;
		else if (slot->role == VK_ROLE_FULL)
			others++;
	}
	if (!is_there)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "the vault has no key '%s'", id);
	if (is_full && others == 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' is the last key of role full: add another one first", id);
	return store->ops->delete (store, name, error);
}
