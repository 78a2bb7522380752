/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is usual for a guest, and what stands out from it. */
#include "usual.h"

#include <check.h>
#include <string.h>

#define MIB ((guint64)1 << 20)

static VkUsual usual_of(guint snapshots, guint64 fresh, guint64 stored)
{
	return (VkUsual){.snapshots = snapshots,
			 .median = {.read = fresh,
				    .fresh = fresh,
				    .stored = stored,
				    .duration_usec = 20 * (guint64)G_USEC_PER_SEC,
				    .pause_usec = 20000}};
}

static VkAmounts amounts_of(guint64 fresh, guint64 stored)
{
	return (VkAmounts){.read = fresh,
			   .fresh = fresh,
			   .stored = stored,
			   .duration_usec = 20 * (guint64)G_USEC_PER_SEC,
			   .pause_usec = 20000};
}

START_TEST(medians_are_of_each_amount)
{
	g_autoptr(GPtrArray) snapshots =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_free);
	static const guint64 fresh[] = {500, 10, 30, 20, 40};
	VkUsual usual;

	for (gsize i = 0; i < G_N_ELEMENTS(fresh); i++) {
		VkSnapshot *snapshot = vk_snapshot_new();
		VkDiskRecord *disk = vk_disk_record_new();

		snapshot->duration_usec = 100 - fresh[i] / 10;
		disk->fresh = fresh[i];
		disk->stored = fresh[i] / 2;
		g_ptr_array_add(snapshot->disks, disk);
		g_ptr_array_add(snapshots, snapshot);
	}
	usual = vk_usual_of(snapshots);
	ck_assert_uint_eq(usual.snapshots, 5);
	ck_assert_uint_eq(usual.median.fresh, 30);
	ck_assert_uint_eq(usual.median.stored, 15);
	ck_assert_uint_eq(usual.median.duration_usec, 97);
	g_ptr_array_set_size(snapshots, 0);
	ck_assert_uint_eq(vk_usual_of(snapshots).snapshots, 0);
}
END_TEST

/* New and stored MiB of the snapshot; how many before, and what they had; whether it is suspect. */
static const struct {
	guint64 fresh, stored;
	guint snapshots;
	guint64 usual_fresh, usual_stored;
	gboolean suspicious;
} cases[] = {
	{1000, 990, 10, 100, 40, TRUE},
	/* Much, but it compresses: an update of the system. */
	{1000, 400, 10, 100, 40, FALSE},
	/* It does not compress, but there is not more than usual. */
	{200, 199, 10, 100, 40, FALSE},
	/* A guest with films: never did its data compress. */
	{1000, 999, 10, 100, 98, FALSE},
	/* Who knows what is usual. */
	{1000, 990, 2, 100, 40, FALSE},
	{1000, 990, 0, 0, 0, FALSE},
	/* Little in any case. */
	{30, 30, 10, 1, 0, FALSE},
};

START_TEST(ransomware_is_called_out)
{
	VkAmounts amounts = amounts_of(cases[_i].fresh * MIB, cases[_i].stored * MIB);
	VkUsual usual = usual_of(cases[_i].snapshots, cases[_i].usual_fresh * MIB,
				 cases[_i].usual_stored * MIB);
	g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);

	ck_assert_int_eq(vk_amounts_are_suspicious(&amounts, &usual), cases[_i].suspicious);
	vk_usual_compare(&amounts, &usual, findings);
	ck_assert_int_eq(findings->len > 0 &&
				 strstr(g_ptr_array_index(findings, 0), "ransomware") != NULL,
			 cases[_i].suspicious);
}
END_TEST

static gboolean is_found(const GPtrArray *findings, const char *text)
{
	for (guint i = 0; i < findings->len; i++)
		if (strstr(g_ptr_array_index(findings, i), text))
			return TRUE;
	return FALSE;
}

START_TEST(what_stands_out_is_said)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) some = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) slow = g_ptr_array_new_with_free_func(g_free);
	VkUsual usual = usual_of(10, 100 * MIB, 40 * MIB);
	VkAmounts amounts = amounts_of(150 * MIB, 60 * MIB);

	vk_usual_compare(&amounts, &usual, none);
	ck_assert_uint_eq(none->len, 0);

	amounts = amounts_of(420 * MIB, 160 * MIB);
	amounts.duration_usec = 300 * (guint64)G_USEC_PER_SEC;
	amounts.pause_usec = 3 * (guint64)G_USEC_PER_SEC;
	vk_usual_compare(&amounts, &usual, some);
	ck_assert(is_found(some, "large: 420.0 MiB of new data, 4.2 times the usual 100.0 MiB"));
	ck_assert(is_found(some, "because it read"));
	ck_assert(is_found(some, "long pause"));

	amounts = amounts_of(100 * MIB, 40 * MIB);
	amounts.duration_usec = 300 * (guint64)G_USEC_PER_SEC;
	vk_usual_compare(&amounts, &usual, slow);
	ck_assert_uint_eq(slow->len, 1);
	ck_assert(is_found(slow, "the storage or the network was slow"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("usual");
	TCase *tcase = tcase_create("usual");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, medians_are_of_each_amount);
	tcase_add_loop_test(tcase, ransomware_is_called_out, 0, G_N_ELEMENTS(cases));
	tcase_add_test(tcase, what_stands_out_is_said);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
