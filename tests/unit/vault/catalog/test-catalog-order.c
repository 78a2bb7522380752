/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In which order snapshots are listed when clocks were wrong, and what is the latest. */
#include "catalog.h"
#include "catalog-priv.h"

#include "checked-json.h"
#include "session.h"
#include "timestamp.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include "io.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <utime.h>
#include <unistd.h>

#define UUID "11111111-2222-3333-4444-555555555555"

static VaultDir dir;
static VkVault *vault;
static VkIo real;
static int told; /* the file that stands for stderr */

static void setup(void)
{
	vault = vault_dir_new(&dir);
	real = vk_io;
	told = open(dir.path, O_TMPFILE | O_RDWR, 0600);
	ck_assert_int_ge(dup2(told, STDERR_FILENO), 0);
}

static void teardown(void)
{
	vk_io = real;
	close(told);
	vault_dir_clear(&dir);
}

/* What was told has WHAT within; "": nothing was. */
static void check_told(const char *what)
{
	char text[4096] = {0};

	ck_assert_int_ge(pread(told, text, sizeof(text) - 1, 0), 0);
	ck_assert_msg(*what ? strstr(text, what) != NULL : *text == '\0', "'%s' in '%s'", what,
		      text);
}

static void forget_told(void)
{
	ck_assert_int_eq(ftruncate(told, 0), 0);
	ck_assert_int_eq(lseek(told, 0, SEEK_SET), 0);
}

static char *from_now(gint64 seconds)
{
	return vk_time_format(g_get_real_time() / G_USEC_PER_SEC + seconds);
}

static VkSnapshot *new_snapshot(const char *uuid, const char *time)
{
	VkSnapshot *snapshot = make_snapshot(uuid, time, NULL);

	g_ptr_array_set_size(snapshot->disks, 0);
	return snapshot;
}

/*
 * Commits a snapshot when the clock says so many seconds from now. Returns its TIME, a new string.
 */
static char *commit_in(VkVault *into, gint64 seconds)
{
	g_autofree char *time = from_now(seconds);
	g_autoptr(VkSnapshot) snapshot = new_snapshot(UUID, time);
	g_autoptr(VkSession) session = vk_session_new(into, 1, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	return g_strdup(snapshot->time);
}

/* As versions before did that noted nothing: it has the TIME that is given, and a parent. */
static char *put_old(gint64 seconds, const char *parent)
{
	g_autofree char *time = from_now(seconds);
	g_autoptr(VkSnapshot) snapshot = new_snapshot(UUID, time);
	g_autofree char *name = vk_snapshot_key_object(UUID, time, snapshot->id);
	g_autoptr(json_t) object = NULL;

	snapshot->parent = g_strdup(parent);
	object = vk_snapshot_to_json(snapshot);
	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
	return g_strdup(snapshot->id);
}

static const VkSnapshotKey *key_at(const GPtrArray *keys, guint i)
{
	return g_ptr_array_index(keys, i);
}

/* The snapshots are listed in the order of TIMES. */
static void check_order(char *const *times, guint count)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
	g_autoptr(GPtrArray) all = vk_catalog_list(vault, NULL, NULL);
	g_autoptr(VkSnapshot) latest = vk_catalog_find(vault, "guest@latest", NULL);

	ck_assert_uint_eq(keys->len, count);
	ck_assert_uint_eq(all->len, count);
	for (guint i = 0; i < count; i++) {
		ck_assert_str_eq(key_at(keys, i)->time, times[i]);
		ck_assert_str_eq(key_at(all, i)->time, times[i]);
	}
	ck_assert_str_eq(latest->time, times[count - 1]);
}

static void free_all(char **strings, guint count)
{
	for (guint i = 0; i < count; i++)
		g_free(strings[i]);
}

START_TEST(what_is_committed_last_is_the_latest)
{
	/* A clock that runs ahead, is set right, and is ahead once more by less. */
	static const gint64 clock[] = {-9000, 86400, 90000, -5000, -4000, 3600, -3000};
	char *times[G_N_ELEMENTS(clock)];

	for (guint i = 0; i < G_N_ELEMENTS(clock); i++) {
		times[i] = commit_in(vault, clock[i]);
		check_order(times, i + 1);
	}
	free_all(times, G_N_ELEMENTS(clock));
}
END_TEST

