/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SnapMirror and SnapVault of the ONTAP driver: relationships and transfers. */
#include "errors.h"
#include "interrupt.h"
#include "json.h"
#include "ontap-pair.h"

#include <check.h>
#include <string.h>

/* The only relationship of the copy. */
static GPtrArray *ask(const json_t *copy)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *found = vk_arrays_replications(bed->arrays, copy, &error);

	bed_succeed(found != NULL, error);
	ck_assert_uint_eq(found->len, 1);
	return found;
}

START_TEST(transfers_by_label)
{
	g_autoptr(json_t) copy = pair_snap("vaulted/a.raw", "daily");
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	bed_succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	bed->control_port = bed->second_port;
	json_decref(
		bed_control(bed, "POST", "set",
			    json_pack("{s:s, s:{s:s}, s:{s:s}}", "kind", "relationships", "where",
				      "source.path", "s:vaulted", "set", "lag_time", "P1DT2H3M")));
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->array, "first");
	ck_assert_str_eq(replication->source, "s:vaulted");
	ck_assert_str_eq(replication->destination, "d:vault");
	ck_assert_str_eq(replication->at, "second");
	ck_assert_str_eq(replication->kind, "vault");
	ck_assert_str_eq(replication->state, "snapmirrored");
	ck_assert(replication->is_healthy);
	ck_assert_ptr_null(replication->reason);
	ck_assert_int_eq(replication->lag, 86400 + 2 * 3600 + 3 * 60);
	ck_assert_str_eq(replication->transfer_state, "success");
	ck_assert_ptr_nonnull(replication->transfer_end);
	ck_assert_str_eq(replication->exported, pair_snapshot_of(copy));
	ck_assert_uint_eq(replication->snapshots->len, 1);
	ck_assert_str_eq(g_ptr_array_index(replication->snapshots, 0), pair_snapshot_of(copy));
	ck_assert_ptr_null(replication->advice);
}
END_TEST

START_TEST(tells_of_a_label_without_a_rule)
{
	g_autoptr(json_t) copy = pair_snap("vaulted/a.raw", "hourly");
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 20, &error));
	ck_assert_msg(strstr(error->message, "no rule in the policy 'MirrorAndVault'") != NULL,
		      "%s", error->message);
}
END_TEST

START_TEST(transfers_to_a_mirror)
{
	g_autoptr(json_t) copy = pair_snap("mirrored/a.raw", NULL);
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	bed_succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->kind, "mirror");
	ck_assert_str_eq(replication->exported, pair_snapshot_of(copy));
}
END_TEST

START_TEST(tells_what_fails)
{
	g_autoptr(json_t) copy = pair_snap("vaulted/a.raw", "daily");
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_outcome", json_string("failed"));
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 20, &error));
	ck_assert_msg(strstr(error->message, "ended as 'failed': The transfer failed") != NULL,
		      "%s", error->message);
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert(!replication->is_healthy);
	ck_assert_str_eq(replication->reason, "The transfer failed.");
}
END_TEST

START_TEST(waits_no_longer_than_told)
{
	g_autoptr(json_t) copy = pair_snap("vaulted/a.raw", "daily");
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_seconds", json_integer(60));
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 1, &error));
	ck_assert_int_eq(error->code, VK_ERROR_BUSY);
	g_clear_error(&error);
	/* Who does not wait takes one under way for good. */
	bed_succeed(vk_arrays_replicate(bed->arrays, copy, 0, &error), error);
}
END_TEST

/* Whoever ends the program does not wait for a transfer, which goes on without it. */
START_TEST(waits_no_longer_when_interrupted)
{
	g_autoptr(json_t) copy = pair_snap("vaulted/a.raw", "daily");
	gint64 start = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_seconds", json_integer(60));
	vk_set_interrupted(TRUE);
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 30, &error));
	vk_set_interrupted(FALSE);
	ck_assert_int_lt(g_get_monotonic_time() - start, 20 * G_TIME_SPAN_SECOND);
	ck_assert_msg(strstr(error->message, "interrupted") != NULL, "%s", error->message);
}
END_TEST

START_TEST(survives_a_lost_reply)
{
	g_autoptr(json_t) copy = pair_snap("vaulted/a.raw", "daily");
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_add_fault(bed, "reset", "POST", "/transfers$", "after");
	bed_succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
}
END_TEST

START_TEST(advises_where_there_is_none)
{
	g_autoptr(json_t) copy = pair_snap("alone/a.raw", "daily");
	g_autoptr(GPtrArray) found = ask(copy);
	const VkReplication *replication = g_ptr_array_index(found, 0);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(replication->destination);
	ck_assert_msg(
		g_str_has_prefix(replication->advice, "snapmirror create -source-path s:alone "),
		"%s", replication->advice);
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 0, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
}
END_TEST

