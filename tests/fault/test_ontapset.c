/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several guests in one take: what keeps one from being taken keeps no other. */
#include "io.h"
#include "ontapnas.h"

#include <check.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

static VkTake *make_take_of_two(void)
{
	VkTake *take = nas_web_take(FALSE);

	vk_take_join(take, MAIL, ID);
	vk_take_add(take, MAIL, "vda", nas_probe("vm/sub/mail.raw"));
	return take;
}

static void check_trouble(VkTake *take, const char *text)
{
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_take_check(take, WEB, &error), error);
	ck_assert(!vk_take_check(take, MAIL, &error));
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
}

/* The rest of the take is the web guest's. */
static void check_other(VkTake *take)
{
	g_autoptr(json_t) copy = vk_take_copy(take, WEB, "vda");
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_take_check(take, WEB, &error), error);
	bed_succeed(vk_take_keep(take, WEB, &error), error);
	vk_take_leave(take, MAIL);
	nas_check_content(copy, "web at the instant");
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	vk_take_leave(take, WEB);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	nas_check_log();
}

START_TEST(leaves_out_who_is_gone)
{
	g_autoptr(VkTake) take = make_take_of_two();
	g_autofree char *image = bed_path(bed, "vm/sub/mail.raw");
	g_autoptr(GError) error = NULL;

	g_unlink(image);
	bed_succeed(vk_take_prepare(take, &error), error);
	check_trouble(take, "disk 'vda': cannot open");
	bed_succeed(vk_take_shoot(take, &error) && vk_take_settle(take, &error), error);
	check_other(take);
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
	g_autoptr(VkTake) take = make_take_of_two();
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_take_prepare(take, &error), error);
	real_fdatasync = vk_io.fdatasync;
	vk_io.fdatasync = fail_of_mail;
	bed_succeed(vk_take_shoot(take, &error), error);
	vk_io.fdatasync = real_fdatasync;
	check_trouble(take, "disk 'vda': cannot write back");
	bed_succeed(vk_take_settle(take, &error), error);
	check_other(take);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontapset");
	TCase *tcase = tcase_create("ontapset");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_test(tcase, leaves_out_who_is_gone);
	tcase_add_test(tcase, leaves_out_who_cannot_be_flushed);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
