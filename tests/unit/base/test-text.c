/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What guests and others say must not get at the terminal, nor forge a line of a log. */
#include "errors.h"
#include "log.h"
#include "text.h"

#include <check.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sets the title of a terminal, and looks like another message. */
#define EVIL         "\033]0;owned\007\nvirtkeep: all is well"
#define EVIL_ESCAPED "\\x1b]0;owned\\x07\\nvirtkeep: all is well"

static const struct {
	const char *text, *printable;
} texts[] = {
	{"plain text", "plain text"},
	{"Zürich, Ω, 日本", "Zürich, Ω, 日本"},
	{EVIL, EVIL_ESCAPED},
	{"\t\r\177", "\\t\\r\\x7f"},
	/* CSI in one character; right to left; a line of its own. */
	{"\302\233", "\\x9b"},
	{"\342\200\256", "\\u202e"},
	{"\342\200\250", "\\u2028"},
	/* Latin 1, and half of a character. */
	{"Z\374rich", "Z\\xfcrich"},
	{"\342\200", "\\xe2\\x80"},
	{NULL, "-"},
	{"", ""},
};

START_TEST(escapes_what_a_terminal_obeys)
{
	g_autofree char *once = vk_printable(texts[_i].text);
	g_autofree char *twice = vk_printable(once);

	ck_assert_str_eq(once, texts[_i].printable);
	ck_assert_str_eq(twice, once);
}
END_TEST

START_TEST(cuts_what_others_say)
{
	g_autofree char *many = g_strnfill(100000, 'x');
	g_autoptr(GString) wide = g_string_new(NULL);
	g_autofree char *cut = vk_printable_foreign(many);
	g_autofree char *wide_cut = NULL;
	g_autofree char *evil = vk_printable_foreign(EVIL);

	ck_assert_uint_lt(strlen(cut), 1100);
	ck_assert(g_str_has_suffix(cut, "x..."));
	for (int i = 0; i < 1000; i++)
		g_string_append(wide, "日");
	wide_cut = vk_printable_foreign(wide->str);
	ck_assert_uint_lt(strlen(wide_cut), 1100);
	ck_assert(g_str_has_suffix(wide_cut, "日..."));
	ck_assert_str_eq(evil, EVIL_ESCAPED);
}
END_TEST

START_TEST(errors_are_printable)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) system_error = NULL;

	vk_fail(&error, VK_ERROR_FAILED, "the agent: %s", EVIL);
	ck_assert_str_eq(error->message, "the agent: " EVIL_ESCAPED);
	vk_fail_errno(&system_error, ENOENT, "cannot open '%s'", EVIL);
	ck_assert_str_eq(system_error->message,
			 "cannot open '" EVIL_ESCAPED "': No such file or directory");
	ck_assert_int_eq(system_error->code, VK_ERROR_NOT_FOUND);
}
END_TEST

/* What FUNCTION writes to stderr. New string. */
static char *stderr_of(void (*function)(void))
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("virtkeep-test-XXXXXX", &path, NULL), before = dup(STDERR_FILENO);
	char *text = NULL;

	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	function();
	fflush(stderr);
	ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	g_unlink(path);
	close(fd);
	close(before);
	return text;
}

static void log_evil(void)
{
	vk_log_warning("guest '%s'", EVIL);
}

START_TEST(log_lines_stay_one)
{
	g_autofree char *text = stderr_of(log_evil);

	ck_assert(g_str_has_suffix(text, "warning: guest '" EVIL_ESCAPED "'\n"));
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

static void print_evil(void)
{
	vk_print_line(stderr, "%-8s%s", "Name:", EVIL);
}

static const struct {
	const char *url, *shown;
} urls[] = {
	{"https://host/a/b", "https://host/a/b"},
	{"relative:path", "relative:path"},
	{"https://id:hush@host/a", "https://***@host/a"},
	{"https://id:hu/sh@ush@host/a?hush", "https://***@host/a?***"},
	{"s3:id:hush@host/a", "***@host/a"},
	{"https://host/a?hush=1#b", "https://host/a?***"},
	{"host/a#hush", "host/a?***"},
	{"a?b://hush@c", "a?b://***@c"},
	{"", ""},
};

START_TEST(urls_show_no_secrets)
{
	g_autofree char *shown = vk_url_without_secrets(urls[_i].url);

	ck_assert_str_eq(shown, urls[_i].shown);
}
END_TEST

START_TEST(printed_lines_stay_one)
{
	g_autofree char *text = stderr_of(print_evil);

	ck_assert_str_eq(text, "Name:   " EVIL_ESCAPED "\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *cases = tcase_create("text");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, escapes_what_a_terminal_obeys, 0, G_N_ELEMENTS(texts));
	tcase_add_test(cases, cuts_what_others_say);
	tcase_add_test(cases, errors_are_printable);
	tcase_add_test(cases, log_lines_stay_one);
	tcase_add_test(cases, printed_lines_stay_one);
	tcase_add_loop_test(cases, urls_show_no_secrets, 0, G_N_ELEMENTS(urls));
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