/* Which one "@TIME" means, SECONDS from now. NULL: none. */
static const char *choose(const GPtrArray *keys, gint64 seconds)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	const VkWhen when = {.kind = VK_WHEN_AT, .last = now + seconds};
	const VkSnapshotKey *key = vk_choose_snapshot(keys, &when, "then", "guest", NULL);

	return key ? key->time : NULL;
}

/* A host without a battery for its clock begins in a year long past, and is set right later. */
START_TEST(a_clock_of_the_past_dates_no_other)
{
	static const gint64 clock[] = {-9000, -8000, -1000000000, -1000000009, -3000};
	const gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	char *times[G_N_ELEMENTS(clock)];
	g_autoptr(GPtrArray) keys = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(clock); i++) {
		g_autoptr(GPtrArray) then = NULL;

		times[i] = commit_in(vault, clock[i]);
		check_order(times, i + 1);
		then = vk_catalog_list(vault, UUID, NULL);
		ck_assert_str_eq(choose(then, -8500), times[0]);
		ck_assert_str_eq(choose(then, i ? -7000 : -8500), times[i ? 1 : 0]);
		ck_assert_str_eq(choose(then, 3600), times[i]);
	}
	check_told("2 snapshots of the guest 'guest'");
	keys = vk_catalog_list(vault, UUID, NULL);
	ck_assert_ptr_null(choose(keys, -10000));
	ck_assert_str_eq(choose(keys, -1000), times[4]);
	ck_assert_int_ge(vk_snapshot_key_taken(key_at(keys, 0)), now - 9001);
	for (guint i = 1; i < 4; i++)
		ck_assert_int_ge(vk_snapshot_key_taken(key_at(keys, i)), now - 8001);
	free_all(times, G_N_ELEMENTS(clock));
}
END_TEST

START_TEST(a_clock_that_was_a_little_behind_dates_none)
{
	static const gint64 clock[] = {-9000, -5000, -4500, -8000, -4000};
	g_autoptr(GPtrArray) keys = NULL;
	char *times[G_N_ELEMENTS(clock)];

	for (guint i = 0; i < G_N_ELEMENTS(clock); i++)
		times[i] = commit_in(vault, clock[i]);
	keys = vk_catalog_list(vault, UUID, NULL);
	ck_assert_str_eq(choose(keys, -6000), times[0]);
	ck_assert_str_eq(choose(keys, -4600), times[1]);
	free_all(times, G_N_ELEMENTS(clock));
}
END_TEST

/* As many are ahead as not: they are in the future, which tells the clock that was wrong. */
START_TEST(a_clock_of_the_future_dates_no_other)
{
	static const gint64 clock[] = {-9000, 86400, 90000, -5000, -4000};
	g_autoptr(GPtrArray) keys = NULL;
	char *times[G_N_ELEMENTS(clock)];

	for (guint i = 0; i < G_N_ELEMENTS(clock); i++)
		times[i] = commit_in(vault, clock[i]);
	keys = vk_catalog_list(vault, UUID, NULL);
	ck_assert_str_eq(choose(keys, -6000), times[0]);
	ck_assert_str_eq(choose(keys, -4500), times[3]);
	ck_assert_str_eq(choose(keys, 0), times[4]);
	free_all(times, G_N_ELEMENTS(clock));
}
END_TEST

START_TEST(the_parent_is_what_was_committed_before)
{
	static const gint64 clock[] = {-9000, 86400, -5000, -4000};
	g_autofree char *last = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(clock); i++) {
		g_autofree char *time = commit_in(vault, clock[i]);
		g_autoptr(VkSnapshot) snapshot = vk_catalog_find(vault, UUID, NULL);

		ck_assert_str_eq(snapshot->time, time);
		ck_assert_int_eq(g_strcmp0(snapshot->parent, last), 0);
		g_free(last);
		last = g_strdup(snapshot->id);
	}
}
END_TEST

/*
 * Vaults of before: the one of the future was everybody's parent, as it was taken for the latest.
 */
