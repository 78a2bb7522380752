/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Forgetting, the way back, pins, expiry and taking a vault over, where the N-th I/O call fails or
 * the process dies at it, for every N. After each the snapshot is whole, what was called done is
 * done, and the next try succeeds.
 */
#include "catalog-expire.h"
#include "catalog-pin.h"
#include "checked-json.h"
#include "fault-tests.h"
#include "temp-vault.h"
#include "vault-key.h"
#include "vault-leases.h"
#include "vault-parts.h"

#include <stdio.h>
#include <string.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define DAY  "20261121T120000Z"

/* As another process finds the vault. */
typedef struct Look {
	gboolean listed, forgotten, pinned, expired;
	char *description; /* vault.json */
} Look;

typedef struct Act {
	const char *name;
	void (*prepare)(const char *directory);
	gboolean (*run)(gpointer directory);
	gboolean (*is_done)(const Look *look);
	gboolean (*is_undone)(const Look *look);
} Act;

typedef gboolean (*Call)(VkVault *vault, const VkSnapshotKey *key);

static gboolean call_on(const char *directory, Call act)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSnapshotKey) key =
		vault ? vk_catalog_find_key_all(vault, UUID "@" DAY, NULL) : NULL;

	return key && act(vault, key);
}

static gboolean forget(VkVault *vault, const VkSnapshotKey *key)
{
	return vk_catalog_forget(vault, key, "a test", NULL);
}

static gboolean unforget(VkVault *vault, const VkSnapshotKey *key)
{
	return vk_catalog_unforget(vault, key, NULL);
}

static gboolean pin(VkVault *vault, const VkSnapshotKey *key)
{
	return vk_catalog_pin(vault, key, VK_PIN_FOR_GOOD, "a test", NULL);
}

static gboolean unpin(VkVault *vault, const VkSnapshotKey *key)
{
	return vk_catalog_unpin(vault, key, NULL);
}

static gboolean run_forget(gpointer directory)
{
	return call_on(directory, forget);
}

static gboolean run_unforget(gpointer directory)
{
	return call_on(directory, unforget);
}

static gboolean run_pin(gpointer directory)
{
	return call_on(directory, pin);
}

static gboolean run_unpin(gpointer directory)
{
	return call_on(directory, unpin);
}

/* As the next backup of the guest to its array does it. */
static gboolean run_expire(gpointer directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSnapshotKey) key =
		vault ? vk_catalog_find_key_all(vault, UUID "@" DAY, NULL) : NULL;
	g_autoptr(VkSnapshot) snapshot = key ? vk_catalog_load(vault, key, NULL) : NULL;
	gboolean may_go = FALSE;

	if (!snapshot)
		return FALSE;
	vk_vault_clear_leases(vault);
	return vk_catalog_expire(vault, key, snapshot, &may_go, NULL) && may_go;
}

static gboolean run_take_over(gpointer directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	gboolean done;

	return vault && vk_vault_take_over(vault, &done, NULL);
}

static char *description_path(const char *directory)
{
	return g_build_filename(directory, "vault.json", NULL);
}

static void prepare_nothing(const char *directory)
{
}

static void prepare_forgotten(const char *directory)
{
	ck_assert(call_on(directory, forget));
}

static void prepare_pinned(const char *directory)
{
	ck_assert(call_on(directory, pin));
}

/* As an earlier version wrote it. */
static void prepare_older(const char *directory)
{
	g_autofree char *path = description_path(directory);
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(json_t) object = vk_checked_json_get(vault->store, "vault.json", NULL);
	json_t *features = json_object_get(object, "features");

	ck_assert_int_eq(json_object_set_new(features, "ro_compat", json_array()), 0);
	if (vault->keyring)
		vk_vault_sign_description(vault->keyring, object);
	ck_assert(vk_checked_json_put(vault->store, "vault.json", object, VK_PUT_OVER, NULL));
}

static gboolean is_forgotten(const Look *look)
{
	return look->forgotten;
}

