/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A garbage collection, and what happens between two of them, whose N-th I/O call fails or is cut
 * short, or at whose N-th I/O call the process is killed, for every N. After each the vault is
 * whole, and the next backup and the next collection succeed and leave nothing of it.
 */
#include "checked-json.h"
#include "fault-tests.h"
#include "garbage.h"
#include "temp-vault.h"
#include "vault-leases.h"
#include "vault-parts.h"

#include <stdio.h>
#include <string.h>

static char *top;
static char *original; /* a vault with something forgotten */
static Ledger ledger;

static void setup(void)
{
	g_autoptr(VkVault) vault = NULL;

	top = temp_directory_new();
	original = g_build_filename(top, "original", NULL);
	garbage_make(&ledger, original);
	vault = vk_vault_open(original, VK_VAULT_WRITE, NULL);
	ck_assert(ledger_forget(&ledger, vault, GARBAGE_OLD));
	ck_assert(ledger_forget(&ledger, vault, GARBAGE_SINGLE));
}

static void teardown(void)
{
	temp_directory_remove(top);
	g_free(original);
	g_free(top);
}

static gboolean run_collect(gpointer directory)
{
	VkCollectResult result;

	return garbage_collect(directory, &result, NULL);
}

static gboolean run_unforget(gpointer directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);

	return vault && ledger_unforget(&ledger, vault, GARBAGE_OLD);
}

static gboolean run_forget(gpointer directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);

	return vault && ledger_forget(&ledger, vault, GARBAGE_NEW);
}

static gboolean run_expire(gpointer directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);

	return vault && ledger_expire(&ledger, vault, GARBAGE_NEW);
}

#define FOREIGN "0123456789abcdef0123456789abcdef"

/* The host of a collector does not come back. */
static void put_foreign_lease(const char *directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(json_t) lease =
		json_pack("{s:s, s:{s:s}}", "kind", "gc", "owner", "host", "elsewhere.example");

	ck_assert(
		vk_checked_json_put(vault->store, "leases/" FOREIGN ".0", lease, VK_PUT_NOW, NULL));
	ck_assert(vk_store_put(vault->store, "leases/" FOREIGN ".7", NULL, 0, VK_PUT_NOW, NULL));
}

static gboolean run_end_lease(gpointer directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(GPtrArray) leases = vault ? vk_vault_leases(vault, NULL) : NULL;

	for (guint i = 0; leases && i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		if (strcmp(lease->id, FOREIGN) == 0)
			return vk_vault_end_lease(vault, lease, NULL);
	}
	return leases != NULL;
}

typedef struct Act {
	const char *name;
	void (*prepare)(const char *directory); /* nullable; what nobody but the act settles */
	gboolean (*run)(gpointer directory);
	int subject; /* the entry that may be listed or not then; negative: none */
	int calls;   /* at least; it goes to its end */
} Act;

static const Act acts[] = {
	{"collect", NULL, run_collect, -1, 100},
	{"unforget", NULL, run_unforget, GARBAGE_OLD, 10},
	{"forget", NULL, run_forget, GARBAGE_NEW, 10},
	{"expire", NULL, run_expire, GARBAGE_NEW, 30},
	{"end lease", put_foreign_lease, run_end_lease, -1, 10},
};

static gboolean try_fault(guint number, Fault kind, int call, int errno_value)
{
	const Act *act = &acts[number];
	g_autofree char *directory = g_build_filename(top, "vault", NULL);
	gboolean happened, done;
	Ledger after = ledger;

	temp_directory_copy(original, directory);
	if (act->prepare)
		act->prepare(directory);
	happened = meets_fault(kind, call, errno_value, act->run, directory, &done);
	ck_assert(done || kind != CUT_SHORT);
	if (act->subject >= 0)
		after.entries[act->subject].may_be_listed =
			after.entries[act->subject].may_be_hidden = TRUE;
	if (act->prepare) {
		ledger_check(&after, directory);
		ck_assert(act->run(directory));
	}
	garbage_check_future(&after, directory);
	temp_directory_remove(directory);
	return happened;
}

static void check_calls(guint number, int calls)
{
	ck_assert_int_gt(calls, acts[number].calls);
	printf("%s: %d calls\n", acts[number].name, calls);
}

/* The name of the newest hint file, without the part that is by chance. New string. */
static char *newest_hints(guint64 *ret_bytes)
{
	g_autoptr(VkVault) vault = vk_vault_open(original, VK_VAULT_READ, NULL);
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "hints", NULL);
	const char *newest = "";
	g_autofree char *object = NULL;

	for (guint i = 0; i < names->len; i++)
		newest = strcmp(names->pdata[i], newest) > 0 ? names->pdata[i] : newest;
	object = g_build_filename("hints", newest, NULL);
	ck_assert(vault->store->ops->head(vault->store, object, ret_bytes, NULL, NULL));
	return g_strndup(newest, 16);
}

START_TEST(there_is_garbage_of_all_kinds)
{
	guint64 before, after;
	g_autofree char *hints = newest_hints(&before);
	g_autofree char *tidied = NULL;
	VkCollectResult result;

	ck_assert(garbage_collect(original, &result, NULL));
	tidied = newest_hints(&after);
	ck_assert_str_eq(tidied, hints);
	ck_assert_uint_lt(after, before);
	ck_assert_uint_eq(result.snapshots, 2);
	ck_assert_uint_gt(result.packs, 0);
	ck_assert_uint_gt(result.compacted, 0);
	garbage_check_future(&ledger, original);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, there_is_garbage_of_all_kinds);
}

int main(void)
{
	const FaultActs all = {G_N_ELEMENTS(acts), try_fault, check_calls};

	return run_fault_tests("collect-faults", &all, add);
}
