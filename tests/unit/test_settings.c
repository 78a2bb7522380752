/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include "errors.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

/* Loads TEXT as a configuration file. */
static VkSettings *load(const char *text, GError **error)
{
	g_autofree char *folder = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "test.conf", NULL);
	VkSettings *settings;

	ck_assert(g_file_set_contents(path, text, -1, NULL));
	settings = vk_settings_load(path, error);
	g_unlink(path);
	g_rmdir(folder);
	return settings;
}

START_TEST(file_wins_over_default)
{
	g_autoptr(VkSettings) settings =
		load("[vault]\nurl = /srv/vault \n[backup]\nworkers=3\n", NULL);

	ck_assert_ptr_nonnull(settings);
	ck_assert_str_eq(vk_settings_get(settings, "vault", "url"), "/srv/vault");
	ck_assert_uint_eq(vk_settings_get_uint(settings, "backup", "workers"), 3);
	ck_assert_str_eq(vk_settings_get(settings, "libvirt", "uri"), "qemu:///system");
	ck_assert_uint_eq(vk_settings_get_uint(settings, "backup", "agent_timeout"), 30);
}
END_TEST

START_TEST(words_are_split)
{
	g_autoptr(VkSettings) settings =
		load("[restore]\nKVM_RESTORE_VM_LIST = a  b@latest\tc\n", NULL);
	g_autoptr(VkSettings) empty = load("", NULL);
	g_auto(GStrv) words = vk_settings_get_words(settings, "restore", "KVM_RESTORE_VM_LIST");
	g_auto(GStrv) none = vk_settings_get_words(empty, "restore", "KVM_RESTORE_VM_LIST");
	g_autofree char *joined = g_strjoinv("|", words);

	ck_assert_str_eq(joined, "a|b@latest|c");
	ck_assert_uint_eq(g_strv_length(none), 0);
}
END_TEST

START_TEST(words_with_spaces_are_kept)
{
	static const struct {
		const char *value, *words;
	} lists[] = {
		{"my guest;", "my guest"},
		{"my guest; web1@latest ;;\tdb 1", "my guest|web1@latest|db 1"},
		{"my guest\\ndb 1", "my guest|db 1"},
		{" ; ;", ""},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autofree char *text =
			g_strdup_printf("[restore]\nKVM_RESTORE_VM_LIST = %s\n", lists[i].value);
		g_autoptr(VkSettings) settings = load(text, NULL);
		g_auto(GStrv) words =
			vk_settings_get_words(settings, "restore", "KVM_RESTORE_VM_LIST");
		g_autofree char *joined = g_strjoinv("|", words);

		ck_assert_str_eq(joined, lists[i].words);
	}
}
END_TEST

START_TEST(mistakes_are_refused)
{
	static const struct {
		const char *text, *named;
	} files[] = {
		{"[backup]\nworkerz=3\n", "workerz"},
		{"[bakup]\nworkers=3\n", "bakup"},
		{"[backup]\nagent_timeout=4294967294\n", "up to 3600"},
		{"[backup]\nworkers=three\n", "three"},
		{"[backup]\nworkers=-1\n", "-1"},
		{"workers=3\n", "test.conf"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_ptr_null(load(files[i].text, &error));
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
		ck_assert_msg(strstr(error->message, files[i].named) != NULL, "%s", error->message);
	}
}
END_TEST

START_TEST(named_file_must_exist)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_settings_load("/nonexistent/virtkeep.conf", &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *cases = tcase_create("settings");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, file_wins_over_default);
	tcase_add_test(cases, words_are_split);
	tcase_add_test(cases, words_with_spaces_are_kept);
	tcase_add_test(cases, mistakes_are_refused);
	tcase_add_test(cases, named_file_must_exist);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
