/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "firmware.h"
#include "boot-file.h"
#include "bytes-source.h"

#include "errors.h"
#include "snapshot.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char uuid[] = "8f5a2c1e-0d3b-4c6f-9a77-1f2e3d4c5b6a";
static char *top;
static char *nvram;
static char *tpm_dir;

static void set_up(void)
{
	top = g_dir_make_tmp("vk-firmware-XXXXXX", NULL);
	ck_assert_ptr_nonnull(top);
	nvram = g_build_filename(top, "web_VARS.fd", NULL);
	tpm_dir = g_build_filename(top, uuid, "tpm2", NULL);
	ck_assert_int_eq(g_mkdir_with_parents(tpm_dir, 0700), 0);
}

static void tear_down(void)
{
	char command[] = "rm", option[] = "-rf";
	char *argv[] = {command, option, top, NULL};

	ck_assert(g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
			       NULL));
	g_clear_pointer(&top, g_free);
	g_clear_pointer(&nvram, g_free);
	g_clear_pointer(&tpm_dir, g_free);
}

static void put(const char *directory, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static GPtrArray *capture(const char *version)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *tpm_version = g_strdup(version);
	VkDomain domain = {
		.uuid = uuid,
		.nvram = nvram,
		.has_emulated_tpm = version != NULL,
		.tpm_version = tpm_version,
	};
	GPtrArray *files = vk_firmware_capture(&domain, top, &error);

	ck_assert_msg(files != NULL, "%s", error ? error->message : "");
	return files;
}

static void check_file(const VkFirmwareFile *file, const char *name, const char *role,
		       const char *text)
{
	gsize length;
	const char *content = g_bytes_get_data(file->content, &length);

	ck_assert_str_eq(file->name, name);
	ck_assert_str_eq(file->role, role);
	ck_assert_uint_eq(length, strlen(text));
	ck_assert_mem_eq(content, text, length);
}

START_TEST(copies_nvram)
{
	g_autoptr(GPtrArray) files = NULL;
	const VkFirmwareFile *file;

	ck_assert(g_file_set_contents_full(nvram, "variables", -1, G_FILE_SET_CONTENTS_NONE, 0640,
					   NULL));
	ck_assert_int_eq(chmod(nvram, 0640), 0);
	files = capture(NULL);
	ck_assert_uint_eq(files->len, 1);
	file = g_ptr_array_index(files, 0);
	check_file(file, "nvram.fd", "nvram", "variables");
	ck_assert_str_eq(file->path, nvram);
	ck_assert_uint_eq(file->mode, 0640);
}
END_TEST

START_TEST(copies_tpm_state_only)
{
	g_autoptr(GPtrArray) files = NULL;

	put(tpm_dir, "tpm2-00.permall", "seeds");
	put(tpm_dir, ".lock", "");
	put(tpm_dir, "TMP2-00.permall", "half");
	files = capture("2.0");
	ck_assert_uint_eq(files->len, 1);
	check_file(g_ptr_array_index(files, 0), "tpm2-00.permall", "tpm", "seeds");
}
END_TEST

START_TEST(copies_the_tpm_of_the_version)
{
	g_autofree char *old_dir = g_build_filename(top, uuid, "tpm1.2", NULL);
	g_autoptr(GPtrArray) files = NULL;

	ck_assert_int_eq(g_mkdir_with_parents(old_dir, 0700), 0);
	put(tpm_dir, "tpm2-00.permall", "new");
	put(old_dir, "tpm-00.permall", "old");
	files = capture("1.2");
	ck_assert_uint_eq(files->len, 1);
	check_file(g_ptr_array_index(files, 0), "tpm-00.permall", "tpm", "old");
}
END_TEST

START_TEST(takes_what_is_not_there_yet_as_nothing)
{
	g_autoptr(GPtrArray) files = NULL;

	ck_assert_int_eq(g_rmdir(tpm_dir), 0);
	files = capture("2.0");
	ck_assert_uint_eq(files->len, 0);
}
END_TEST

