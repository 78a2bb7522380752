/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* s3-client.h and s3-probe.h against the stand-in, which runs this. */
#include "s3-access.h"
#include "s3-probe.h"

#include "errors.h"
#include "interrupt.h"
#include "temp-vault.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *directory; /* what is in the bucket below PREFIX */
static char *prefix;
static VkS3 *s3;
static guint warnings;

static void warn(const char *format, ...)
{
	warnings++;
}

/* What goes wrong from now on: faults.py has the form. */
static void set_faults(const char *lines)
{
	ck_assert(g_file_set_contents(g_getenv("VK_TEST_S3_FAULTS"), lines, -1, NULL));
}

static VkS3 *open_with(const char *id, const char *secret, const char *bucket)
{
	g_autofree char *server = g_path_get_dirname(g_getenv("VK_TEST_S3"));
	g_autofree char *url = g_strdup_printf("%s/%s/%s", server, bucket, prefix);
	VkS3Key *key = g_new0(VkS3Key, 1);

	key->id = g_strdup(id);
	key->secret = g_strdup(secret);
	return vk_s3_new(vk_s3_address_parse(url, NULL), key,
			 &(VkS3Options){.region = "r", .warn = warn});
}

static void setup(void)
{
	directory = temp_directory_new();
	prefix = g_path_get_basename(directory);
	warnings = 0;
	set_faults("");
	s3 = open_with(g_getenv("AWS_ACCESS_KEY_ID"), g_getenv("AWS_SECRET_ACCESS_KEY"), "bucket");
}

static void teardown(void)
{
	vk_s3_free(s3);
	temp_directory_remove(directory);
	g_free(directory);
	g_free(prefix);
}

static gboolean put(const char *name, GError **error)
{
	return vk_s3_put(s3, name, "content", 7, FALSE, error);
}

static void expect(gboolean done, const GError *error)
{
	ck_assert_msg(done, "%s", error ? error->message : "");
}

static void expect_error(GError *error, VkErrorCode code, const char *text)
{
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(g_error_matches(error, VK_ERROR, (gint)code), "%s", error->message);
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
	g_error_free(error);
}

START_TEST(what_was_put_is_got)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) all = NULL;
	g_auto(VkS3Facts) facts = {0};
	char part[3];

	expect(put("a/b", &error), error);
	all = vk_s3_get_all(s3, "a/b", 7, &error);
	expect(all && g_bytes_get_size(all) == 7, error);
	ck_assert(memcmp(g_bytes_get_data(all, NULL), "content", 7) == 0);
	expect(vk_s3_get(s3, "a/b", 3, part, 3, &error), error);
	ck_assert(memcmp(part, "ten", 3) == 0);
	expect(vk_s3_head(s3, "a/b", &facts, &error), error);
	ck_assert_uint_eq(facts.size, 7);
	ck_assert_int_le(ABS(facts.stored - g_get_real_time() / G_USEC_PER_SEC), 60);
	ck_assert(*facts.tag);
	expect(vk_s3_delete(s3, "a/b", &error), error);
	expect(vk_s3_delete(s3, "a/b", &error), error);
	ck_assert(!vk_s3_head(s3, "a/b", &facts, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_NOT_FOUND, "'a/b'");
}
END_TEST

