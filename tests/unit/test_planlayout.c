/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans for images that were made in a way of their own. */
#include "planbed.h"

#include "errors.h"

#include <string.h>

static void set_layout(const char *text)
{
	VkDiskRecord *disk = g_ptr_array_index(bed.snapshot->disks, 0);

	disk->layout = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(disk->layout);
}

START_TEST(options_come_back)
{
	set_layout("{\"cluster_size\":2097152,\"lazy_refcounts\":true}");
	g_autoptr(VkPlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_str_eq(item_at(made, 0)->place.options, "cluster_size=2097152,lazy_refcounts=on");
	ck_assert_uint_eq(made->notes->len, 0);
}
END_TEST

START_TEST(another_format_has_none)
{
	set_layout("{\"cluster_size\":2097152}");
	bed.options.format = g_strdup("raw");
	g_autoptr(VkPlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_ptr_null(item_at(made, 0)->place.options);
}
END_TEST

START_TEST(one_file_in_place_of_several_is_told)
{
	set_layout("{\"data_file\":\"x.data\",\"chain\":[{\"path\":\"/i/base.qcow2\"}]}");
	g_autoptr(VkPlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_uint_eq(made->notes->len, 2);
	ck_assert_ptr_nonnull(strstr(made->notes->pdata[0], "its data in 'x.data'"));
	ck_assert_ptr_nonnull(strstr(made->notes->pdata[1], "the backing file '/i/base.qcow2'"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		options_come_back,
		another_format_has_none,
		one_file_in_place_of_several_is_told,
	};

	return run_plan_tests("planlayout", tests, G_N_ELEMENTS(tests));
}
