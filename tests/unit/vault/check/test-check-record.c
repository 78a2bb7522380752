/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is remembered of checks is what the last one has found, however soon it came. */
#include "check-record.h"
#include "image-bed.h"

static void put(guint64 errors, gboolean data)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	const VkCheckResult result = {.errors = none, .unlisted = errors};

	ck_assert(vk_check_record_put(vault, &result, data, NULL));
}

static guint64 last(gboolean with_data)
{
	VkCheckRecord record;

	ck_assert(vk_check_record_last(vault, with_data, &record, NULL));
	ck_assert_int_gt(record.time, 0);
	return record.errors;
}

/* All within a second or two. */
START_TEST(the_last_of_many_counts)
{
	for (guint64 i = 1; i <= 64; i++) {
		gboolean data = i % 3 == 0;

		put(i, data);
		ck_assert_uint_eq(last(FALSE), i);
		if (data)
			ck_assert_uint_eq(last(TRUE), i);
	}
}
END_TEST

START_TEST(nothing_is_remembered_of_no_check)
{
	VkCheckRecord record;

	ck_assert(vk_check_record_last(vault, FALSE, &record, NULL));
	ck_assert_int_eq(record.time, 0);
	put(3, FALSE);
	ck_assert(vk_check_record_last(vault, TRUE, &record, NULL));
	ck_assert_int_eq(record.time, 0);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, the_last_of_many_counts);
	tcase_add_test(tcase, nothing_is_remembered_of_no_check);
}

int main(void)
{
	return run_image_tests("check-record", add);
}
