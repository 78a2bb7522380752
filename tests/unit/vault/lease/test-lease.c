/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What leases say in the vault, and what others see of them. */
#include "lease-bed.h"

#include "checked-json.h"
#include "errors.h"
#include "lease-priv.h"
#include "lease-sweep.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT "snaps/11111111-2222-3333-4444-555555555555/20261121T120000Z-0123456789abcdef.json"

/* Puts the lease ID again, with another value for a member of its owner. */
static void alter_owner(const char *id, const char *key, json_t *value)
{
	g_autofree char *name = g_strdup_printf("leases/%s.0", id);
	g_autoptr(json_t) lease = vk_checked_json_get(inner, name, NULL);

	json_object_set_new(json_object_get(lease, "owner"), key, value);
	ck_assert(inner->ops->delete (inner, name, NULL));
	ck_assert(vk_checked_json_put(inner, name, lease, VK_PUT_NOW, NULL));
}

START_TEST(a_lease_is_open_until_it_ends)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	g_autoptr(VkLeaseInfo) info = only_lease();
	g_autoptr(json_t) object = json_pack("{s:s}", "some", "thing");
	g_autoptr(VkLeaseInfo) later = NULL;

	ck_assert_str_eq(info->id, vk_lease_id(lease));
	ck_assert_int_eq(info->kind, VK_LEASE_WRITE);
	ck_assert(!info->ended && !info->has_intent && !info->fenced && !info->is_local_and_dead);
	ck_assert(info->is_local_and_alive);
	ck_assert_str_eq(info->host, g_get_host_name());
	ck_assert_int_eq(info->pid, getpid());
	ck_assert_ptr_nonnull(info->since);
	ck_assert(vk_lease_put_intent(lease, SNAPSHOT, object, NULL));
	later = only_lease();
	ck_assert(later->has_intent);
	vk_lease_end(lease);
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

/* It has ended once that is gone, and the rest says nothing any more. */
START_TEST(the_first_object_goes_first)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	g_autoptr(json_t) object = json_object();
	int begin_goes;

	ck_assert(vk_lease_put_intent(lease, SNAPSHOT, object, NULL));
	vk_lease_end(lease);
	begin_goes = watched_store_find(watched, "delete leases/*.0", 0);
	ck_assert_int_ge(begin_goes, 0);
	ck_assert_int_lt(begin_goes, watched_store_find(watched, "delete leases/*.commit", 0));
	ck_assert_int_eq(watched_store_find(watched, "put leases/*.end", 0), -1);
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

static gboolean refuse_intents(VkStore *of, const char *call)
{
	return !(g_str_has_prefix(call, "put leases/") && g_str_has_suffix(call, ".commit"));
}

/* It may come after all: then the end says to whoever lists it that it means nothing. */
START_TEST(an_intent_that_is_unclear_gets_an_end)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	g_autoptr(json_t) object = json_object();

	watched->on_call = refuse_intents;
	ck_assert(!vk_lease_put_intent(lease, SNAPSHOT, object, NULL));
	watched->on_call = NULL;
	vk_lease_end(lease);
	ck_assert_int_ge(watched_store_find(watched, "put leases/*.end", 0), 0);
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

static gboolean refuse_to_delete(VkStore *of, const char *call)
{
	return !g_str_has_prefix(call, "delete ");
}

START_TEST(who_may_not_delete_puts_an_end)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	g_autoptr(json_t) object = json_object();
	g_autoptr(VkLeaseInfo) info = NULL;

	ck_assert(vk_lease_put_intent(lease, SNAPSHOT, object, NULL));
	watched->on_call = refuse_to_delete;
	vk_lease_end(lease);
	watched->on_call = NULL;
	info = only_lease();
	ck_assert(info->ended);
}
END_TEST

static gboolean refuse_to_delete_the_first_beat(VkStore *of, const char *call)
{
	return !(g_str_has_prefix(call, "delete leases/") && g_str_has_suffix(call, ".1"));
}

START_TEST(a_beat_that_stayed_goes_with_the_lease)
{
	VkLease *lease = begin(VK_LEASE_WRITE);

	vk_lease_beat(lease);
	watched->on_call = refuse_to_delete_the_first_beat;
	vk_lease_beat(lease);
	watched->on_call = NULL;
	ck_assert_uint_eq(count_objects("leases"), 3);
	vk_lease_end(lease);
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

START_TEST(a_reader_names_what_it_reads)
{
	static const char *const names[] = {SNAPSHOT, NULL};
	VkLease *some = vk_lease_begin(store, VK_LEASE_READ, names, NULL);
	g_autoptr(VkLeaseInfo) info = only_lease();
	g_autoptr(VkLeaseInfo) every = NULL;
	VkLease *all;

	ck_assert(vk_lease_info_reads(info, SNAPSHOT));
	ck_assert(!vk_lease_info_reads(info, "snaps/another"));
	vk_lease_end(some);
	ck_assert_uint_eq(count_objects("leases"), 0);
	all = begin(VK_LEASE_READ);
	every = only_lease();
	ck_assert(vk_lease_info_reads(every, "snaps/another"));
	vk_lease_end(all);
}
END_TEST

START_TEST(a_fence_is_seen_at_once)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	gboolean fenced;

	ck_assert(vk_lease_is_fenced(lease, &fenced, NULL));
	ck_assert(!fenced);
	for (guint i = 0; i < 2; i++)
		ck_assert(vk_lease_fence(store, vk_lease_id(lease), NULL));
	ck_assert(vk_lease_is_fenced(lease, &fenced, NULL));
	ck_assert(fenced);
	{
		g_autoptr(VkLeaseInfo) info = only_lease();

		ck_assert(info->fenced && !info->ended);
	}
	vk_lease_end(lease);
	ck_assert_uint_eq(count_objects("fence"), 0);
}
END_TEST

