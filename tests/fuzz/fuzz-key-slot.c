/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key slot of anybody, and slots that are put back from a file. No secret opens what was not
 * sealed for it, and no cost takes more than the limits.
 */
#include "fuzz.h"
#include "input-store.h"
#include "json.h"
#include "key-slot.h"

#include <string.h>

#define SLOT       "0123456789abcdef"
#define KEY_FILE   "\1the content of a key file of a fuzzed vault"
#define PASSPHRASE "the passphrase of a fuzzed vault"

/* Higher ones are right, and take their time. */
#define COST_MAX 16

static const guint8 vault_id[VK_KEYRING_ID_SIZE] = "vault-id-16bytes";

static void open_slots(VkStore *store, const void *bytes, gsize length)
{
	g_autoptr(VkSecret) secret = vk_secret_new(bytes, length);
	g_autoptr(GError) error = NULL;
	g_autofree char *id = NULL;
	g_autoptr(VkKeyring) keyring = vk_key_slots_open(store, vault_id, secret, &id, &error);

	g_assert(!keyring == !id && !keyring == !!error);
}

/* Whether a passphrase is tried at a price that a fuzzer can pay. */
static gboolean is_cheap(const json_t *object)
{
	const json_t *scrypt = json_object_get(object, "scrypt");
	json_int_t n = json_integer_value(json_object_get(scrypt, "n"));
	json_int_t p = json_integer_value(json_object_get(scrypt, "p"));

	return n <= COST_MAX && p <= COST_MAX;
}

static void import(const json_t *slots)
{
	VkStore *store = input_store_new();
	g_autoptr(json_t) exported = NULL;
	guint count = 0;

	if (vk_key_slots_import(store, slots, &count, NULL)) {
		exported = vk_key_slots_export(store, NULL);
		g_assert(json_object_size(exported) == count);
	}
	store->ops->free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VkStore *store = input_store_new();
	g_autoptr(json_t) object = vk_json_parse((const char *)data, size, "input", NULL);
	g_autoptr(GPtrArray) slots = NULL;

	input_store_add_json(store, "keys/" SLOT ".json", data, size);
	slots = vk_key_slots_list(store, NULL, NULL);
	g_assert(slots && slots->len <= 1);
	open_slots(store, KEY_FILE, sizeof(KEY_FILE));
	if (!object || is_cheap(object))
		open_slots(store, PASSPHRASE, strlen(PASSPHRASE));
	if (object)
		import(object);
	store->ops->free(store);
	return 0;
}
