/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backups of two processes into one vault, and the power fails at any call that changes it. Each
 * vault that it leaves is whole: what it lists can be read, and each commit that returned is
 * listed.
 *
 * A vault that is opened twice stands for two processes: the openings share the directory alone.
 */
#include "catalog-chain.h"
#include "powercut-bed.h"
#include "vault-parts.h"

#include "check-record.h"
#include "health.h"
#include "pack-id.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void back_up(VkVault *vault, VkSession *session, char guest, const char *content)
{
	VkSnapshot *snapshot = ledger_save(&ledger, vault, session, guest, content);

	ck_assert_ptr_nonnull(snapshot);
	ck_assert(ledger_commit(&ledger, session, snapshot));
}

static VkSession *session_of(VkVault *vault)
{
	VkSession *session = vk_session_new(vault, 1, NULL);

	ck_assert_ptr_nonnull(session);
	return session;
}

static VkVault *open_vault(void)
{
	VkVault *vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);

	ck_assert_ptr_nonnull(vault);
	return vault;
}

static void make_vault(void)
{
	vk_vault_free(vk_vault_init(directory, NULL));
	power_cut_watch();
}

static VkVault *one;
static VkSession *second;
static GThread *second_thread;

static gpointer back_up_second(gpointer session)
{
	hold_this_thread();
	back_up(one, session, '2', "3456");
	return NULL;
}

/* The first guest's packs are flushed. The second's get their names now. */
static void run_second_to_its_flush(const char *name)
{
	if (!g_str_has_prefix(name, "snaps/") || !g_str_has_suffix(name, ".json"))
		return;
	on_put = NULL;
	second_thread = g_thread_new("second", back_up_second, second);
	wait_for_held();
}

/*
 * One process backs up two guests at once: the first one's hints name the packs of the second,
 * which is just about to flush their names. Another process finds them by these hints.
 */
START_TEST(packs_found_by_hints_are_durable)
{
	g_autoptr(VkVault) other = NULL;
	VkSession *first, *third;

	make_vault();
	one = open_vault();
	first = session_of(one);
	second = session_of(one);
	on_put = run_second_to_its_flush;
	back_up(one, first, '1', "12");
	ck_assert_ptr_nonnull(second_thread);

	other = open_vault();
	third = session_of(other);
	back_up(other, third, '3', "34567");
	vk_session_free(third);

	cut_and_let_go();
	g_thread_join(second_thread);
	vk_session_free(first);
	vk_session_free(second);
	g_clear_pointer(&one, vk_vault_free);
	check_cuts(ledger_check);
}
END_TEST

typedef struct Guest {
	VkVault *vault;
	char name;
	guint32 seed;
} Guest;

static gpointer back_up_often(gpointer data)
{
	const Guest *guest = data;
	g_autoptr(GRand) random = g_rand_new_with_seed(guest->seed);

	for (guint round = 0; round < 3; round++) {
		g_autoptr(VkSession) session = session_of(guest->vault);

		for (guint i = 0; i < 2; i++) {
			char content[8] = {0};

			for (guint at = 0; at + 1 < sizeof(content); at++)
				content[at] = ".123456789abcdefg"[g_rand_int_range(random, 0, 17)];
			back_up(guest->vault, session, guest->name, content);
		}
	}
	return NULL;
}

/* Two processes, each with two guests at once, that find each other's blocks as they come. */
START_TEST(whenever_the_power_fails_all_is_whole)
{
	g_autoptr(VkVault) first = NULL;
	g_autoptr(VkVault) other = NULL;
	Guest guests[4];
	GThread *threads[G_N_ELEMENTS(guests)];

	make_vault();
	first = open_vault();
	other = open_vault();
	for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
		guests[i] = (Guest){.vault = i < 2 ? first : other, .seed = g_rand_int(chance)};
		guests[i].name = (char)('1' + i);
	}
	for (guint i = 0; i < G_N_ELEMENTS(guests); i++)
		threads[i] = g_thread_new("guest", back_up_often, &guests[i]);
	for (guint i = 0; i < G_N_ELEMENTS(guests); i++)
		g_thread_join(threads[i]);
	check_cuts(ledger_check);
}
END_TEST