/* Somebody takes the owner for dead by mistake, and removes what it left. */
START_TEST(an_end_by_another_is_seen)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	gboolean fenced;

	put_empty("leases/", vk_lease_id(lease), ".end");
	ck_assert(vk_lease_is_fenced(lease, &fenced, NULL));
	ck_assert(fenced);
	ck_assert(vk_lease_fence(store, vk_lease_id(lease), NULL));
	ck_assert(vk_lease_sweep(store, vk_lease_id(lease), NULL));
	ck_assert_uint_eq(count_objects("fence") + count_objects("leases"), 0);
	ck_assert(vk_lease_is_fenced(lease, &fenced, NULL));
	ck_assert(fenced);
	vk_lease_end(lease);
}
END_TEST

START_TEST(a_fence_against_another_is_none)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	gboolean fenced = TRUE;

	put_empty("fence/", "00000000000000000000000000000000", ".0");
	ck_assert(vk_lease_is_fenced(lease, &fenced, NULL));
	ck_assert(!fenced);
	vk_lease_end(lease);
}
END_TEST

static gboolean refuse_lists(G_GNUC_UNUSED VkStore *unused, const char *call)
{
	return !g_str_has_prefix(call, "list ");
}

START_TEST(what_cannot_be_looked_for_is_an_error)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	gboolean fenced;

	watched->on_call = refuse_lists;
	ck_assert(!vk_lease_is_fenced(lease, &fenced, NULL));
	ck_assert_ptr_null(vk_leases_list(store, NULL));
	watched->on_call = NULL;
	vk_lease_end(lease);
}
END_TEST

START_TEST(an_intent_is_read_back)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	g_autoptr(json_t) object = json_pack("{s:s}", "some", "thing");
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL;
	g_autoptr(json_t) none = vk_lease_load_intent(store, vk_lease_id(lease), &name, &error);
	g_autoptr(json_t) found = NULL;

	ck_assert_ptr_null(none);
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert(vk_lease_put_intent(lease, SNAPSHOT, object, NULL));
	found = vk_lease_load_intent(store, vk_lease_id(lease), &name, NULL);
	ck_assert(json_equal(found, object));
	ck_assert_str_eq(name, SNAPSHOT);
	vk_lease_end(lease);
}
END_TEST

