/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans for images that were made in a way of their own. */
#include "plan-bed.h"

#include "errors.h"

#include <string.h>
#include <sys/stat.h>

static void set_layout(const char *text)
{
	VkDiskRecord *disk = g_ptr_array_index(bed.snapshot->disks, 0);

	disk->layout = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(disk->layout);
}

START_TEST(options_come_back)
{
	set_layout("{\"cluster_size\":2097152,\"lazy_refcounts\":true}");
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_str_eq(item_at(made, 0)->place.options, "cluster_size=2097152,lazy_refcounts=on");
	ck_assert_uint_eq(made->notes->len, 0);
}
END_TEST

START_TEST(another_format_has_none)
{
	set_layout("{\"cluster_size\":2097152}");
	bed.options.format = g_strdup("raw");
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_ptr_null(item_at(made, 0)->place.options);
}
END_TEST

START_TEST(one_file_in_place_of_several_is_told)
{
	set_layout("{\"data_file\":\"x.data\",\"chain\":[{\"path\":\"/i/base.qcow2\"}]}");
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_uint_eq(made->notes->len, 2);
	ck_assert_ptr_nonnull(strstr(made->notes->pdata[0], "its data in 'x.data'"));
	ck_assert_ptr_nonnull(strstr(made->notes->pdata[1], "the backing file '/i/base.qcow2'"));
}
END_TEST

/* A base as it is now; what the snapshot says of its inode is right unless OFF. */
static void set_base(guint64 off)
{
	g_autofree char *path = path_in("base.raw");
	g_autofree char *text = NULL;
	struct stat info;

	touch("base.raw");
	ck_assert_int_eq(stat(path, &info), 0);
	text = g_strdup_printf(
		"{\"chain\":[{\"path\":\"%s\",\"format\":\"raw\",\"inode\":%" G_GUINT64_FORMAT
		",\"size\":%" G_GUINT64_FORMAT ",\"mtime_ns\":%" G_GUINT64_FORMAT "}]}",
		path, (guint64)info.st_ino + off, (guint64)info.st_size,
		(guint64)info.st_mtim.tv_sec * 1000000000 + (guint64)info.st_mtim.tv_nsec);
	set_layout(text);
	bed.options.keep_chain = TRUE;
}

START_TEST(a_base_that_is_as_it_was_is_stood_on)
{
	set_base(0);
	g_autofree char *path = path_in("base.raw");
	g_autofree char *note = NULL;
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_uint_eq(item_at(made, 0)->place.backing_count, 1);
	ck_assert_str_eq(item_at(made, 0)->place.backing[0].path, path);
	note = g_strdup_printf("disk 'vda' stands on '%s' again", path);
	ck_assert_uint_eq(made->notes->len, 1);
	ck_assert_str_eq(made->notes->pdata[0], note);
}
END_TEST

/* Whoever writes to the vault knows its size and time well. */
START_TEST(the_disk_of_another_guest_is_not)
{
	g_autofree char *disk = file_disk("vda", "base.raw");
	g_autofree char *xml =
		g_strdup_printf("<domain type='kvm'><name>other</name><uuid>" OTHER_UUID
				"</uuid><devices>%s</devices></domain>",
				disk);

	set_base(0);
	bed.facts.name = "other";
	bed.facts.uuid = OTHER_UUID;
	bed.facts.xml = xml;
	assert_refused(VK_ERROR_FAILED, "a disk of guest 'other'");
}
END_TEST

START_TEST(a_base_that_is_another_is_not)
{
	set_base(1);
	assert_refused(VK_ERROR_CHANGED, "leave out --keep-chain");
}
END_TEST

START_TEST(a_raw_image_stands_on_nothing)
{
	set_base(0);
	bed.options.format = g_strdup("raw");
	assert_refused(VK_ERROR_FAILED, "leave out --keep-chain");
}
END_TEST

START_TEST(no_file_of_the_host_becomes_a_base)
{
	set_layout("{\"chain\":[{\"path\":\"/etc/passwd\",\"format\":\"raw\",\"inode\":1,"
		   "\"size\":1,\"mtime_ns\":1}]}");
	bed.options.keep_chain = TRUE;
	assert_refused(VK_ERROR_FAILED, "/etc/passwd");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		options_come_back,
		another_format_has_none,
		one_file_in_place_of_several_is_told,
		a_base_that_is_as_it_was_is_stood_on,
		a_base_that_is_another_is_not,
		the_disk_of_another_guest_is_not,
		a_raw_image_stands_on_nothing,
		no_file_of_the_host_becomes_a_base,
	};

	return run_plan_tests("plan-layout", tests, G_N_ELEMENTS(tests));
}
