/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told when there is no vault, or another one, where one is to be. */
#include "open-vault.h"

#include "known-vaults.h"

#include "errors.h"
#include "temp-vault.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

static char *top, *directory, *away, *key_file;
static VkProgram program;

/* As the programs start, with the vault's URL from the configuration if CONFIGURED. */
static void configure(gboolean configured)
{
	g_autofree char *text = g_strdup_printf(
		"[vault]\nstate_dir = %s/state/vaults\n%s%s\n%s%s\n", top,
		configured ? "url = dir:" : "", configured ? directory : "",
		test_is_encrypted() ? "key_file = " : "", test_is_encrypted() ? key_file : "");

	vk_settings_free(program.settings);
	program.settings = vk_settings_parse(text, strlen(text), "test", NULL);
	ck_assert_ptr_nonnull(program.settings);
	program.vault_url = configured ? NULL : directory;
}

static void setup(void)
{
	g_unsetenv("VIRTKEEP_VAULT");
	top = temp_directory_new();
	directory = g_build_filename(top, "vault", NULL);
	away = g_build_filename(top, "away", NULL);
	key_file = g_build_filename(top, "key", NULL);
	test_write_key_file(key_file);
	configure(TRUE);
}

static void teardown(void)
{
	g_clear_pointer(&program.settings, vk_settings_free);
	temp_directory_remove(top);
	g_free(directory);
	g_free(away);
	g_free(key_file);
	g_free(top);
}

static VkVault *try_make(VkMakeFlags flags, GError **error)
{
	return test_is_encrypted() ? vk_make_encrypted_vault(&program, "test", flags, error)
				   : vk_make_vault(&program, flags, error);
}

static void make_vault(void)
{
	VkVault *vault = try_make(0, NULL);

	ck_assert_ptr_nonnull(vault);
	vk_vault_free(vault);
}

/* Opening it fails, and that says TEXT, but for a word that nobody should be told. */
static void check_missing(const char *text, gboolean may_offer_init)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_open_vault(&program, NULL, VK_VAULT_WRITE, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(error->message, directory));
	ck_assert_msg(strstr(error->message, text), "%s", error->message);
	ck_assert_msg(may_offer_init == (strstr(error->message, "init") != NULL), "%s",
		      error->message);
}

START_TEST(a_configured_one_may_not_be_mounted)
{
	for (guint round = 0; round < 2; round++) {
		check_missing("may not be mounted", FALSE);
		ck_assert_int_eq(g_mkdir(directory, 0700), round == 0 ? 0 : -1);
	}
}
END_TEST

START_TEST(one_of_the_environment_is_configured)
{
	configure(FALSE);
	g_setenv("VIRTKEEP_VAULT", directory, TRUE);
	program.vault_url = NULL;
	check_missing("may not be mounted", FALSE);
	g_unsetenv("VIRTKEEP_VAULT");
}
END_TEST

START_TEST(one_named_by_hand_may_be_made)
{
	configure(FALSE);
	check_missing("init", TRUE);
	ck_assert_int_eq(g_mkdir(directory, 0700), 0);
	check_missing("init", TRUE);
}
END_TEST

/* Also where it was named by hand: it was made or written before. */
START_TEST(an_empty_directory_in_place_of_one_is_named)
{
	configure(_i == 1);
	make_vault();
	ck_assert_int_eq(g_rename(directory, away), 0);
	check_missing("probably not mounted", FALSE);
	ck_assert_int_eq(g_mkdir(directory, 0700), 0);
	check_missing("probably not mounted", FALSE);
}
END_TEST

START_TEST(none_is_made_in_its_place)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkVault) vault = NULL;

	make_vault();
	ck_assert_int_eq(g_rename(directory, away), 0);
	ck_assert_int_eq(g_mkdir(directory, 0700), 0);
	ck_assert_ptr_null(try_make(0, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "not mounted"));
	ck_assert_int_eq(g_rmdir(directory), 0);
	vault = try_make(VK_MAKE_FORCE, NULL);
	ck_assert_ptr_nonnull(vault);
}
END_TEST