START_TEST(a_dead_process_of_this_host_is_known)
{
	g_autofree char *id = abandon(VK_LEASE_WRITE);
	g_autoptr(VkLeaseInfo) info = only_lease();
	g_autoptr(VkLeaseInfo) ended = NULL;

	ck_assert(info->is_local_and_dead && !info->ended);
	ck_assert(!vk_lease_sweep(store, id, NULL));
	ck_assert(vk_lease_end_of_dead(store, info, NULL));
	ck_assert(vk_lease_end_of_dead(store, info, NULL));
	ended = only_lease();
	ck_assert(ended->ended);
	ck_assert(vk_lease_sweep(store, id, NULL));
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

START_TEST(nothing_is_known_of_another_host)
{
	g_autofree char *id = abandon(VK_LEASE_WRITE);
	g_autoptr(VkLeaseInfo) info = NULL;
	g_autoptr(GError) error = NULL;

	alter_owner(id, "host", json_string("another.example.org"));
	info = only_lease();
	ck_assert(!info->is_local_and_dead);
	ck_assert(!vk_lease_end_of_dead(store, info, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
}
END_TEST

static const char *const unreadable[] = {"", "not JSON\n", "{}\n{\"sha256\":\"00\"}\n"};

START_TEST(what_cannot_be_read_counts_as_anybodys)
{
	const char *text = unreadable[_i];
	struct iovec part = {.iov_base = (void *)(guintptr)text, .iov_len = strlen(text)};
	g_autoptr(VkLeaseInfo) info = NULL;

	ck_assert(vk_store_put(inner, "leases/00000000000000000000000000000000.0", &part, 1,
			       VK_PUT_NOW, NULL));
	info = only_lease();
	ck_assert_int_eq(info->kind, VK_LEASE_UNKNOWN);
	ck_assert(!info->ended && !info->is_local_and_dead);
	ck_assert(vk_lease_info_reads(info, SNAPSHOT));
}
END_TEST

static gboolean delete_at_the_look(VkStore *unwatched, const char *call)
{
	return !g_pattern_match_simple("look leases/*.0", call) ||
	       unwatched->ops->delete (unwatched, call + strlen("look "), NULL);
}

/* Its owner ends it between the listing and the look. */
START_TEST(what_goes_while_it_is_listed_has_ended)
{
	g_autofree char *id = abandon(VK_LEASE_READ);
	g_autoptr(VkLeaseInfo) info = NULL;

	watched->on_call = delete_at_the_look;
	info = only_lease();
	ck_assert_str_eq(info->id, id);
	ck_assert(info->ended);
}
END_TEST

static gboolean refuse_looks(G_GNUC_UNUSED VkStore *unused, const char *call)
{
	return !g_str_has_prefix(call, "look ");
}

START_TEST(what_cannot_be_looked_at_is_open)
{
	g_autofree char *id = abandon(VK_LEASE_READ);
	g_autoptr(VkLeaseInfo) info = NULL;

	watched->on_call = refuse_looks;
	info = only_lease();
	ck_assert_str_eq(info->id, id);
	ck_assert_int_eq(info->kind, VK_LEASE_UNKNOWN);
	ck_assert(!info->ended);
}
END_TEST

START_TEST(names_of_unknown_form_are_ignored)
{
	g_autoptr(GPtrArray) infos = NULL;

	put_empty("leases/", "README", "");
	put_empty("leases/", "0123", ".0");
	put_empty("leases/", "00000000000000000000000000000000", "");
	put_empty("fence/", "note.0", "");
	infos = vk_leases_list(store, NULL);
	ck_assert_uint_eq(infos->len, 0);
}
END_TEST

START_TEST(the_newest_beat_counts)
{
	VkLease *lease = begin(VK_LEASE_COLLECT);
	g_autoptr(VkLeaseInfo) info = NULL;

	put_empty("leases/", vk_lease_id(lease), ".9");
	put_empty("leases/", vk_lease_id(lease), ".10");
	put_empty("leases/", vk_lease_id(lease), ".x");
	info = only_lease();
	ck_assert_uint_eq(info->beat, 10);
	ck_assert_int_eq(info->kind, VK_LEASE_COLLECT);
	vk_lease_end(lease);
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

/* A listing under way must not miss the lease, whatever of it comes and goes. */
START_TEST(a_beat_replaces_the_last_and_never_the_lease)
{
	VkLease *lease = begin(VK_LEASE_WRITE);

	for (guint i = 1; i <= 3; i++) {
		g_autoptr(VkLeaseInfo) info = NULL;

		vk_lease_beat(lease);
		info = only_lease();
		ck_assert_uint_eq(info->beat, i);
		ck_assert_uint_eq(count_objects("leases"), 2);
	}
	ck_assert_int_eq(watched_store_find(watched, "delete leases/*.0", 0), -1);
	vk_lease_end(lease);
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

START_TEST(one_that_is_left_open_stays)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	g_autoptr(VkLeaseInfo) info = NULL;

	vk_lease_leave_open(lease);
	info = only_lease();
	ck_assert(!info->ended);
}
END_TEST

static Suite *lease_suite(void)
{
	Suite *suite = suite_create("lease");
	TCase *cases = tcase_create("lease");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_lease_is_open_until_it_ends);
	tcase_add_test(cases, the_first_object_goes_first);
	tcase_add_test(cases, an_intent_that_is_unclear_gets_an_end);
	tcase_add_test(cases, who_may_not_delete_puts_an_end);
	tcase_add_test(cases, a_beat_that_stayed_goes_with_the_lease);
	tcase_add_test(cases, a_reader_names_what_it_reads);
	tcase_add_test(cases, a_fence_is_seen_at_once);
	tcase_add_test(cases, an_end_by_another_is_seen);
	tcase_add_test(cases, a_fence_against_another_is_none);
	tcase_add_test(cases, what_cannot_be_looked_for_is_an_error);
	tcase_add_test(cases, an_intent_is_read_back);
	tcase_add_test(cases, a_dead_process_of_this_host_is_known);
	tcase_add_test(cases, nothing_is_known_of_another_host);
	tcase_add_loop_test(cases, what_cannot_be_read_counts_as_anybodys, 0,
			    G_N_ELEMENTS(unreadable));
	tcase_add_test(cases, what_goes_while_it_is_listed_has_ended);
	tcase_add_test(cases, what_cannot_be_looked_at_is_open);
	tcase_add_test(cases, names_of_unknown_form_are_ignored);
	tcase_add_test(cases, the_newest_beat_counts);
	tcase_add_test(cases, a_beat_replaces_the_last_and_never_the_lease);
	tcase_add_test(cases, one_that_is_left_open_stays);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(lease_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
