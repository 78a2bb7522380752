/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A garbage collection, and what happens between two of them, whose N-th I/O call fails or is cut
 * short, or at whose N-th I/O call the process is killed, for every N. After each the vault is
 * whole, and the next backup and the next collection succeed and leave nothing of it.
 */
#include "faults.h"
#include "garbage.h"
#include "temp-vault.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

typedef struct Act {
	const char *name;
	gboolean (*run)(gpointer directory);
	int subject; /* the entry that may be listed or not then; negative: none */
	int calls;   /* at least; it goes to its end */
} Act;

static const Act acts[] = {
	{"collect", run_collect, -1, 100},
	{"unforget", run_unforget, GARBAGE_OLD, 10},
	{"forget", run_forget, GARBAGE_NEW, 10},
};

/* Returns whether the fault came at all. */
static gboolean try_fault(const Act *act, Fault kind, int call, int errno_value)
{
	g_autofree char *directory = g_build_filename(top, "vault", NULL);
	gboolean happened, done;
	Ledger after = ledger;

	temp_directory_copy(original, directory);
	happened = meets_fault(kind, call, errno_value, act->run, directory, &done);
	ck_assert(done || kind != CUT_SHORT);
	if (act->subject >= 0)
		after.entries[act->subject].may_be_listed =
			after.entries[act->subject].may_be_hidden = TRUE;
	garbage_check_future(&after, directory);
	temp_directory_remove(directory);
	return happened;
}

static void try_all(const Act *act, Fault kind, int errno_value)
{
	int call = 0;

	while (try_fault(act, kind, call, errno_value))
		call++;
	ck_assert_int_gt(call, act->calls);
	printf("%s: %d calls\n", act->name, call);
}

START_TEST(there_is_garbage_of_all_kinds)
{
	VkCollectResult result;

	ck_assert(garbage_collect(original, &result, NULL));
	ck_assert_uint_eq(result.snapshots, 2);
	ck_assert_uint_gt(result.packs, 0);
	ck_assert_uint_gt(result.compacted, 0);
	garbage_check_future(&ledger, original);
}
END_TEST

START_TEST(every_call_fails_once)
{
	try_all(&acts[_i], FAIL_ONCE, EIO);
}
END_TEST

START_TEST(every_call_lacks_room_once)
{
	try_all(&acts[_i], FAIL_ONCE, ENOSPC);
}
END_TEST

START_TEST(from_every_call_on_all_fail)
{
	try_all(&acts[_i], FAIL_FROM_THEN_ON, ENOSPC);
}
END_TEST

START_TEST(every_call_is_cut_short)
{
	try_all(&acts[_i], CUT_SHORT, 0);
}
END_TEST

START_TEST(killed_at_every_call)
{
	try_all(&acts[_i], KILL, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("collect-faults");
	TCase *tcase = tcase_create("collect-faults");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, there_is_garbage_of_all_kinds);
	tcase_add_loop_test(tcase, every_call_fails_once, 0, G_N_ELEMENTS(acts));
	tcase_add_loop_test(tcase, every_call_lacks_room_once, 0, G_N_ELEMENTS(acts));
	tcase_add_loop_test(tcase, from_every_call_on_all_fail, 0, G_N_ELEMENTS(acts));
	tcase_add_loop_test(tcase, every_call_is_cut_short, 0, G_N_ELEMENTS(acts));
	tcase_add_loop_test(tcase, killed_at_every_call, 0, G_N_ELEMENTS(acts));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
