/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ways of the ONTAP driver to bring a file back in place, and where there is none. */
#include "ontap-nas.h"

#include <check.h>
#include <sys/stat.h>

/* Refuses the calls of some ways to restore, and counts those of each. */
static void check_restore(const char *const *refused, const char *method, const char *pattern,
			  gboolean done)
{
	g_autoptr(json_t) copy = nas_listed_copy(FALSE);
	g_autofree char *path = bed_path(bed, "vm/new.raw");
	g_autoptr(json_t) requests = NULL;
	g_autoptr(GError) error = NULL;
	gboolean got = !done;
	struct stat info;

	bed_write(bed, "vm/web.raw", "web after the instant");
	bed_write(bed, "vm/sub/mail.raw", "mail after the instant");
	bed_write(bed, "vm/new.raw", "");
	ck_assert_int_eq(chmod(path, 0640), 0);
	for (; *refused; refused++)
		json_decref(bed_control(bed, "POST", "faults",
					json_pack("{s:s, s:s, s:i, s:s, s:i}", "action", "status",
						  "path", *refused, "status", 403, "code", "6",
						  "times", -1)));
	json_decref(bed_requests(bed));
	bed_succeed(vk_arrays_clone(bed->arrays, copy, 0, path, &got, &error), error);
	bed_clear_faults(bed);
	ck_assert_int_eq(got, done);
	requests = bed_requests(bed);
	if (method)
		ck_assert_uint_eq(bed_count(requests, method, pattern), 1);
	if (done) {
		g_autofree char *content = bed_read(bed, "vm/new.raw");

		ck_assert_str_eq(content, "web at the instant");
		ck_assert_int_eq(stat(path, &info), 0);
		ck_assert_uint_eq(info.st_mode & 07777, 0640);
	}
	/* Nothing else of the volume is what it was then. */
	g_autofree char *web = bed_read(bed, "vm/web.raw");
	g_autofree char *mail = bed_read(bed, "vm/sub/mail.raw");
	ck_assert_str_eq(web, "web after the instant");
	ck_assert_str_eq(mail, "mail after the instant");
}

START_TEST(restores_a_file_by_a_clone)
{
	const char *refused[] = {NULL};

	check_restore(refused, "POST", "/api/storage/file/clone", TRUE);
}
END_TEST

START_TEST(restores_a_file_by_snaprestore)
{
	const char *refused[] = {"/storage/file/clone", NULL};

	check_restore(refused, "PATCH", "/api/storage/volumes/*", TRUE);
}
END_TEST

START_TEST(restores_a_file_by_command)
{
	const char *refused[] = {"/storage/file/clone", "/storage/volumes/[^/]+$", NULL};

	check_restore(refused, "POST", "/api/private/cli/*", TRUE);
}
END_TEST

START_TEST(leaves_a_file_to_be_copied)
{
	const char *refused[] = {"/storage/file/clone", "/storage/volumes/[^/]+$", "/private/cli/",
				 NULL};

	check_restore(refused, NULL, NULL, FALSE);
}
END_TEST

START_TEST(knows_where_it_can_restore)
{
	static const struct {
		const char *directory;
		gboolean can;
	} cases[] = {{"vm", TRUE},       {"vm/sub", TRUE}, {"vmstore", FALSE},
		     {"missing", FALSE}, {"root", FALSE},  {".", FALSE}};
	g_autoptr(json_t) copy = nas_listed_copy(FALSE);

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = bed_path(bed, cases[i].directory);

		ck_assert_msg(vk_arrays_can_clone(bed->arrays, copy, 0, path) == cases[i].can, "%s",
			      path);
	}
}
END_TEST

START_TEST(does_not_restore_across_volumes)
{
	g_autoptr(json_t) copy = nas_listed_copy(FALSE);
	g_autofree char *path = bed_path(bed, "vmstore/new.raw");
	g_autoptr(GError) error = NULL;
	gboolean done = TRUE;

	bed_write(bed, "vmstore/new.raw", "");
	bed_succeed(vk_arrays_clone(bed->arrays, copy, 0, path, &done, &error), error);
	ck_assert(!done);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-restore");
	TCase *tcase = tcase_create("ontap-restore");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_test(tcase, restores_a_file_by_a_clone);
	tcase_add_test(tcase, restores_a_file_by_snaprestore);
	tcase_add_test(tcase, restores_a_file_by_command);
	tcase_add_test(tcase, leaves_a_file_to_be_copied);
	tcase_add_test(tcase, knows_where_it_can_restore);
	tcase_add_test(tcase, does_not_restore_across_volumes);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