static gboolean is_listed(const Look *look)
{
	return look->listed;
}

static gboolean is_pinned(const Look *look)
{
	return look->pinned;
}

static gboolean is_unpinned(const Look *look)
{
	return !look->pinned;
}

static gboolean is_expired(const Look *look)
{
	return look->forgotten && look->expired;
}

/* Hidden or not, its copies on the array have to stay. */
static gboolean is_not_expired(const Look *look)
{
	return !look->expired;
}

static gboolean is_taken_over(const Look *look)
{
	return strstr(look->description, "\"ro_compat\":[\"collection\"]") != NULL;
}

static gboolean is_older(const Look *look)
{
	return strstr(look->description, "\"ro_compat\":[]") != NULL;
}

static const Act acts[] = {
	{"forget", prepare_nothing, run_forget, is_forgotten, is_listed},
	{"unforget", prepare_forgotten, run_unforget, is_listed, is_forgotten},
	{"pin", prepare_nothing, run_pin, is_pinned, is_unpinned},
	{"unpin", prepare_pinned, run_unpin, is_unpinned, is_pinned},
	{"expire", prepare_nothing, run_expire, is_expired, is_not_expired},
	{"take over", prepare_older, run_take_over, is_taken_over, is_older},
};

static void look_at(const char *directory, Look *look)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	g_autoptr(GPtrArray) listed = vk_catalog_list(vault, UUID, NULL);
	g_autoptr(GPtrArray) all = vk_catalog_list_all(vault, UUID, NULL);
	g_autofree char *path = description_path(directory);
	const VkSnapshotKey *key = g_ptr_array_index(all, 0);
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, NULL);
	g_autoptr(VkPin) found = NULL;

	ck_assert_uint_eq(all->len, 1);
	ck_assert_ptr_nonnull(snapshot);
	ck_assert(vk_catalog_load_pin(vault, key, &found, NULL));
	look->listed = listed->len == 1;
	look->forgotten = key->forgotten;
	look->pinned = found != NULL;
	look->expired = key->expired;
	ck_assert(look->listed != look->forgotten);
	ck_assert(g_file_get_contents(path, &look->description, NULL, NULL));
}

static gboolean is_state(const char *directory, gboolean (*state)(const Look *look))
{
	Look look;
	gboolean is;

	look_at(directory, &look);
	is = state(&look);
	g_free(look.description);
	return is;
}

/* Of a snapshot that is on an array alone. */
static void make_vault(const char *directory)
{
	g_autoptr(VkVault) vault = vk_vault_init(directory, NULL);
	VkImageRecord *image =
		vk_image_record_new_on_array(4096, 4096, json_pack("{s:s}", "array", "reflink"));
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, DAY, image);
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autofree char *name = vk_snapshot_key_object(UUID, DAY, snapshot->id);

	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
}

static gboolean try_fault(guint number, Fault kind, int call, int errno_value)
{
	const Act *act = &acts[number];
	g_autofree char *directory = temp_directory_new();
	gboolean happened, ok;

	make_vault(directory);
	act->prepare(directory);
	ck_assert(is_state(directory, act->is_undone));
	happened = meets_fault(kind, call, errno_value, act->run, directory, &ok);
	ck_assert(ok || kind != CUT_SHORT);
	ck_assert_msg(is_state(directory, act->is_done) ||
			      (!ok && is_state(directory, act->is_undone)),
		      "%s, call %d", act->name, call);
	ck_assert_msg(act->run(directory), "%s, call %d", act->name, call);
	ck_assert(is_state(directory, act->is_done));
	temp_directory_remove(directory);
	return happened;
}

/* Not just the opening of the vault. */
static void check_calls(guint number, int calls)
{
	ck_assert_int_gt(calls, 4);
	printf("%s: %d calls\n", acts[number].name, calls);
}

int main(void)
{
	const FaultActs all = {G_N_ELEMENTS(acts), try_fault, check_calls};

	return run_fault_tests("marks", &all, NULL);
}
