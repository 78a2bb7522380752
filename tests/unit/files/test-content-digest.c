/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Equal contents have one digest, however they come. */
#include "content-digest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES 300000

static guint8 content[FILE_BYTES];

static void set_up(void)
{
	memset(content, 0, sizeof(content));
	for (gsize i = 70000; i < 90000; i++)
		content[i] = (guint8)(i % 251);
	content[FILE_BYTES - 1] = 1;
}

/* Of the content in pieces of LENGTH; pieces of zeros are left out. */
static void digest_of(VkContentDigest *digest, gsize length, guint8 *ret)
{
	static const guint8 zeros[FILE_BYTES];

	for (gsize at = 0; at < FILE_BYTES; at += length) {
		gsize part = MIN(length, FILE_BYTES - at);

		if (memcmp(content + at, zeros, part) != 0)
			vk_content_digest_add(digest, at, content + at, part);
	}
	vk_content_digest_end(digest, ret);
}

START_TEST(pieces_and_holes_make_no_difference)
{
	static const gsize lengths[] = {1, 4096, 65535, 65536, 100000};
	g_autoptr(VkContentDigest) digest = vk_content_digest_new();
	guint8 whole[VK_CONTENT_DIGEST_BYTES], found[VK_CONTENT_DIGEST_BYTES];

	digest_of(digest, FILE_BYTES, whole);
	digest_of(digest, lengths[_i], found);
	ck_assert_mem_eq(whole, found, sizeof(whole));
}
END_TEST

/* A byte, or the same bytes elsewhere. */
START_TEST(other_contents_do)
{
	g_autoptr(VkContentDigest) digest = vk_content_digest_new();
	guint8 one[VK_CONTENT_DIGEST_BYTES], other[VK_CONTENT_DIGEST_BYTES];

	digest_of(digest, FILE_BYTES, one);
	content[80000]++;
	digest_of(digest, FILE_BYTES, other);
	ck_assert_mem_ne(one, other, sizeof(one));
	content[80000]--;
	memmove(content + 65536, content, 100000);
	digest_of(digest, FILE_BYTES, other);
	ck_assert_mem_ne(one, other, sizeof(one));
	vk_content_digest_end(digest, other);
	ck_assert_mem_ne(one, other, sizeof(one));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("content-digest");
	TCase *cases = tcase_create("content-digest");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, NULL);
	tcase_add_loop_test(cases, pieces_and_holes_make_no_difference, 0, 5);
	tcase_add_test(cases, other_contents_do);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