START_TEST(what_is_there_is_not_made_again)
{
	g_autoptr(GError) error = NULL;

	make_vault();
	ck_assert_ptr_null(try_make(0, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "a vault already"));
	g_clear_error(&error);
	ck_assert_ptr_null(try_make(VK_MAKE_FORCE, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "a vault already"));
}
END_TEST

/* A vault that was made elsewhere is known once it was written to, and not by a look. */
START_TEST(writing_makes_it_known)
{
	for (VkVaultMode mode = VK_VAULT_READ; mode <= VK_VAULT_WRITE; mode++) {
		g_autofree char *state = g_build_filename(top, "state/vaults", NULL);
		g_autoptr(VkVault) vault = NULL;
		g_autoptr(GPtrArray) known = NULL;

		if (mode == VK_VAULT_READ)
			vk_vault_free(vk_vault_init(directory, NULL));
		vault = vk_open_vault(&program, NULL, mode, NULL);
		ck_assert_ptr_nonnull(vault);
		known = vk_known_vaults_at(state, directory);
		ck_assert_uint_eq(known->len, mode == VK_VAULT_WRITE);
		if (known->len > 0)
			ck_assert_str_eq(known->pdata[0], vk_vault_id(vault));
	}
}
END_TEST

/* Disks that are swapped by turns: the last is named first, and none is forgotten. */
START_TEST(several_at_one_place_are_known)
{
	g_autofree char *state = g_build_filename(top, "state/vaults", NULL);
	char *ids[2];
	g_autoptr(GPtrArray) known = NULL;

	for (guint i = 0; i < 2; i++) {
		VkVault *vault = vk_vault_init(directory, NULL);
		g_autofree char *place = g_strdup_printf("%s%u", away, i);

		vk_known_vaults_add(state, vault);
		vk_known_vaults_add(state, vault);
		ids[i] = g_strdup(vk_vault_id(vault));
		vk_vault_free(vault);
		ck_assert_int_eq(g_rename(directory, place), 0);
	}
	known = vk_known_vaults_at(state, directory);
	ck_assert_uint_eq(known->len, 2);
	ck_assert_str_eq(known->pdata[0], ids[1]);
	ck_assert_str_eq(known->pdata[1], ids[0]);
	g_free(ids[0]);
	g_free(ids[1]);
}
END_TEST

/* What cannot be remembered, or is no such file, hinders nobody. */
START_TEST(without_a_memory_all_goes_on)
{
	g_autofree char *state = g_build_filename(top, "state", NULL);

	ck_assert(g_file_set_contents(state, "no directory", -1, NULL));
	make_vault();
	ck_assert_int_eq(g_rename(directory, away), 0);
	check_missing("may not be mounted", FALSE);
}
END_TEST

START_TEST(what_may_be_a_url_is_no_path)
{
	static const char *const refused[] = {
		"s3:bucket",
		"s3://bucket",
		"s3:https://host",
		"s3:https://id:secret@host/bucket",
		"https://host/bucket",
		"https://id:secret@host/bucket",
		"https://host/bucket?X-Amz-Signature=secret",
		"sftp:host:/x",
		"host:/path",
		"me@host:/path",
		"C:\\x",
		"http://x/y",
		"rest:http://x/y",
		"Dir:/x",
		"x:",
		"dir:",
		"rclone:remote",
		"",
	};
	static const struct {
		const char *url, *path;
	} taken[] = {
		{"/srv/vault", "/srv/vault"},
		{"dir:/srv/vault", "/srv/vault"},
		{"/a:b", "/a:b"},
		{"dir:/s3:x/../y", "/y"},
		{"/srv/x:y/z", "/srv/x:y/z"},
		{"s3:https://host:443/bucket/a/", "s3:https://host/bucket/a"},
	};
	g_autofree char *here = g_get_current_dir();
	g_autofree char *odd = g_build_filename(here, "s3:x", NULL);
	g_autofree char *named = vk_vault_url_place("dir:s3:x", NULL);
	g_autofree char *dotted = vk_vault_url_place("./s3:x", NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!vk_vault_url_place(refused[i], &error), "%s", refused[i]);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
		ck_assert_msg(!strstr(error->message, "secret"), "%s", error->message);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(taken); i++) {
		g_autofree char *path = vk_vault_url_place(taken[i].url, NULL);

		ck_assert_str_eq(path, taken[i].path);
	}
	ck_assert_str_eq(named, odd);
	ck_assert_str_eq(dotted, odd);
}
END_TEST