static void expect_found(const Ledger *unused, const char *cut)
{
	g_autoptr(VkVault) vault = vk_vault_open(cut, VK_VAULT_READ, NULL);
	g_autoptr(VkHealth) health = vk_health_load(vault, NULL);
	g_autoptr(VkSlotSet) damaged = vk_health_damaged(health);
	VkCheckRecord last;

	ck_assert_uint_eq(vk_slot_set_count_packs(damaged), 1);
	ck_assert(vk_check_record_last(vault, TRUE, &last, NULL));
	ck_assert_int_gt(last.time, 0);
}

static void note_check(VkVault *vault, VkHealth *health)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new();
	const VkCheckResult result = {.errors = errors};

	ck_assert(vk_health_save(health, NULL));
	ck_assert(vk_check_record_put(vault, &result, TRUE, NULL));
}

/* What is known is never removed before what takes its place is durable. */
START_TEST(what_checks_have_found_stays)
{
	const VkSlots slots = {{1}};
	VkPackId pack = vk_pack_id_random();
	g_autoptr(VkVault) vault = vk_vault_init(directory, NULL);
	g_autoptr(VkHealth) health = vk_health_load(vault, NULL);

	vk_health_add_damage(health, &pack, NULL, &slots, g_get_real_time());
	note_check(vault, health);
	power_cut_watch();
	for (guint i = 0; i < 3; i++)
		note_check(vault, health);
	check_cuts(expect_found);
}
END_TEST

/* Another process looks at the snapshot before its writer has flushed the name. */
static void check_before_flush(const char *name)
{
	g_autofree char *memory = g_build_filename(top, "memory.sqlite", NULL);
	g_autoptr(VkVault) other = NULL;
	g_autoptr(GPtrArray) texts = NULL;
	g_autoptr(GPtrArray) seen = NULL;

	if (!g_str_has_prefix(name, "snaps/") || !g_str_has_suffix(name, ".json"))
		return;
	on_put = NULL;
	ck_assert(!is_durable(name));
	other = vk_vault_open(directory, VK_VAULT_READ, NULL);
	vk_vault_set_memory(other, memory);
	texts = vk_chain_check(other, NULL, NULL);
	ck_assert_uint_eq(texts->len, 0);
	seen = vk_chain_memory_read(other->memory, NULL);
	ck_assert_uint_eq(seen->len, 1);
	ck_assert_uint_eq(((const VkChainEnd *)seen->pdata[0])->number, 2);
	ck_assert(is_durable(name));
}

/* Otherwise its host would say after a power failure that the vault was put back. */
START_TEST(what_a_check_remembers_is_durable)
{
	g_autoptr(VkVault) vault = NULL;

	make_vault();
	vault = open_vault();
	ledger_back_up(&ledger, vault, '1', "12");
	on_put = check_before_flush;
	ledger_back_up(&ledger, vault, '1', "34");
	ck_assert_ptr_null(on_put);
}
END_TEST

/* The folders above a new vault may be new as well. */
START_TEST(a_new_vault_is_durable_with_all_above_it)
{
	static const char *const levels[] = {"a", "a/b", "a/b/vault", "a/b/vault/packs",
					     "a/b/vault/vault.json"};
	g_autofree char *path = g_build_filename(top, "a/b/vault", NULL);
	g_autoptr(VkVault) vault = NULL;

	power_cut_watch();
	vault = vk_vault_init(path, NULL);
	ck_assert_ptr_nonnull(vault);
	for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
		g_autofree char *full = g_build_filename(top, levels[i], NULL);
		const char *within = levels[i] + MIN(strlen("a/b/vault/"), strlen(levels[i]));

		ck_assert_msg(is_durable(i < 3 ? full : within), "'%s'", levels[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("powercut");
	TCase *tcase = tcase_create("powercut");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, power_cut_setup, power_cut_teardown);
	tcase_add_test(tcase, packs_found_by_hints_are_durable);
	tcase_add_test(tcase, whenever_the_power_fails_all_is_whole);
	tcase_add_test(tcase, what_checks_have_found_stays);
	tcase_add_test(tcase, what_a_check_remembers_is_durable);
	tcase_add_test(tcase, a_new_vault_is_durable_with_all_above_it);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
