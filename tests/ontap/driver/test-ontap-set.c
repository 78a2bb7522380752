/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several guests in one set: what keeps one from being taken keeps no other. */
#include "io.h"
#include "ontap-nas.h"

#include <check.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

static VkSnapshotSet *make_set_of_two(void)
{
	VkSnapshotSet *set = nas_web_set(FALSE);

	vk_snapshot_set_join(set, MAIL, ID);
	vk_snapshot_set_add(set, MAIL, "vda", nas_probe("vm/sub/mail.raw"));
	return set;
}

static void check_trouble(VkSnapshotSet *set, const char *text)
{
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_snapshot_set_check(set, WEB, &error), error);
	ck_assert(!vk_snapshot_set_check(set, MAIL, &error));
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
}

/* The rest of the set is the web guest's. */
static void check_other(VkSnapshotSet *set)
{
	g_autoptr(json_t) copy = vk_snapshot_set_copy(set, WEB, "vda");
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_snapshot_set_check(set, WEB, &error), error);
	bed_succeed(vk_snapshot_set_keep(set, WEB, &error), error);
	vk_snapshot_set_leave(set, MAIL);
	nas_check_content(copy, "web at the instant");
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	nas_check_log();
}

START_TEST(leaves_out_who_is_gone)
{
	g_autoptr(VkSnapshotSet) set = make_set_of_two();
	g_autofree char *image = bed_path(bed, "vm/sub/mail.raw");
	g_autoptr(GError) error = NULL;

	g_unlink(image);
	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	check_trouble(set, "disk 'vda': cannot open");
	bed_succeed(vk_snapshot_set_snap(set, &error) && vk_snapshot_set_settle(set, &error),
		    error);
	check_other(set);
}
END_TEST

static int (*real_fdatasync)(int fd);

static int fail_of_mail(int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *path = g_file_read_link(link, NULL);

	if (!g_str_has_suffix(path, "mail.raw"))
		return real_fdatasync(fd);
	errno = EIO;
	return -1;
}

START_TEST(leaves_out_who_cannot_be_flushed)
{
	g_autoptr(VkSnapshotSet) set = make_set_of_two();
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	real_fdatasync = vk_io.fdatasync;
	vk_io.fdatasync = fail_of_mail;
	bed_succeed(vk_snapshot_set_snap(set, &error), error);
	vk_io.fdatasync = real_fdatasync;
	check_trouble(set, "disk 'vda': cannot write back");
	bed_succeed(vk_snapshot_set_settle(set, &error), error);
	check_other(set);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-set");
	TCase *tcase = tcase_create("ontap-set");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_test(tcase, leaves_out_who_is_gone);
	tcase_add_test(tcase, leaves_out_who_cannot_be_flushed);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
