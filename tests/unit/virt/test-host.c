/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which questions to libvirt are asked again, with libvirt's test driver. */
#include "errors.h"
#include "libvirt-priv.h"
#include "host.h"
#include "interrupt.h"

#include <check.h>
#include <stdlib.h>

#define URI     "test:///default"
#define RETRIES 3

/* The pauses between four tries. */
#define PAUSES_USEC ((100 + 200 + 400) * G_TIME_SPAN_MILLISECOND)

typedef struct {
	VkErrorCode code;
	guint fails, asked;
} Question;

static gboolean ask(VkHost *host, gpointer data, GError **error)
{
	Question *question = data;

	return question->asked++ >= question->fails || vk_fail(error, question->code, "not now");
}

START_TEST(what_may_pass_is_asked_again)
{
	g_autoptr(VkHost) host = vk_host_open_retrying(URI, RETRIES, NULL);
	Question question = {VK_ERROR_BUSY, RETRIES, 0};
	gint64 start = g_get_monotonic_time();

	ck_assert(vk_host_ask(host, ask, &question, NULL));
	ck_assert_uint_eq(question.asked, RETRIES + 1);
	ck_assert_int_ge(g_get_monotonic_time() - start, PAUSES_USEC);
}
END_TEST

START_TEST(but_not_for_ever)
{
	g_autoptr(VkHost) host = vk_host_open_retrying(URI, RETRIES, NULL);
	Question question = {VK_ERROR_BUSY, RETRIES + 1, 0};
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_host_ask(host, ask, &question, &error));
	ck_assert_uint_eq(question.asked, RETRIES + 1);
	ck_assert_str_eq(error->message, "not now");
}
END_TEST

START_TEST(what_stays_is_not_and_nothing_after_a_signal)
{
	g_autoptr(VkHost) host = vk_host_open_retrying(URI, RETRIES, NULL);
	Question question = {VK_ERROR_FAILED, RETRIES, 0};

	ck_assert(!vk_host_ask(host, ask, &question, NULL));
	ck_assert_uint_eq(question.asked, 1);
	question = (Question){VK_ERROR_BUSY, RETRIES, 0};
	vk_set_interrupted(TRUE);
	ck_assert(!vk_host_ask(host, ask, &question, NULL));
	vk_set_interrupted(FALSE);
	ck_assert_uint_eq(question.asked, 1);
}
END_TEST

START_TEST(so_is_the_connection)
{
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();

	ck_assert_ptr_null(vk_host_open_retrying("nosuch:///here", RETRIES, &error));
	ck_assert_int_ge(g_get_monotonic_time() - start, PAUSES_USEC);
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
}
END_TEST

static const struct {
	const char *uri;
	gboolean is_users;
} uris[] = {
	{"qemu:///system", FALSE},
	{"qemu:///session", TRUE},
	{"qemu+unix:///session?socket=/run/x", TRUE},
	{"qemu+unix:///system?socket=/run/session/x", FALSE},
	{"qemu:///system?socket=/session", FALSE},
};

START_TEST(files_lie_where_the_libvirt_of_the_uri_has_them)
{
	g_autofree char *path = vk_libvirt_directory(uris[_i].uri, "nvram");

	ck_assert_int_eq(!g_str_has_prefix(path, "/var/lib/libvirt/"), uris[_i].is_users);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host");
	TCase *tests = tcase_create("host");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, what_may_pass_is_asked_again);
	tcase_add_test(tests, but_not_for_ever);
	tcase_add_test(tests, what_stays_is_not_and_nothing_after_a_signal);
	tcase_add_test(tests, so_is_the_connection);
	tcase_add_loop_test(tests, files_lie_where_the_libvirt_of_the_uri_has_them, 0,
			    G_N_ELEMENTS(uris));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
