/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts of a made-up mountinfo over a real directory tree, for paths are resolved. */
#include "errors.h"
#include "mounts.h"

#include <check.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* @ is the test's directory. Mount 50 hides 41 and what is on it; 61 lies over 60. */
static const char mountinfo[] =
	"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
	"23 22 0:21 / /proc rw,nosuid - proc proc rw\n"
	"30 22 8:17 / @/srv rw,noatime shared:5 - xfs /dev/sdb1 rw\n"
	"31 30 8:33 / @/srv/fast rw - btrfs /dev/nvme0n1 rw,subvol=/fast\n"
	"32 22 8:17 /images/web @/bind rw,noatime shared:5 - xfs /dev/sdb1 rw\n"
	"40 22 0:50 / @/nfs\\040share\\011tab rw - nfs4 filer:/vol/vm\\040store rw,vers=4.2\n"
	"41 22 8:49 / @/hidden rw - ext4 /dev/sdd1 rw\n"
	"42 41 8:50 / @/hidden/deep rw - ext4 /dev/sdd2 rw\n"
	"50 41 8:65 / @/hidden rw - xfs /dev/sde1 rw\n"
	"60 22 0:60 / @/auto rw - autofs systemd-1 rw,fd=30\n"
	"61 60 0:61 / @/auto rw - nfs4 filer:/auto rw\n";

static char *root;
static VkMounts *mounts;

static void make(const char *path)
{
	g_autofree char *full = g_build_filename(root, path, NULL);
	g_autofree char *directory = g_path_get_dirname(full);

	ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
	ck_assert(g_file_set_contents(full, "", 0, NULL));
}

static void setup(void)
{
	g_autofree char *made = g_dir_make_tmp("virtkeep-mounts-XXXXXX", NULL);

	ck_assert_ptr_nonnull(made);
	root = realpath(made, NULL);
	make("a.raw");
	make("srv/a.raw");
	make("srv/fast/a.raw");
	make("srv/faster.raw");
	make("bind/a.raw");
	make("nfs share\ttab/a.raw");
	make("hidden/deep/a.raw");
	make("auto/a.raw");
	g_autofree char *link = g_build_filename(root, "bind", "link.raw", NULL);
	ck_assert_int_eq(symlink("../srv/fast/a.raw", link), 0);

	g_autoptr(GString) text = g_string_new(mountinfo);
	g_autofree char *path = g_build_filename(root, "mountinfo", NULL);
	g_string_replace(text, "@", root, 0);
	ck_assert(g_file_set_contents(path, text->str, -1, NULL));
	mounts = vk_mounts_load(path, NULL);
	ck_assert_ptr_nonnull(mounts);
}

static void remove_tree(const char *path)
{
	g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
	const char *name;

	while (directory && (name = g_dir_read_name(directory))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		if (g_file_test(child, G_FILE_TEST_IS_SYMLINK) ||
		    !g_file_test(child, G_FILE_TEST_IS_DIR))
			g_unlink(child);
		else
			remove_tree(child);
	}
	g_rmdir(path);
}

static void teardown(void)
{
	vk_mounts_free(mounts);
	remove_tree(root);
	free(root);
}

/* MOUNTPOINT is below the test's directory; "/" is the root of the host. */
static void assert_mount(const char *path, const char *mountpoint, const char *fstype,
			 const char *source)
{
	g_autofree char *full = g_build_filename(root, path, NULL);
	g_autofree char *expected = g_str_equal(mountpoint, "/")
					    ? g_strdup("/")
					    : g_build_filename(root, mountpoint, NULL);
	g_autoptr(VkMountFacts) facts = vk_mounts_find(mounts, full, NULL);

	ck_assert_ptr_nonnull(facts);
	ck_assert_str_eq(facts->mountpoint, expected);
	ck_assert_str_eq(facts->fstype, fstype);
	ck_assert_str_eq(facts->source, source);
}

START_TEST(finds_the_nearest_mount)
{
	assert_mount("a.raw", "/", "ext4", "/dev/sda1");
	assert_mount("srv", "srv", "xfs", "/dev/sdb1");
	assert_mount("srv/a.raw", "srv", "xfs", "/dev/sdb1");
	assert_mount("srv/fast/a.raw", "srv/fast", "btrfs", "/dev/nvme0n1");
	assert_mount("srv/faster.raw", "srv", "xfs", "/dev/sdb1");
}
END_TEST

START_TEST(finds_bind_mounts)
{
	assert_mount("bind/a.raw", "bind", "xfs", "/dev/sdb1");
}
END_TEST

START_TEST(resolves_paths_first)
{
	assert_mount("bind/link.raw", "srv/fast", "btrfs", "/dev/nvme0n1");
	assert_mount("srv/fast/../a.raw", "srv", "xfs", "/dev/sdb1");
}
END_TEST

START_TEST(decodes_white_space)
{
	assert_mount("nfs share\ttab/a.raw", "nfs share\ttab", "nfs4", "filer:/vol/vm store");
}
END_TEST

START_TEST(sees_no_hidden_mounts)
{
	assert_mount("hidden/deep/a.raw", "hidden", "xfs", "/dev/sde1");
	assert_mount("auto/a.raw", "auto", "nfs4", "filer:/auto");
}
END_TEST

START_TEST(fails_for_what_is_not_there)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *absent = g_build_filename(root, "absent.raw", NULL);

	ck_assert_ptr_null(vk_mounts_find(mounts, absent, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert_ptr_nonnull(strstr(error->message, absent));
	g_clear_error(&error);
	ck_assert_ptr_null(vk_mounts_load(absent, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

START_TEST(reads_the_system)
{
	g_autoptr(VkMounts) system = vk_mounts_load(NULL, NULL);
	g_autoptr(VkMountFacts) facts = NULL;

	ck_assert_ptr_nonnull(system);
	facts = vk_mounts_find(system, "/proc/self/mountinfo", NULL);
	ck_assert_ptr_nonnull(facts);
	ck_assert_str_eq(facts->fstype, "proc");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mounts");
	TCase *tests = tcase_create("mounts");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, finds_the_nearest_mount);
	tcase_add_test(tests, finds_bind_mounts);
	tcase_add_test(tests, resolves_paths_first);
	tcase_add_test(tests, decodes_white_space);
	tcase_add_test(tests, sees_no_hidden_mounts);
	tcase_add_test(tests, fails_for_what_is_not_there);
	tcase_add_test(tests, reads_the_system);
	suite_add_tcase(suite, tests);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