/* Settings with another vault in AWAY, whose key is not that of the first. */
static void configure_other(void)
{
	g_autofree char *other_key = g_build_filename(top, "other-key", NULL);
	g_autofree char *text = g_strdup_printf("[vault]\nstate_dir = %s/state/vaults\n"
						"url = dir:%s\n[vault bare]\n"
						"[vault away]\nurl = dir:%s\nkey_file = %s\n",
						top, directory, away, other_key);

	ck_assert(g_file_set_contents_full(other_key, "two lines are a key,\nnot a passphrase\n",
					   -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	vk_settings_free(program.settings);
	program.settings = vk_settings_parse(text, strlen(text), "test", NULL);
	ck_assert_ptr_nonnull(program.settings);
	program.vault_url = NULL;
}

START_TEST(a_section_has_a_vault_with_its_key)
{
	g_autofree char *slashed = g_strconcat("dir:", away, "/", NULL);
	g_autofree char *name = g_strdup("away");
	const char *const names[] = {name, away, slashed};
	VkVault *vault;

	configure_other();
	program.vault_url = name;
	vault = vk_make_encrypted_vault(&program, "test", 0, NULL);
	ck_assert_ptr_nonnull(vault);
	ck_assert_str_eq(vk_vault_place(vault), away);
	vk_vault_free(vault);
	program.vault_url = NULL;
	/* That is of the vault without a name. */
	g_setenv("VIRTKEEP_KEY_FILE", "/nonexistent", TRUE);
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		vault = vk_open_vault(&program, names[i], VK_VAULT_WRITE, NULL);
		ck_assert_msg(vault != NULL, "%s", names[i]);
		ck_assert_ptr_nonnull(vk_vault_keyring(vault));
		vk_vault_free(vault);
	}
	g_unsetenv("VIRTKEEP_KEY_FILE");
	/* Its key is not that of another vault, which is not encrypted. */
	vk_vault_free(vk_vault_init(directory, NULL));
	if (!test_is_encrypted()) {
		vault = vk_open_vault(&program, NULL, VK_VAULT_WRITE, NULL);
		ck_assert_ptr_nonnull(vault);
		vk_vault_free(vault);
	}
}
END_TEST

START_TEST(a_section_without_a_url_names_no_vault)
{
	g_autoptr(GError) error = NULL;

	configure_other();
	ck_assert_ptr_null(vk_open_vault(&program, "bare", VK_VAULT_READ, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	ck_assert_ptr_nonnull(strstr(error->message, "[vault bare]"));
	g_clear_error(&error);
	g_setenv("VIRTKEEP_VAULT", "bare", TRUE);
	ck_assert_ptr_null(vk_open_vault(&program, NULL, VK_VAULT_READ, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	g_unsetenv("VIRTKEEP_VAULT");
	g_clear_error(&error);
	/* One that is configured, but not there. */
	ck_assert_ptr_null(vk_open_vault(&program, "away", VK_VAULT_READ, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "may not be mounted"));
}
END_TEST

static Suite *openvault_suite(void)
{
	Suite *suite = suite_create("open-vault");
	TCase *cases = tcase_create("open-vault");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_configured_one_may_not_be_mounted);
	tcase_add_test(cases, one_of_the_environment_is_configured);
	tcase_add_test(cases, one_named_by_hand_may_be_made);
	tcase_add_loop_test(cases, an_empty_directory_in_place_of_one_is_named, 0, 2);
	tcase_add_test(cases, none_is_made_in_its_place);
	tcase_add_test(cases, what_is_there_is_not_made_again);
	tcase_add_test(cases, writing_makes_it_known);
	tcase_add_test(cases, several_at_one_place_are_known);
	tcase_add_test(cases, without_a_memory_all_goes_on);
	tcase_add_test(cases, what_may_be_a_url_is_no_path);
	tcase_add_test(cases, a_section_has_a_vault_with_its_key);
	tcase_add_test(cases, a_section_without_a_url_names_no_vault);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(openvault_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