START_TEST(children_tell_who_is_older)
{
	g_autofree char *first = put_old(-9000, NULL);
	g_autofree char *ahead = put_old(86400, first);
	g_autofree char *more_ahead = put_old(90000, ahead);
	g_autofree char *second = put_old(-5000, more_ahead);
	g_autofree char *third = put_old(-4000, more_ahead);
	const char *const ids[] = {first, ahead, more_ahead, second, third};

	for (guint round = 0; round < 2; round++) {
		g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
		g_autofree char *next = NULL;

		for (guint i = 0; i < G_N_ELEMENTS(ids); i++)
			ck_assert_str_eq(key_at(keys, i)->id, ids[i]);
		/* What is found out so is noted by the next commit, and changes nothing. */
		ck_assert_int_eq(key_at(keys, 1)->is_noted, round == 1);
		next = commit_in(vault, -3000 + (gint64)round);
	}
}
END_TEST

static guint n_read; /* snapshot objects */

static int openat_counted(int dirfd, const char *name, int flags, mode_t mode)
{
	if (g_str_has_suffix(name, ".json"))
		n_read++;
	return real.openat(dirfd, name, flags, mode);
}

/* The reads to see that nothing is newer do not grow with what is older. */
START_TEST(one_of_the_future_costs_one_read)
{
	g_autofree char *last = NULL;
	g_autoptr(GPtrArray) keys = NULL;

	for (guint i = 0; i < 20; i++) {
		char *id = put_old(-9000 + (gint64)i, last);

		g_free(last);
		last = id;
	}
	g_free(put_old(86400, last));
	vk_io.openat = openat_counted;
	keys = vk_catalog_list(vault, UUID, NULL);
	ck_assert_uint_eq(keys->len, 21);
	ck_assert_uint_eq(n_read, 1);
}
END_TEST

/* Retention removes what lies between. */
START_TEST(it_stays_older_without_its_child)
{
	g_autofree char *ahead = commit_in(vault, 86400);
	g_autofree char *child = commit_in(vault, -5000);
	char *left[2] = {ahead, commit_in(vault, -4000)};
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);

	ck_assert_str_eq(key_at(keys, 1)->time, child);
	ck_assert(vk_catalog_delete(vault, key_at(keys, 1), NULL));
	check_order(left, 2);
	g_free(left[1]);
}
END_TEST

START_TEST(a_deleted_one_leaves_nothing)
{
	g_autofree char *ahead = commit_in(vault, 86400);
	g_autofree char *next = commit_in(vault, -5000);
	g_autofree char *last = commit_in(vault, -6000); /* a second note on the first */
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
	g_autoptr(GPtrArray) names = NULL;

	for (guint i = 0; i < keys->len; i++)
		ck_assert(vk_catalog_delete(vault, key_at(keys, i), NULL));
	names = vault->store->ops->list(vault->store, "snaps/" UUID, NULL);
	ck_assert_uint_eq(names->len, 0);
}
END_TEST

START_TEST(a_newest_one_of_the_future_is_told)
{
	g_autofree char *past = commit_in(vault, -9000);
	g_autofree char *ahead = NULL;
	g_autofree char *next = NULL;
	g_autoptr(VkSnapshot) latest = vk_catalog_find(vault, "guest", NULL);

	check_told("");
	ahead = commit_in(vault, 86400);
	vk_snapshot_free(latest);
	latest = vk_catalog_find(vault, "guest", NULL);
	ck_assert_str_eq(latest->time, ahead);
	check_told(ahead);
	check_told("in the future");
	forget_told();
	next = commit_in(vault, -5000);
	check_told("older than it says");
	forget_told();
	vk_snapshot_free(latest);
	latest = vk_catalog_find(vault, "guest", NULL);
	ck_assert_str_eq(latest->time, next);
	check_told("");
}
END_TEST

static char *of_the_other; /* its TIME, once it has committed */

