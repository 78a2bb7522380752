/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots are forgotten and garbage is collected while a backup commits, and the power fails at
 * any call that changes the vault. After each the vault is whole, and the next backup and the next
 * collection succeed and leave nothing of it.
 *
 * What is opened twice stands for two processes: the openings share the directory alone.
 */
#include "garbage.h"
#include "powercut-bed.h"
#include "vault-leases.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static VkVault *open_vault(void)
{
	VkVault *vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);

	ck_assert_ptr_nonnull(vault);
	return vault;
}

/* Nobody who was at work before is there any more. */
static void end_work(const char *path)
{
	g_autoptr(VkVault) vault = vk_vault_open(path, VK_VAULT_WRITE, NULL);
	g_autoptr(GPtrArray) leases = vk_vault_leases(vault, NULL);

	for (guint i = 0; i < leases->len; i++) {
		VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		/* Of one that says nothing nobody knows whose it was. */
		if (lease->kind == VK_LEASE_UNKNOWN && !lease->ended)
			continue;
		lease->is_local_and_dead = TRUE;
		ck_assert(vk_vault_clear_lease(vault, lease, NULL));
	}
}

static void check_after_cut(const Ledger *promised, const char *path)
{
	end_work(path);
	garbage_check_future(promised, path);
}

/* A writer that began before anything was forgotten, and commits in the midst of the collection. */
typedef struct Writer {
	VkVault *vault;
	VkSession *session;
	VkSnapshot *snapshot;
	const char *moment; /* what the name begins with of which it waits to be put */
} Writer;

static Writer writer;

static void commit_at_the_moment(const char *name)
{
	if (!g_str_has_prefix(name, writer.moment))
		return;
	on_put = NULL;
	ck_assert(ledger_commit(&ledger, writer.session, writer.snapshot));
	vk_session_free(writer.session);
	g_clear_pointer(&writer.vault, vk_vault_free);
}

/* Upon a snapshot that is forgotten then, with blocks that are condemned. */
static void begin_writer(const char *moment)
{
	writer.moment = moment;
	writer.vault = open_vault();
	writer.session = vk_session_new(writer.vault, 1, NULL);
	writer.snapshot = ledger_save(&ledger, writer.vault, writer.session, '3', "mnopcdyz");
	ck_assert_ptr_nonnull(writer.snapshot);
}

static VkCollectResult collect(void)
{
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	ck_assert_msg(garbage_collect(directory, &result, &error), "%s",
		      error ? error->message : "");
	return result;
}

static const char *const moments[] = {"leases/", "snaps/", "gc/"};

START_TEST(whenever_the_power_fails_all_is_whole)
{
	g_autoptr(VkVault) vault = NULL;
	VkCollectResult result;

	garbage_make(&ledger, directory);
	power_cut_watch();
	begin_writer(moments[_i]);
	vault = open_vault();
	ck_assert(ledger_forget(&ledger, vault, GARBAGE_OLD));
	ck_assert(ledger_forget(&ledger, vault, GARBAGE_SINGLE));
	on_put = commit_at_the_moment;
	result = collect();
	ck_assert_ptr_null(writer.vault);
	ck_assert_uint_eq(result.snapshots, 2);
	ck_assert_uint_gt(result.compacted, 0);
	ck_assert(ledger_forget(&ledger, vault, GARBAGE_OTHER));
	ck_assert(ledger_unforget(&ledger, vault, GARBAGE_OTHER));
	ledger_back_up(&ledger, vault, '1', "ghijab");
	ck_assert(ledger_forget(&ledger, vault, GARBAGE_NEW));
	ck_assert(ledger_forget(&ledger, vault, GARBAGE_OTHER));
	result = collect();
	ck_assert_uint_gt(result.packs, 0);
	check_cuts(check_after_cut);
}
END_TEST

/* Until it is killed. */
static void back_up_and_forget(void)
{
	g_autoptr(VkVault) vault = open_vault();
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSnapshot *snapshot =
		session ? ledger_save(&ledger, vault, session, '2', "ABCDEFGH") : NULL;

	if (snapshot)
		ledger_commit(&ledger, session, snapshot);
	ledger_forget(&ledger, vault, GARBAGE_OLD);
	ledger_forget(&ledger, vault, GARBAGE_SINGLE);
}

/*
 * The process is killed before it flushes a folder. The next collection sees what it did there, but
 * after a power failure that need not be so.
 */
START_TEST(what_was_not_flushed_is_not_relied_on)
{
	guint flush = 0;
	gboolean happened = TRUE;

	for (; happened; flush++) {
		VkCollectResult result;

		power_cut_setup();
		garbage_make(&ledger, directory);
		power_cut_watch();
		power_cut_kill_at_flush(flush);
		back_up_and_forget();
		(void)garbage_collect(directory, &result, NULL);
		happened = power_cut_revive();
		end_work(directory);
		collect();
		check_cuts(check_after_cut);
		power_cut_teardown();
	}
	ck_assert_uint_gt(flush, 30);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("collect-powercut");
	TCase *cuts = tcase_create("cuts");
	TCase *flushes = tcase_create("flushes");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(cuts, 120);
	tcase_add_checked_fixture(cuts, power_cut_setup, power_cut_teardown);
	tcase_add_loop_test(cuts, whenever_the_power_fails_all_is_whole, 0, G_N_ELEMENTS(moments));
	suite_add_tcase(suite, cuts);
	tcase_set_timeout(flushes, 120);
	tcase_add_test(flushes, what_was_not_flushed_is_not_relied_on);
	suite_add_tcase(suite, flushes);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
