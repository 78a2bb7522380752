/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The archive that the appliance's kernel unpacks, read back. */
#include "initrd.h"

#include "errors.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The paths in the archive, in their order, and the content of "modules". Closes FD. */
static GPtrArray *list(int fd, char **ret_modules)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;

	archive_read_support_format_cpio(archive);
	ck_assert_int_eq(archive_read_open_fd(archive, fd, 10240), ARCHIVE_OK);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		gsize size = (gsize)archive_entry_size(entry);

		g_ptr_array_add(paths, g_strdup(archive_entry_pathname(entry)));
		if (ret_modules && strcmp(archive_entry_pathname(entry), "modules") == 0) {
			*ret_modules = g_malloc0(size + 1);
			ck_assert_int_eq(archive_read_data(archive, *ret_modules, size),
					 (la_ssize_t)size);
		}
	}
	archive_read_free(archive);
	close(fd);
	return paths;
}

static gboolean has(GPtrArray *paths, const char *path)
{
	return g_ptr_array_find_with_equal_func(paths, path, g_str_equal, NULL);
}

START_TEST(directories_come_first)
{
	g_autoptr(VkInitrd) initrd = vk_initrd_new(NULL);
	g_autoptr(GPtrArray) paths = NULL;

	ck_assert(vk_initrd_add(initrd, "a/b/c", 0644, "x", 1, NULL));
	ck_assert(vk_initrd_add(initrd, "a/b/d", 0644, "", 0, NULL));
	ck_assert(vk_initrd_add(initrd, "a/b/c", 0644, "y", 1, NULL));
	paths = list(vk_initrd_end(initrd, NULL), NULL);
	ck_assert_uint_eq(paths->len, 4);
	ck_assert_str_eq(g_ptr_array_index(paths, 0), "a");
	ck_assert_str_eq(g_ptr_array_index(paths, 1), "a/b");
	ck_assert_str_eq(g_ptr_array_index(paths, 2), "a/b/c");
	ck_assert_str_eq(g_ptr_array_index(paths, 3), "a/b/d");
}
END_TEST

START_TEST(programs_bring_their_libraries)
{
	g_autoptr(VkInitrd) initrd = vk_initrd_new(NULL);
	g_autoptr(GPtrArray) paths = NULL;
	gboolean library = FALSE;

	ck_assert(vk_initrd_add_program(initrd, "ls", NULL));
	paths = list(vk_initrd_end(initrd, NULL), NULL);
	ck_assert(has(paths, "bin/ls"));
	for (guint i = 0; i < paths->len; i++)
		library |= strstr(g_ptr_array_index(paths, i), "libc.so") != NULL;
	ck_assert(library);
}
END_TEST

START_TEST(a_program_may_be_missing)
{
	g_autoptr(VkInitrd) initrd = vk_initrd_new(NULL);
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_initrd_add_program(initrd, "no-such-program", &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

START_TEST(modules_are_loaded_behind_what_they_need)
{
	g_autofree char *directory = g_dir_make_tmp("initrd-XXXXXX", NULL);
	g_autoptr(VkInitrd) initrd = vk_initrd_new(NULL);
	g_autoptr(GPtrArray) paths = NULL;
	g_autofree char *modules = NULL;
	static const char *const wanted[] = {"vfat", "absent", "fat", NULL};
	static const char *const files[] = {"modules.dep", "fs/vfat.ko", "fs/fat.ko", "fs/nls.ko",
					    "fs/other.ko"};
	g_autofree char *sub = g_build_filename(directory, "fs", NULL);

	ck_assert_int_eq(g_mkdir(sub, 0700), 0);
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(directory, files[i], NULL);

		ck_assert(g_file_set_contents(path,
					      i ? "x"
						: "fs/other.ko:\n"
						  "fs/vfat.ko: fs/fat.ko fs/nls.ko\n"
						  "fs/fat.ko: fs/nls.ko\nfs/nls.ko:\n",
					      -1, NULL));
	}
	ck_assert(vk_initrd_add_modules(initrd, directory, wanted, NULL));
	paths = list(vk_initrd_end(initrd, NULL), &modules);
	ck_assert_str_eq(modules, "/lib/modules/nls.ko\n/lib/modules/fat.ko\n"
				  "/lib/modules/vfat.ko\n");
	ck_assert(!has(paths, "lib/modules/other.ko"));
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(directory, files[i], NULL);

		g_unlink(path);
	}
	g_rmdir(sub);
	g_rmdir(directory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("initrd");
	TCase *cases = tcase_create("initrd");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, directories_come_first);
	tcase_add_test(cases, programs_bring_their_libraries);
	tcase_add_test(cases, a_program_may_be_missing);
	tcase_add_test(cases, modules_are_loaded_behind_what_they_need);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
