/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clocks, keys and rights: what a server does not want is put right, or told. */
#include "s3-bed.h"

#include "s3-access.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_wrong_clock_is_corrected_and_told)
{
	g_autoptr(GError) error = NULL;
	g_auto(VkS3Facts) facts = {0};
	g_auto(VkS3Facts) other = {0};

	set_faults("- skew:3600 * *");
	expect(put("a", &error), error);
	ck_assert_uint_eq(warnings, 1);
	expect(put("b", &error), error);
	expect(vk_s3_head(s3, "b", &facts, &error), error);
	ck_assert_uint_eq(warnings, 1);
	/* The host's clock jumps as well. */
	set_faults("- skew:-7200 * *");
	expect(put("c", &error), error);
	set_faults("");
	expect(vk_s3_head(s3, "c", &other, &error), error);
	ck_assert_uint_eq(warnings, 2);
	set_faults("- skew:7200 * *\n- code:403:RequestTimeTooSkewed * *");
	ck_assert(!put("d", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "clocks");
}
END_TEST

static gpointer put_in_thread(gpointer name)
{
	GError *error = NULL;

	put(name, &error);
	return error;
}

/* One of them learns it, and the others were signed before. */
START_TEST(requests_at_once_correct_the_clock_once)
{
	static char names[][2] = {"a", "b", "c", "d", "e", "f"};
	GThread *threads[G_N_ELEMENTS(names)];

	set_faults("- skew:3600 * *\n- hang:0.3 PUT *");
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		threads[i] = g_thread_new("put", put_in_thread, names[i]);
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GError) error = g_thread_join(threads[i]);

		expect(!error, error);
	}
	ck_assert_uint_eq(warnings, 1);
}
END_TEST

static const char *newer_token;

static VkS3Key *find_newer(const char *file, const char *profile, GError **error)
{
	VkS3Key *key = g_new0(VkS3Key, 1);

	key->id = g_strdup(g_getenv("AWS_ACCESS_KEY_ID"));
	key->secret = g_strdup(g_getenv("AWS_SECRET_ACCESS_KEY"));
	key->token = g_strdup(newer_token);
	return key;
}

/* Whoever renews a key for a short time writes it into the file. */
START_TEST(a_key_that_expired_is_looked_for_once_more)
{
	g_autofree char *url = g_strconcat(g_getenv("VK_TEST_S3"), "/", prefix, NULL);
	g_autoptr(GError) error = NULL;
	g_auto(VkS3Facts) facts = {0};
	VkS3 *other;

	newer_token = "first";
	other = vk_s3_new(vk_s3_address_parse(url, NULL), find_newer(NULL, NULL, NULL),
			  &(VkS3Options){.region = "r", .warn = warn, .find_key = find_newer});
	newer_token = "second";
	set_faults("1 code:400:ExpiredToken PUT *");
	expect(vk_s3_put(other, "a", "a", 1, TRUE, &error), error);
	/* There is no newer one. */
	set_faults("- code:400:ExpiredToken PUT *");
	ck_assert(!vk_s3_put(other, "a", "b", 1, TRUE, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DENIED, "expired");
	/* The answer to HEAD does not say it. */
	newer_token = "third";
	set_faults("1 400 HEAD *");
	expect(vk_s3_head(other, "a", &facts, &error), error);
	/* It expires again. */
	newer_token = "fourth";
	set_faults("2 code:400:ExpiredToken PUT *");
	ck_assert(!vk_s3_put(other, "a", "b", 1, TRUE, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DENIED, "expired");
	vk_s3_free(other);
}
END_TEST

static const struct {
	const char *fault;
	VkErrorCode code;
	const char *text;
} refusals[] = {
	{"1 code:403:AccessDenied PUT *", VK_ERROR_DENIED, "PutObject"},
	{"1 code:403:QuotaExceeded PUT *", VK_ERROR_FULL, "quota"},
	{"1 507 PUT *", VK_ERROR_FULL, "full"},
	{"1 code:400:InvalidArgument PUT *", VK_ERROR_FAILED, "InvalidArgument"},
	{"1 301 PUT *", VK_ERROR_FAILED, "HTTP 301"},
};

START_TEST(refusals_are_told)
{
	GError *error = NULL;

	set_faults(refusals[_i].fault);
	ck_assert(!put("a", &error));
	expect_error(error, refusals[_i].code, refusals[_i].text);
	ck_assert(put("a", NULL));
}
END_TEST

/* A proxy that has lost its way answers for the server. */
START_TEST(an_answer_of_another_server_says_nothing)
{
	static const char *const methods[] = {"GET", "HEAD", "DELETE"};

	ck_assert(put("a", NULL));
	for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
		g_autofree char *fault = g_strdup_printf("1 404 %s *", methods[i]);
		g_autoptr(GBytes) bytes = NULL;
		GError *error = NULL;
		VkS3Facts facts;

		set_faults(fault);
		switch (i) {
		case 0:
			ck_assert_ptr_null(bytes = vk_s3_get_all(s3, "a", 100, &error));
			break;
		case 1:
			ck_assert(!vk_s3_head(s3, "a", &facts, &error));
			break;
		default:
			ck_assert(!vk_s3_delete(s3, "a", &error));
		}
		expect_error(error, VK_ERROR_FAILED, "");
	}
	ck_assert(vk_s3_delete(s3, "a", NULL));
}
END_TEST

START_TEST(wrong_keys_and_buckets_are_told)
{
	const char *id = g_getenv("AWS_ACCESS_KEY_ID"), *secret = g_getenv("AWS_SECRET_ACCESS_KEY");
	const struct {
		const char *id, *secret, *bucket;
		VkErrorCode code;
		const char *text;
	} wrong[] = {
		{"AKIAWRONG", secret, "bucket", VK_ERROR_DENIED, "does not know the access key"},
		{id, "hush", "bucket", VK_ERROR_DENIED, "the secret"},
		{id, secret, "missing", VK_ERROR_FAILED, "no such bucket"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		VkS3 *other = open_with(wrong[i].id, wrong[i].secret, wrong[i].bucket);
		GError *error = NULL;
		VkS3Facts facts;

		ck_assert(!vk_s3_put(other, "a", "b", 1, FALSE, &error));
		ck_assert_ptr_null(strstr(error->message, "hush"));
		expect_error(g_steal_pointer(&error), wrong[i].code, wrong[i].text);
		/* HEAD says nothing in its answer. */
		ck_assert(!vk_s3_head(other, "a", &facts, &error));
		expect_error(g_steal_pointer(&error), wrong[i].code, "");
		vk_s3_free(other);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("s3-refusals");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_wrong_clock_is_corrected_and_told);
	tcase_add_test(tcase, requests_at_once_correct_the_clock_once);
	tcase_add_test(tcase, a_key_that_expired_is_looked_for_once_more);
	tcase_add_loop_test(tcase, refusals_are_told, 0, G_N_ELEMENTS(refusals));
	tcase_add_test(tcase, an_answer_of_another_server_says_nothing);
	tcase_add_test(tcase, wrong_keys_and_buckets_are_told);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
