/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * s3-sign.h with the examples of AWS's document "Authenticating Requests: Using the Authorization
 * Header", and s3-address.h.
 */
#include "s3-address.h"
#include "s3-sign.h"

#include "errors.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char id[] = "AKIAIOSFODNN7EXAMPLE";
static char secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

static char *authorization_of(char **headers)
{
	for (; *headers; headers++)
		if (g_str_has_prefix(*headers, "Authorization: "))
			return *headers;
	return NULL;
}

static const struct {
	const char *query, *signature;
} examples[] = {
	{"lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
	{"max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

START_TEST(it_signs_as_the_examples_of_aws)
{
	const VkS3Key key = {.id = id, .secret = secret};
	g_auto(GStrv) headers = NULL;
	const char *authorization;

	headers = vk_s3_sign(&key, &(VkS3Signed){.method = "GET",
						 .host = "examplebucket.s3.amazonaws.com",
						 .path = "/",
						 .query = examples[_i].query,
						 .body_sha256 = EMPTY,
						 .region = "us-east-1",
						 .time = 1369353600});
	authorization = authorization_of(headers);
	ck_assert_ptr_nonnull(
		strstr(authorization,
		       "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
		       "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="));
	ck_assert_msg(g_str_has_suffix(authorization, examples[_i].signature), "%s", authorization);
}
END_TEST

START_TEST(a_token_and_marks_are_signed)
{
	char token[] = "the-token";
	const char *const marks[] = {"x-amz-meta-writer:1", NULL};
	const VkS3Key key = {.id = id, .secret = secret, .token = token};
	g_auto(GStrv) headers = vk_s3_sign(&key, &(VkS3Signed){.method = "PUT",
							       .host = "h",
							       .path = "/b/n",
							       .query = "",
							       .body_sha256 = EMPTY,
							       .headers = marks,
							       .region = "r",
							       .time = 0});

	ck_assert(g_strv_contains((const char *const *)headers, "x-amz-date:19700101T000000Z"));
	ck_assert(g_strv_contains((const char *const *)headers, "x-amz-security-token:the-token"));
	ck_assert_ptr_nonnull(strstr(authorization_of(headers),
				     "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
				     "x-amz-meta-writer;x-amz-security-token,"));
}
END_TEST

START_TEST(a_body_has_its_hash)
{
	g_autofree char *empty = vk_s3_sha256("", 0);
	g_autofree char *abc = vk_s3_sha256("abc", 3);

	ck_assert_str_eq(empty, EMPTY);
	ck_assert_str_eq(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

static const struct {
	const char *url, *scheme, *host, *bucket, *prefix, *format;
} addresses[] = {
	{"https://s3.example.com/bucket", "https", "s3.example.com", "bucket", "", NULL},
	{"https://S3.example.com:443/bucket/", "https", "s3.example.com", "bucket", "",
	 "https://s3.example.com/bucket"},
	{"http://127.0.0.1:7480/b.u-k/a/b_c", "http", "127.0.0.1:7480", "b.u-k", "a/b_c/", NULL},
	{"http://[::1]:80/bucket/a", "http", "[::1]", "bucket", "a/", "http://[::1]/bucket/a"},
};

START_TEST(a_url_names_a_bucket)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkS3Address) address = vk_s3_address_parse(addresses[_i].url, &error);
	g_autofree char *text = NULL;

	ck_assert_msg(address != NULL, "%s", error ? error->message : "");
	ck_assert_str_eq(address->scheme, addresses[_i].scheme);
	ck_assert_int_eq(g_ascii_strcasecmp(address->host, addresses[_i].host), 0);
	ck_assert_str_eq(address->bucket, addresses[_i].bucket);
	ck_assert_str_eq(address->prefix, addresses[_i].prefix);
	text = vk_s3_address_format(address);
	ck_assert_int_eq(g_ascii_strcasecmp(text, addresses[_i].format ? addresses[_i].format
								       : addresses[_i].url),
			 0);
}
END_TEST

static const char *const wrong_urls[] = {
	"",
	"bucket",
	"ftp://host/bucket",
	"https:///bucket",
	"https://host",
	"https://host/",
	"https://host/ab",
	"https://host/bucket//a",
	"https://host/bucket/a b",
	"https://host/bucket/%2e%2e",
	"https://host/bucket?x=1",
	"https://host/bucket#x",
	"https://id:hush@host/bucket",
	"https://id@host/bucket",
	/* The keys of some have '/' and '+' in them. */
	"https://id:hu/hush@host/bucket",
	"https://id:hush?@host/bucket",
	"https://host/id:hush@host/bucket",
	"ftp://host/bucket?X-Amz-Signature=hush",
	"https://host/#hush",
};

START_TEST(what_is_no_bucket_is_refused)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(!vk_s3_address_parse(wrong_urls[_i], &error), "%s", wrong_urls[_i]);
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
	ck_assert_ptr_null(strstr(error->message, "hush"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("s3-sign");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_add_loop_test(tcase, it_signs_as_the_examples_of_aws, 0, G_N_ELEMENTS(examples));
	tcase_add_test(tcase, a_token_and_marks_are_signed);
	tcase_add_test(tcase, a_body_has_its_hash);
	tcase_add_loop_test(tcase, a_url_names_a_bucket, 0, G_N_ELEMENTS(addresses));
	tcase_add_loop_test(tcase, what_is_no_bucket_is_refused, 0, G_N_ELEMENTS(wrong_urls));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
