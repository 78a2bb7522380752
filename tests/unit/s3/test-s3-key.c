/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-key.h"

#include "errors.h"
#include "temp-vault.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT                                                                           \
	"; a comment\n[default]\naws_access_key_id = ID1\naws_secret_access_key=hush/1\n" \
	"[other]\naws_access_key_id=ID2\naws_secret_access_key=hush+2\n"                  \
	"aws_session_token = hush=3\n[half]\naws_access_key_id=ID4\n"                     \
	"[odd]\naws_access_key_id=ID5\naws_secret_access_key=hush 5\n"

static char *directory;

static void setup(void)
{
	static const char *const variables[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",       "AWS_SESSION_TOKEN",
		"AWS_PROFILE",       "AWS_SHARED_CREDENTIALS_FILE", "CREDENTIALS_DIRECTORY"};

	for (guint i = 0; i < G_N_ELEMENTS(variables); i++)
		g_unsetenv(variables[i]);
	directory = temp_directory_new();
	g_setenv("HOME", directory, TRUE);
}

static void teardown(void)
{
	temp_directory_remove(directory);
	g_free(directory);
}

static char *write_file(const char *name, const char *content, int mode)
{
	char *path = g_build_filename(directory, name, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
	ck_assert(
		g_file_set_contents_full(path, content, -1, G_FILE_SET_CONTENTS_NONE, mode, NULL));
	ck_assert_int_eq(g_chmod(path, mode), 0);
	return path;
}

static void expect_key(const char *file, const char *profile, const char *id, const char *secret,
		       const char *token)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkS3Key) key = vk_s3_key_find(file, profile, &error);

	ck_assert_msg(key != NULL, "%s", error ? error->message : "");
	ck_assert_str_eq(key->id, id);
	ck_assert_str_eq(key->secret, secret);
	ck_assert_pstr_eq(key->token, token);
}

static void expect_error(const char *file, const char *profile, VkErrorCode code, const char *text)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_s3_key_find(file, profile, &error));
	ck_assert_msg(g_error_matches(error, VK_ERROR, (gint)code), "%s", error->message);
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
	ck_assert_ptr_null(strstr(error->message, "hush"));
}

START_TEST(keys_are_found_in_their_order)
{
	g_autofree char *file = write_file("file", CONTENT, 0600);
	g_autofree char *shared = write_file(".aws/credentials", CONTENT, 0600);
	g_autofree char *credential =
		write_file("c/virtkeep-s3",
			   "[default]\naws_access_key_id=ID9\naws_secret_access_key=s\n", 0400);
	g_autofree char *credentials = g_path_get_dirname(credential);

	expect_key(NULL, NULL, "ID1", "hush/1", NULL);
	expect_key(NULL, "other", "ID2", "hush+2", "hush=3");
	g_setenv("AWS_PROFILE", "other", TRUE);
	expect_key(NULL, NULL, "ID2", "hush+2", "hush=3");
	expect_key(NULL, "default", "ID1", "hush/1", NULL);
	g_unsetenv("AWS_PROFILE");
	g_setenv("CREDENTIALS_DIRECTORY", credentials, TRUE);
	expect_key(NULL, NULL, "ID9", "s", NULL);
	expect_key(file, NULL, "ID1", "hush/1", NULL);
	g_setenv("AWS_ACCESS_KEY_ID", "ID0", TRUE);
	expect_error(file, NULL, VK_ERROR_USAGE, "AWS_SECRET_ACCESS_KEY");
	g_setenv("AWS_SECRET_ACCESS_KEY", "hush", TRUE);
	g_setenv("AWS_SESSION_TOKEN", "t", TRUE);
	expect_key(file, NULL, "ID0", "hush", "t");
}
END_TEST

START_TEST(trouble_with_files_is_explained)
{
	g_autofree char *file = write_file("file", CONTENT, 0600);
	g_autofree char *open = write_file("open", CONTENT, 0640);
	g_autofree char *garbage = write_file("garbage", "hush\n", 0600);

	expect_error(NULL, NULL, VK_ERROR_USAGE, "no access key");
	expect_error("/nonexistent", NULL, VK_ERROR_NOT_FOUND, "/nonexistent");
	expect_error(open, NULL, VK_ERROR_DENIED, "chmod");
	expect_error(garbage, NULL, VK_ERROR_USAGE, "not of the form");
	expect_error(file, "half", VK_ERROR_USAGE, "[half]");
	expect_error(file, "missing", VK_ERROR_USAGE, "[missing]");
	expect_error(file, "odd", VK_ERROR_USAGE, "spaces");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("s3-key");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, keys_are_found_in_their_order);
	tcase_add_test(tcase, trouble_with_files_is_explained);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