START_TEST(empty_and_short_objects_are_what_they_are)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) all = NULL;
	char part[8];

	expect(vk_s3_put(s3, "empty", NULL, 0, FALSE, &error), error);
	all = vk_s3_get_all(s3, "empty", 7, &error);
	expect(all && g_bytes_get_size(all) == 0, error);
	expect(put("a", &error), error);
	ck_assert_ptr_null(vk_s3_get_all(s3, "a", 6, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "larger");
	ck_assert(!vk_s3_get(s3, "a", 0, part, 8, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "truncated");
	ck_assert(!vk_s3_get(s3, "a", 7, part, 1, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "truncated");
	set_faults("1 whole GET *");
	ck_assert(!vk_s3_get(s3, "a", 3, part, 3, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "part");
}
END_TEST

/* It is no reason to take the object for damaged. */
START_TEST(an_answer_that_is_cut_short_is_asked_for_again)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) all = NULL;
	char part[8];

	expect(put("a", &error), error);
	set_faults("1 short GET *");
	expect(vk_s3_get(s3, "a", 0, part, 7, &error), error);
	ck_assert(memcmp(part, "content", 7) == 0);
	set_faults("1 short GET *");
	all = vk_s3_get_all(s3, "a", 7, &error);
	expect(all && g_bytes_get_size(all) == 7, error);
	set_faults("- short GET *");
	ck_assert(!vk_s3_get(s3, "a", 0, part, 7, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "less than it has");
}
END_TEST

START_TEST(the_last_bytes_are_got_at_once)
{
	g_autoptr(GError) error = NULL;
	guint64 size;
	GBytes *tail;

	expect(put("a", &error), error);
	for (gsize length = 1; length < 9; length++) {
		gsize got = MIN(length, 7);

		if (length == 3)
			set_faults("1 short GET *");
		tail = vk_s3_get_tail(s3, "a", length, &size, &error);
		expect(tail != NULL, error);
		ck_assert_uint_eq(size, 7);
		ck_assert_uint_eq(g_bytes_get_size(tail), got);
		ck_assert(memcmp(g_bytes_get_data(tail, NULL), &"content"[7 - got], got) == 0);
		g_bytes_unref(tail);
	}
	set_faults("1 whole GET *");
	ck_assert_ptr_null(vk_s3_get_tail(s3, "a", 3, &size, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "part");
	expect(vk_s3_put(s3, "empty", "", 0, FALSE, &error), error);
	ck_assert_ptr_null(vk_s3_get_tail(s3, "empty", 3, &size, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_DAMAGE, "");
	ck_assert_ptr_null(vk_s3_get_tail(s3, "none", 3, &size, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_NOT_FOUND, "");
}
END_TEST

static void count(const char *name, const char *tag, gpointer data)
{
	guint *counts = data;

	counts[g_str_has_suffix(name, "/") ? 1 : 0]++;
}

/* The stand-in gives 1000 names at a time. */
START_TEST(listings_have_pages)
{
	g_autoptr(GError) error = NULL;
	guint flat[2] = {0}, deep[2] = {0}, none[2] = {0};
	g_autofree char *folder = g_build_filename(directory, "x", "y", NULL);

	ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
	for (guint i = 0; i < 2345; i++) {
		g_autofree char *path =
			g_strdup_printf("%s/x/%s%u", directory, i < 5 ? "y/" : "", i);
		FILE *file = fopen(path, "w");

		ck_assert_ptr_nonnull(file);
		fclose(file);
	}
	expect(vk_s3_list(s3, "x/", FALSE, count, flat, &error), error);
	ck_assert_uint_eq(flat[0], 2340);
	ck_assert_uint_eq(flat[1], 1);
	expect(vk_s3_list(s3, "", TRUE, count, deep, &error), error);
	ck_assert_uint_eq(deep[0], 2345);
	ck_assert_uint_eq(deep[1], 0);
	expect(vk_s3_list(s3, "nothing/", FALSE, count, none, &error), error);
	ck_assert_uint_eq(none[0] + none[1], 0);
}
END_TEST

/* An object that is there is not replaced, and it is known whose it is. */
START_TEST(an_answer_that_is_lost_does_not_matter)
{
	static const char *const faults[] = {"1 drop-after PUT *", "1 500-after PUT *",
					     "1 drop PUT *", "2 503 PUT *",
					     "1 code:400:RequestTimeout PUT *"};
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autofree char *name = g_strdup_printf("a%u", i);

		set_faults(faults[i]);
		expect(put(name, &error), error);
		ck_assert(!put(name, &error));
		expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, name);
	}
	ck_assert(vk_s3_is_slowed(s3));
	expect(vk_s3_put(s3, "a0", "other", 5, TRUE, &error), error);
}
END_TEST

/* Whoever takes it for another's would take back what is committed. */
START_TEST(what_became_of_a_put_is_never_guessed)
{
	g_autoptr(GError) error = NULL;

	set_faults("1 drop-after PUT *\n1 403 HEAD *");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "not known");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, "'a'");
	/* Each try was done, or none. With an interruption there is only one. */
	vk_set_interrupted(TRUE);
	set_faults("- 500-after PUT *");
	expect(put("b", &error), error);
	ck_assert(!put("a", &error));
	g_clear_error(&error);
	set_faults("- 500 PUT *");
	ck_assert(!put("c", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "not known");
	vk_set_interrupted(FALSE);
}
END_TEST

START_TEST(a_put_is_checked)
{
	g_autoptr(GError) error = NULL;
	g_auto(VkS3Facts) facts = {0};

	vk_s3_set_traits(s3, &(VkS3Traits){.has_condition = TRUE, .has_md5 = TRUE});
	set_faults("1 alter PUT *");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "other bytes");
	ck_assert(!vk_s3_head(s3, "a", &facts, NULL));
	set_faults("1 alter PUT *\n1 drop-after PUT *");
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "other bytes");
	ck_assert(!vk_s3_head(s3, "a", &facts, NULL));
}
END_TEST

