/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mountpoint.h"
#include "mount-options.h"

#include "errors.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char *home;

static void set_up(void)
{
	g_autofree char *made = g_dir_make_tmp("virtkeep-XXXXXX", NULL);
	char *resolved = realpath(made, NULL);

	home = g_strdup(resolved);
	free(resolved);
}

static void tear_down(void)
{
	const char *argv[] = {"rm", "-rf", "--", home, NULL};

	g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
		     NULL, NULL, NULL);
	g_clear_pointer(&home, g_free);
}

static char *make_dir(const char *name)
{
	char *path = g_build_filename(home, name, NULL);

	ck_assert_int_eq(g_mkdir_with_parents(path, 0700), 0);
	return path;
}

static void expect_refusal(const char *path, const char *vault, VkErrorCode code, const char *word)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *found = vk_mountpoint_prepare(path, vault, FALSE, &error);

	ck_assert_ptr_null(found);
	ck_assert_msg(g_error_matches(error, VK_ERROR, (int)code), "%s", error->message);
	ck_assert_msg(strstr(error->message, word) != NULL, "%s", error->message);
	ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
}

START_TEST(takes_an_empty_directory)
{
	g_autofree char *directory = make_dir("m");
	g_autofree char *link = g_build_filename(home, "link", NULL);
	g_autofree char *found = NULL;

	ck_assert_int_eq(symlink("m", link), 0);
	found = vk_mountpoint_prepare(link, NULL, FALSE, NULL);
	ck_assert_str_eq(found, directory);
}
END_TEST

START_TEST(refuses_what_cannot_be_mounted_on)
{
	g_autofree char *missing = g_build_filename(home, "missing", NULL);
	g_autofree char *file = g_build_filename(home, "file", NULL);
	g_autofree char *fine = NULL;

	ck_assert(g_file_set_contents(file, "x", 1, NULL));
	expect_refusal(missing, NULL, VK_ERROR_NOT_FOUND, "mkdir");
	expect_refusal(file, NULL, VK_ERROR_USAGE, "not a directory");
	expect_refusal(home, NULL, VK_ERROR_FAILED, "not empty");
	expect_refusal("/proc", NULL, VK_ERROR_BUSY, "mounted on it");
	fine = vk_mountpoint_prepare(home, NULL, TRUE, NULL);
	ck_assert_str_eq(fine, home);
}
END_TEST

START_TEST(refuses_to_overlap_with_the_vault)
{
	g_autofree char *vault = make_dir("a/vault");
	g_autofree char *inside = make_dir("a/vault/x/y");
	g_autofree char *outside = g_build_filename(home, "a", NULL);
	g_autofree char *beside = make_dir("a/vault2");
	g_autofree char *found = NULL;

	expect_refusal(vault, vault, VK_ERROR_USAGE, "lies in the vault");
	expect_refusal(inside, vault, VK_ERROR_USAGE, "lies in the vault");
	expect_refusal(outside, vault, VK_ERROR_USAGE, "would be hidden");
	found = vk_mountpoint_prepare(beside, vault, FALSE, NULL);
	ck_assert_str_eq(found, beside);
}
END_TEST

START_TEST(finds_the_topmost_mount)
{
	const char text[] = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
			    "30 20 0:40 / /mnt/a\\040b rw - autofs systemd-1 rw\n"
			    "31 30 0:41 / /mnt/a\\040b ro - fuse.virtkeep-mount dir:/v,x ro\n";
	g_autofree char *mountinfo = g_build_filename(home, "mountinfo", NULL);
	g_autoptr(VkMountFound) found = NULL;

	ck_assert(g_file_set_contents(mountinfo, text, -1, NULL));
	ck_assert(vk_mountpoint_find(mountinfo, "/mnt/a b", &found, NULL));
	ck_assert_str_eq(found->type, "fuse." VK_MOUNT_SUBTYPE);
	ck_assert(vk_mount_found_is_ours(found));
	ck_assert_str_eq(found->source, "dir:/v,x");
	ck_assert_uint_eq(found->device, makedev(0, 41));
	g_clear_pointer(&found, vk_mount_found_free);
	ck_assert(vk_mountpoint_find(mountinfo, "/mnt", &found, NULL));
	ck_assert_ptr_null(found);
}
END_TEST

START_TEST(takes_the_options_of_mount)
{
	const char *const words[] = {"rw,dev,suid,_netdev,nofail,noauto,user=x,noatime,group",
				     "x-systemd.automount,x-systemd.idle-timeout=60,comment=a b",
				     "uid=7,gid=8,allow_other,nonempty",
				     "guests=web*,umask=027,cache=64,threads=3", NULL};
	VkMountOptions options = {0};
	g_autofree char *session = NULL;

	ck_assert(vk_mount_options_parse(words, &options, NULL));
	ck_assert_uint_eq(options.uid, 7);
	ck_assert_uint_eq(options.gid, 8);
	ck_assert(options.nonempty);
	ck_assert_str_eq(options.guests, "web*");
	ck_assert_uint_eq(options.umask, 027);
	ck_assert_uint_eq(options.cache_mib, 64);
	ck_assert_uint_eq(options.threads, 3);
	session = vk_mount_options_session(&options, "virtkeep-mount", "/a,b");
	ck_assert_str_eq(session, "ro,default_permissions,nosuid,nodev,noexec,"
				  "subtype=virtkeep-mount,fsname=/a\\,b,allow_other");
	vk_mount_options_clear(&options);
}
END_TEST

START_TEST(keeps_the_defaults_without_options)
{
	VkMountOptions options = {.uid = 5, .gid = 6, .umask = 007};
	g_autofree char *session = NULL;

	ck_assert(vk_mount_options_parse(NULL, &options, NULL));
	ck_assert_uint_eq(options.uid, 5);
	ck_assert_uint_eq(options.gid, 6);
	ck_assert_uint_eq(options.umask, 007);
	ck_assert(!options.nonempty);
	ck_assert_ptr_null(options.guests);
	ck_assert_uint_eq(options.cache_mib, 0);
	ck_assert_uint_eq(options.threads, 0);
	session = vk_mount_options_session(&options, "virtkeep-files", "/v");
	ck_assert_ptr_null(strstr(session, "allow_other"));
	ck_assert_ptr_nonnull(strstr(session, "subtype=virtkeep-files,"));
	vk_mount_options_clear(&options);
}
END_TEST

START_TEST(refuses_unknown_options)
{
	const char *bad[] = {"colour=red", "uid=root", "gid=-1",    "uid=4294967295", "umask=8",
			     "umask=1000", "cache=0",  "threads=0", "threads=257"};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		const char *const words[] = {"ro", bad[i], NULL};
		VkMountOptions options = {0};
		g_autoptr(GError) error = NULL;

		ck_assert(!vk_mount_options_parse(words, &options, &error));
		ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
		ck_assert_ptr_nonnull(strstr(error->message, bad[i]));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mountpoint");
	TCase *tcase = tcase_create("mountpoint");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, takes_an_empty_directory);
	tcase_add_test(tcase, refuses_what_cannot_be_mounted_on);
	tcase_add_test(tcase, refuses_to_overlap_with_the_vault);
	tcase_add_test(tcase, finds_the_topmost_mount);
	tcase_add_test(tcase, takes_the_options_of_mount);
	tcase_add_test(tcase, keeps_the_defaults_without_options);
	tcase_add_test(tcase, refuses_unknown_options);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