START_TEST(refuses_what_cannot_be_firmware)
{
	VkDomain domain = {.uuid = uuid, .nvram = nvram};
	g_autoptr(GError) error = NULL;

	ck_assert(g_file_set_contents(nvram, "", 0, NULL));
	ck_assert_int_eq(truncate(nvram, (64 << 20) + 1), 0);
	ck_assert_ptr_null(vk_firmware_capture(&domain, top, &error));
	ck_assert_ptr_nonnull(strstr(error->message, nvram));
	g_clear_error(&error);

	ck_assert_int_eq(g_unlink(nvram), 0);
	ck_assert_int_eq(g_mkdir(nvram, 0700), 0);
	ck_assert_ptr_null(vk_firmware_capture(&domain, top, &error));
	ck_assert_ptr_nonnull(strstr(error->message, nvram));
}
END_TEST

/* Whoever runs as QEMU or swtpm may write where their files lie. */
static void expect_refused(const char *version, const char *path)
{
	g_autoptr(GError) error = NULL;
	char tpm_version[] = "2.0";
	VkDomain domain = {
		.uuid = uuid,
		.nvram = nvram,
		.has_emulated_tpm = version != NULL,
		.tpm_version = tpm_version,
	};
	g_autoptr(GPtrArray) files = vk_firmware_capture(&domain, top, &error);

	ck_assert_ptr_null(files);
	ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
}

static void open_to_others(const char *directory)
{
	ck_assert_int_eq(chmod(directory, 0777), 0);
}

START_TEST(follows_no_link_of_others)
{
	g_autofree char *secret = g_build_filename(top, "secret", NULL);
	g_autofree char *state = g_build_filename(tpm_dir, "tpm2-00.permall", NULL);

	put(top, "secret", "of the host");
	open_to_others(top);
	ck_assert_int_eq(symlink(secret, nvram), 0);
	expect_refused(NULL, nvram);

	ck_assert_int_eq(g_unlink(nvram), 0);
	ck_assert_int_eq(chmod(top, 0755), 0);
	open_to_others(tpm_dir);
	ck_assert_int_eq(symlink(secret, state), 0);
	expect_refused("2.0", state);
}
END_TEST

/* As one may have put it on another disk. */
START_TEST(follows_a_link_of_the_owner)
{
	g_autofree char *elsewhere = g_build_filename(top, "elsewhere", NULL);
	g_autoptr(GPtrArray) files = NULL;

	put(top, "elsewhere", "variables");
	ck_assert_int_eq(symlink("elsewhere", nvram), 0);
	files = capture(NULL);
	ck_assert_uint_eq(files->len, 1);
	check_file(g_ptr_array_index(files, 0), "nvram.fd", "nvram", "variables");
}
END_TEST

/* It would not come back from the opening, or hang at the read. */
START_TEST(refuses_a_fifo)
{
	g_autofree char *state = g_build_filename(tpm_dir, "tpm2-00.permall", NULL);

	ck_assert_int_eq(mkfifo(nvram, 0600), 0);
	expect_refused(NULL, nvram);
	ck_assert_int_eq(g_unlink(nvram), 0);
	ck_assert_int_eq(mkfifo(state, 0600), 0);
	expect_refused("2.0", state);
}
END_TEST

START_TEST(refuses_another_name_of_a_file)
{
	g_autofree char *secret = g_build_filename(top, "secret", NULL);
	g_autofree char *state = g_build_filename(tpm_dir, "tpm2-00.permall", NULL);

	put(top, "secret", "of the host");
	ck_assert_int_eq(link(secret, nvram), 0);
	expect_refused(NULL, nvram);
	ck_assert_int_eq(g_unlink(nvram), 0);
	ck_assert_int_eq(link(secret, state), 0);
	expect_refused("2.0", state);
}
END_TEST

