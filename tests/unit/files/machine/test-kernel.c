/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which kernel is found, and what of its modules goes with it. */
#include "kernel.h"
#include "kernel-modules.h"

#include "errors.h"
#include "temp-vault.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root;

/* Root may read all files. */
static void set_up(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	root = temp_directory_new();
}

static void tear_down(void)
{
	temp_directory_remove(root);
	g_free(root);
}

/* Makes the file NAME in FOLDER, both below the root. */
static void put(const char *folder, const char *name, const char *text)
{
	g_autofree char *directory = g_build_filename(root, folder, NULL);
	g_autofree char *path = g_build_filename(directory, name, NULL);

	ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static void put_compressed(const char *folder, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(root, folder, name, NULL);
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	archive_write_set_format_raw(archive);
	archive_write_add_filter_xz(archive);
	archive_entry_set_filetype(entry, AE_IFREG);
	ck_assert_int_eq(archive_write_open_filename(archive, path), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_header(archive, entry), ARCHIVE_OK);
	ck_assert_int_gt(archive_write_data(archive, text, strlen(text)), 0);
	archive_entry_free(entry);
	archive_write_free(archive);
}

static void expect_kernel(const char *path)
{
	g_autofree char *expected = g_build_filename(root, path, NULL);
	g_auto(VkKernel) kernel = {0};

	ck_assert(vk_kernel_find(root, &kernel, NULL));
	ck_assert_str_eq(kernel.path, expected);
}

START_TEST(none)
{
	g_auto(VkKernel) kernel = {0};
	g_autoptr(GError) error = NULL;

	put("boot", "vmlinuz-6.1.0-9", "without modules");
	put("lib/modules/6.1.0-10", "modules.dep", "without a kernel");
	ck_assert(!vk_kernel_find(root, &kernel, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

START_TEST(the_newest_that_has_modules)
{
	put("boot", "vmlinuz-6.1.0-9", "");
	put("boot", "vmlinuz-6.1.0-10", "");
	put("boot", "vmlinuz-6.1.0-11", "");
	put("lib/modules/6.1.0-9", "modules.dep", "");
	put("lib/modules/6.1.0-10", "modules.dep", "");
	expect_kernel("boot/vmlinuz-6.1.0-10");
}
END_TEST

static void forbid(const char *kernel)
{
	g_autofree char *path = g_build_filename(root, kernel, NULL);

	ck_assert_int_eq(chmod(path, 0), 0);
}

/* That the newer kernel PATH was passed over; NULL: none was. */
static void expect_forbidden(const char *path)
{
	g_autofree char *expected = path ? g_build_filename(root, path, NULL) : NULL;
	g_auto(VkKernel) kernel = {0};

	ck_assert(vk_kernel_find(root, &kernel, NULL));
	ck_assert_pstr_eq(kernel.forbidden, expected);
}

START_TEST(one_that_only_root_can_read_is_passed_over)
{
	put("boot", "vmlinuz-6.1.0-9", "");
	put("boot", "vmlinuz-6.1.0-10", "");
	put("lib/modules/6.1.0-9", "modules.dep", "");
	put("lib/modules/6.1.0-10", "modules.dep", "");
	expect_forbidden(NULL);
	forbid("boot/vmlinuz-6.1.0-10");
	expect_kernel("boot/vmlinuz-6.1.0-9");
	expect_forbidden("boot/vmlinuz-6.1.0-10");
}
END_TEST

START_TEST(an_older_one_that_only_root_can_read_is_not_missed)
{
	put("boot", "vmlinuz-6.1.0-9", "");
	put("boot", "vmlinuz-6.1.0-10", "");
	put("lib/modules/6.1.0-9", "modules.dep", "");
	put("lib/modules/6.1.0-10", "modules.dep", "");
	forbid("boot/vmlinuz-6.1.0-9");
	expect_forbidden(NULL);
}
END_TEST

START_TEST(only_root_can_read_it)
{
	g_auto(VkKernel) kernel = {0};
	g_autoptr(GError) error = NULL;

	put("boot", "vmlinuz-6.1.0-9", "");
	put("lib/modules/6.1.0-9", "modules.dep", "");
	forbid("boot/vmlinuz-6.1.0-9");
	ck_assert(!vk_kernel_find(root, &kernel, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DENIED));
	ck_assert_ptr_nonnull(strstr(error->message, "/boot/vmlinuz-6.1.0-9'"));
}
END_TEST

START_TEST(beside_its_modules)
{
	put("usr/lib/modules/6.9.1", "vmlinuz", "");
	expect_kernel("usr/lib/modules/6.9.1/vmlinuz");
}
END_TEST

/* The content of the file PATH in the archive. New string; NULL: it is not there. */
static char *content_of(int fd, const char *path)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	char *text = NULL;

	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	archive_read_support_format_cpio(archive);
	ck_assert_int_eq(archive_read_open_fd(archive, fd, 10240), ARCHIVE_OK);
	while (!text && archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		gsize length = (gsize)archive_entry_size(entry);

		if (strcmp(archive_entry_pathname(entry), path) != 0)
			continue;
		text = g_malloc0(length + 1);
		ck_assert_int_eq(archive_read_data(archive, text, length), (la_ssize_t)length);
	}
	archive_read_free(archive);
	return text;
}

static void expect_content(int fd, const char *path, const char *expected)
{
	g_autofree char *text = content_of(fd, path);

	ck_assert_pstr_eq(text, expected);
}

START_TEST(modules_with_what_they_need)
{
	g_autoptr(VkInitrd) initrd = vk_initrd_new("/proc/self/exe", NULL);
	int fd;

	put("fs", "ext4.ko", "of ext4");
	put("fs", "other.ko", "of another");
	put("crypto", "aes-generic.ko", "of aes");
	put_compressed("fs", "jbd2.ko.xz", "of jbd2");
	put(".", "modules.dep",
	    "fs/ext4.ko: fs/jbd2.ko.xz\nfs/jbd2.ko.xz:\nfs/other.ko:\ncrypto/aes-generic.ko:\n");
	put(".", "modules.alias",
	    "# Aliases\nalias fs-ext4 ext4\nalias fs-other other\nalias crypto-aes aes_generic\n");
	ck_assert(vk_kernel_modules_add(initrd, root, NULL));
	fd = vk_initrd_end(initrd, NULL);
	expect_content(fd, "modules/fs/ext4.ko", "of ext4");
	expect_content(fd, "modules/fs/jbd2.ko", "of jbd2");
	expect_content(fd, "modules/crypto/aes-generic.ko", "of aes");
	expect_content(fd, "modules/fs/other.ko", NULL);
	expect_content(fd, "modules/modules.dep",
		       "fs/ext4.ko: fs/jbd2.ko\nfs/jbd2.ko:\ncrypto/aes-generic.ko:\n");
	expect_content(fd, "modules/modules.alias",
		       "alias fs-ext4 ext4\nalias crypto-aes aes_generic\n");
	close(fd);
}
END_TEST

START_TEST(without_their_lists)
{
	g_autoptr(VkInitrd) initrd = vk_initrd_new("/proc/self/exe", NULL);
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_kernel_modules_add(initrd, root, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert_ptr_nonnull(strstr(error->message, "depmod"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel");
	TCase *cases = tcase_create("kernel");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, none);
	tcase_add_test(cases, the_newest_that_has_modules);
	tcase_add_test(cases, one_that_only_root_can_read_is_passed_over);
	tcase_add_test(cases, an_older_one_that_only_root_can_read_is_not_missed);
	tcase_add_test(cases, only_root_can_read_it);
	tcase_add_test(cases, beside_its_modules);
	tcase_add_test(cases, modules_with_what_they_need);
	tcase_add_test(cases, without_their_lists);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