/* As soon as somebody's snapshot would appear, another commits one of the same second. */
static int renameat2_after_other(int olddir, const char *old, int newdir, const char *name,
				 unsigned flags)
{
	if (g_str_has_prefix(name, "snaps/") && g_str_has_suffix(name, ".json")) {
		VkVault *other;

		vk_io.renameat2 = real.renameat2;
		other = vk_vault_open(vk_vault_directory(vault), VK_VAULT_WRITE, NULL);
		of_the_other = commit_in(other, -5000);
		vk_vault_free(other);
	}
	return real.renameat2(olddir, old, newdir, name, flags);
}

START_TEST(two_commits_at_once_have_two_times)
{
	g_autofree char *time = NULL;
	g_autoptr(GPtrArray) names = NULL;

	vk_io.renameat2 = renameat2_after_other;
	time = commit_in(vault, -5000);
	ck_assert_ptr_nonnull(of_the_other);
	ck_assert_str_ne(time, of_the_other);
	names = vault->store->ops->list(vault->store, "snaps/" UUID, NULL);
	ck_assert_uint_eq(names->len, 2); /* and no claim */
	g_free(of_the_other);
}
END_TEST

/* The claim of a process that died costs a second. */
START_TEST(a_stale_claim_is_passed_over)
{
	g_autofree char *time = from_now(-5000);
	g_autofree char *next = from_now(-4999);
	g_autofree char *claim = g_strdup_printf("snaps/" UUID "/%s.claim", time);
	g_autofree char *committed = NULL;

	ck_assert(vk_store_put(vault->store, claim, NULL, 0, VK_PUT_HINT, NULL));
	committed = commit_in(vault, -5000);
	ck_assert_str_ge(committed, next);
}
END_TEST

static void put_claim(const char *claim, gint64 age_sec)
{
	g_autofree char *path = test_vault_path(vault, claim);
	gint64 then = g_get_real_time() / G_USEC_PER_SEC - age_sec;

	ck_assert(vk_store_put(vault->store, claim, NULL, 0, VK_PUT_HINT, NULL));
	ck_assert_int_eq(g_utime(path, &(struct utimbuf){then, then}), 0);
}

/* By when they were put: a replication claims seconds of long ago. */
START_TEST(claims_of_long_ago_are_removed)
{
	g_autofree char *old = from_now(-90000);
	g_autofree char *other = from_now(-90001);
	g_autofree char *young = from_now(-80000);
	g_autofree char *old_claim = g_strdup_printf("snaps/" UUID "/%s.claim", old);
	g_autofree char *other_claim = g_strdup_printf("snaps/" UUID "/%s.claim", other);
	g_autofree char *young_claim = g_strdup_printf("snaps/" UUID "/%s.claim", young);
	g_autofree char *committed = NULL;
	guint64 size;

	put_claim(old_claim, 90000);
	put_claim(other_claim, 80000);
	put_claim(young_claim, 80000);
	committed = commit_in(vault, -5000);
	ck_assert(!vault->store->ops->head(vault->store, old_claim, &size, NULL, NULL));
	ck_assert(vault->store->ops->head(vault->store, other_claim, &size, NULL, NULL));
	ck_assert(vault->store->ops->head(vault->store, young_claim, &size, NULL, NULL));
}
END_TEST

static Suite *order_suite(void)
{
	Suite *suite = suite_create("catalog-order");
	TCase *cases = tcase_create("catalog-order");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_is_committed_last_is_the_latest);
	tcase_add_test(cases, a_clock_of_the_past_dates_no_other);
	tcase_add_test(cases, a_clock_that_was_a_little_behind_dates_none);
	tcase_add_test(cases, a_clock_of_the_future_dates_no_other);
	tcase_add_test(cases, the_parent_is_what_was_committed_before);
	tcase_add_test(cases, children_tell_who_is_older);
	tcase_add_test(cases, it_stays_older_without_its_child);
	tcase_add_test(cases, a_deleted_one_leaves_nothing);
	tcase_add_test(cases, a_newest_one_of_the_future_is_told);
	tcase_add_test(cases, two_commits_at_once_have_two_times);
	tcase_add_test(cases, a_stale_claim_is_passed_over);
	tcase_add_test(cases, claims_of_long_ago_are_removed);
	tcase_add_test(cases, one_of_the_future_costs_one_read);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(order_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