START_TEST(refuses_tpm_state_of_another_owner)
{
	g_autofree char *state = g_build_filename(tpm_dir, "tpm2-00.permall", NULL);

	if (getuid() != 0)
		return;
	put(tpm_dir, "tpm2-00.permall", "of root");
	ck_assert_int_eq(chown(tpm_dir, 1234, 1234), 0);
	expect_refused("2.0", state);
}
END_TEST

START_TEST(reads_memory_as_a_source)
{
	g_autoptr(GBytes) content = g_bytes_new_static("0123456789", 10);
	g_autoptr(VkSource) source = vk_source_bytes_new(content);
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, NULL);
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	const VkSourceExtent *extent;
	char buf[4] = {0};

	ck_assert_uint_eq(source->size, 10);
	ck_assert(reader->ops->map(reader, 2, 8, extents, NULL));
	ck_assert_uint_eq(extents->len, 1);
	extent = &g_array_index(extents, VkSourceExtent, 0);
	ck_assert_uint_eq(extent->offset, 2);
	ck_assert_uint_eq(extent->length, 8);
	ck_assert_int_eq(extent->kind, VK_SOURCE_DATA);
	ck_assert(reader->ops->submit(reader, 6, sizeof(buf), buf, NULL));
	ck_assert(reader->ops->complete(reader, NULL));
	ck_assert_mem_eq(buf, "6789", sizeof(buf));
}
END_TEST

/* ---- what a guest is booted from ---- */

START_TEST(a_kernel_is_read_to_its_last_byte)
{
	g_autofree char *path = g_build_filename(top, "kernel", NULL);
	g_autofree char *link = g_build_filename(top, "link", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) content = NULL;
	guint32 mode = 0;

	put(top, "kernel", "not a multiple of a sector");
	ck_assert_int_eq(g_chmod(path, 0640), 0);
	ck_assert_int_eq(symlink("kernel", link), 0);
	/* As a distribution has it: a link to the newest. */
	content = vk_boot_file_read(link, &mode, &error);
	ck_assert_msg(content != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(g_bytes_get_size(content), strlen("not a multiple of a sector"));
	ck_assert_uint_eq(mode, 0640);
}
END_TEST

static void assert_no_boot_file(const char *path)
{
	g_autoptr(GError) error = NULL;
	guint32 mode;

	ck_assert_ptr_null(vk_boot_file_read(path, &mode, &error));
	ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
}

START_TEST(what_is_no_kernel_is_not_read)
{
	g_autofree char *fifo = g_build_filename(top, "fifo", NULL);
	g_autofree char *large = g_build_filename(top, "large", NULL);

	assert_no_boot_file("/no/such/kernel");
	assert_no_boot_file("/dev/zero");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	assert_no_boot_file(fifo);
	put(top, "large", "");
	ck_assert_int_eq(truncate(large, VK_BOOT_FILE_MAX + 1l), 0);
	assert_no_boot_file(large);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("firmware");
	TCase *tests = tcase_create("firmware");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_kernel_is_read_to_its_last_byte);
	tcase_add_test(tests, what_is_no_kernel_is_not_read);
	tcase_add_test(tests, copies_nvram);
	tcase_add_test(tests, copies_tpm_state_only);
	tcase_add_test(tests, copies_the_tpm_of_the_version);
	tcase_add_test(tests, takes_what_is_not_there_yet_as_nothing);
	tcase_add_test(tests, refuses_what_cannot_be_firmware);
	tcase_add_test(tests, follows_no_link_of_others);
	tcase_add_test(tests, follows_a_link_of_the_owner);
	tcase_add_test(tests, refuses_a_fifo);
	tcase_add_test(tests, refuses_another_name_of_a_file);
	tcase_add_test(tests, refuses_tpm_state_of_another_owner);
	tcase_add_test(tests, reads_memory_as_a_source);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