START_TEST(reads_are_tried_again)
{
	static const char *const faults[] = {"1 drop GET *", "1 cut GET *", "1 500 GET *",
					     "2 429 GET *"};
	g_autoptr(GError) error = NULL;

	expect(put("a", &error), error);
	for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autoptr(GBytes) all = NULL;

		set_faults(faults[i]);
		all = vk_s3_get_all(s3, "a", 7, &error);
		expect(all && g_bytes_get_size(all) == 7, error);
	}
}
END_TEST

/* A server that does not know the condition is asked first. */
START_TEST(a_server_may_lack_put_if_absent)
{
	g_autoptr(GError) error = NULL;

	set_faults("1 501 PUT *");
	expect(put("a", &error), error);
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, "'a'");
	expect(put("b", &error), error);
}
END_TEST

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

START_TEST(a_probe_finds_out_what_the_server_does)
{
	g_autoptr(GError) error = NULL;
	VkS3Traits traits = {0};
	guint left[2] = {0};

	expect(vk_s3_probe(s3, "tmp/", &traits, &error), error);
	ck_assert(traits.has_condition && traits.has_suffix && traits.has_md5);
	set_faults("- unconditional PUT *\n- whole GET *\n- retag * *");
	expect(vk_s3_probe(s3, "tmp/", &traits, &error), error);
	ck_assert(!traits.has_condition && !traits.has_suffix && !traits.has_md5);
	/* It knows them from now on. */
	set_faults("- unconditional PUT *\n- retag * *");
	expect(put("a", &error), error);
	ck_assert(!put("a", &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_EXISTS, "'a'");
	expect(vk_s3_list(s3, "tmp/", FALSE, count, left, &error), error);
	ck_assert_uint_eq(left[0], 0);
	set_faults("- stale GET *");
	ck_assert(!vk_s3_probe(s3, "tmp/", &traits, &error));
	expect_error(g_steal_pointer(&error), VK_ERROR_FAILED, "no vault can be kept there");
	set_faults("");
	expect(vk_s3_list(s3, "tmp/", FALSE, count, left, &error), error);
	ck_assert_uint_eq(left[0], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("s3-client");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_was_put_is_got);
	tcase_add_test(tcase, empty_and_short_objects_are_what_they_are);
	tcase_add_test(tcase, an_answer_that_is_cut_short_is_asked_for_again);
	tcase_add_test(tcase, the_last_bytes_are_got_at_once);
	tcase_add_test(tcase, listings_have_pages);
	tcase_add_test(tcase, an_answer_that_is_lost_does_not_matter);
	tcase_add_test(tcase, what_became_of_a_put_is_never_guessed);
	tcase_add_test(tcase, a_put_is_checked);
	tcase_add_test(tcase, reads_are_tried_again);
	tcase_add_test(tcase, a_server_may_lack_put_if_absent);
	tcase_add_test(tcase, a_wrong_clock_is_corrected_and_told);
	tcase_add_test(tcase, requests_at_once_correct_the_clock_once);
	tcase_add_test(tcase, a_key_that_expired_is_looked_for_once_more);
	tcase_add_loop_test(tcase, refusals_are_told, 0, G_N_ELEMENTS(refusals));
	tcase_add_test(tcase, an_answer_of_another_server_says_nothing);
	tcase_add_test(tcase, wrong_keys_and_buckets_are_told);
	tcase_add_test(tcase, a_probe_finds_out_what_the_server_does);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