/* One that has nothing to do with the volume does not answer: the others are served first. */
START_TEST(replicates_in_spite_of_a_silent_cluster)
{
	g_autoptr(json_t) copy = NULL;
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	bed_configure(bed, FIRST
		      "[array lost]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN SECOND);
	copy = pair_snap("vaulted/a.raw", "daily");
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 20, &error));
	ck_assert_msg(strstr(error->message, "array 'lost'") != NULL, "%s", error->message);
	bed_configure(bed, FIRST SECOND);
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_uint_eq(replication->snapshots->len, 1);
}
END_TEST

/* What holds the relationship need not show as a transfer. */
START_TEST(waits_no_longer_for_another)
{
	g_autoptr(json_t) first = pair_snap("mirrored/a.raw", NULL);
	g_autoptr(json_t) second = pair_snap("mirrored/a.raw", NULL);
	g_autoptr(json_t) requests = NULL;
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_arrays_replicate(bed->arrays, first, 20, &error), error);
	bed->control_port = bed->second_port;
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:i}", "action", "status",
					  "method", "POST", "path", "/transfers$", "status", 409,
					  "code", "13303844", "message",
					  "Another transfer is in progress.", "times", -1)));
	json_decref(bed_requests(bed));
	ck_assert(!vk_arrays_replicate(bed->arrays, second, 2, &error));
	ck_assert_int_eq(error->code, VK_ERROR_BUSY);
	requests = bed_requests(bed);
	ck_assert_uint_lt(bed_count(requests, "POST", "*/transfers"), 10);
}
END_TEST

/* Each volume of a copy is to have a relationship, not only one of them. */
START_TEST(misses_one_of_two)
{
	g_autoptr(json_t) copy = pair_snap("mirrored/a.raw", NULL);
	g_autoptr(json_t) other = pair_snap("alone/a.raw", NULL);
	g_autoptr(GError) error = NULL;

	json_array_extend(json_object_get(copy, "layers"), json_object_get(other, "layers"));
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 0, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert_msg(strstr(error->message, "s:alone") != NULL, "%s", error->message);
}
END_TEST

/* What was under way before does not bring the snapshot: it is asked for once more. */
START_TEST(follows_another_transfer)
{
	g_autoptr(json_t) first = pair_snap("mirrored/a.raw", NULL);
	g_autoptr(json_t) second = pair_snap("mirrored/a.raw", NULL);
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_seconds", json_integer(2));
	bed_succeed(vk_arrays_replicate(bed->arrays, first, 0, &error), error);
	bed_succeed(vk_arrays_replicate(bed->arrays, second, 20, &error), error);
}
END_TEST

START_TEST(knows_of_clusters_that_are_not_configured)
{
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(json_t) copy = NULL;
	const VkReplication *replication;

	bed_configure(bed, FIRST);
	copy = pair_snap("vaulted/a.raw", "daily");
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->destination, "d:vault");
	ck_assert_ptr_null(replication->at);
	ck_assert_msg(strstr(replication->reason, "'c2' is not in the configuration") != NULL, "%s",
		      replication->reason);
}
END_TEST

START_TEST(tells_of_silent_clusters)
{
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	const VkReplication *replication;

	bed_configure(bed,
		      FIRST "[array second]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN);
	copy = pair_snap("vaulted/a.raw", "daily");
	found = vk_arrays_replications(bed->arrays, copy, &error);
	bed_succeed(found != NULL, error);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->at, "second");
	ck_assert_ptr_nonnull(replication->reason);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-mirror");
	TCase *tcase = tcase_create("ontap-mirror");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, pair_setup, pair_teardown);
	tcase_add_test(tcase, transfers_by_label);
	tcase_add_test(tcase, tells_of_a_label_without_a_rule);
	tcase_add_test(tcase, transfers_to_a_mirror);
	tcase_add_test(tcase, tells_what_fails);
	tcase_add_test(tcase, waits_no_longer_than_told);
	tcase_add_test(tcase, waits_no_longer_when_interrupted);
	tcase_add_test(tcase, survives_a_lost_reply);
	tcase_add_test(tcase, advises_where_there_is_none);
	tcase_add_test(tcase, misses_one_of_two);
	tcase_add_test(tcase, follows_another_transfer);
	tcase_add_test(tcase, waits_no_longer_for_another);
	tcase_add_test(tcase, replicates_in_spite_of_a_silent_cluster);
	tcase_add_test(tcase, knows_of_clusters_that_are_not_configured);
	tcase_add_test(tcase, tells_of_silent_clusters);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
