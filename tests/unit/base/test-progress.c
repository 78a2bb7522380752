/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the progress line says, and that it is away when something else is printed. */
#include "progress-count.h"
#include "log.h"
#include "memory-source.h"
#include "progress-priv.h"
#include "session.h"
#include "status-line.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MIB   G_GUINT64_CONSTANT(1048576)
#define WIDTH 60

/* Makes a terminal stderr; returns its other end. Each test has a process of its own. */
static int become_terminal(void)
{
	struct winsize size = {.ws_row = 24, .ws_col = WIDTH};
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
	ck_assert_int_eq(dup2(slave, STDERR_FILENO), STDERR_FILENO);
	close(slave);
	return master;
}

/* What the terminal was sent up to and with TEXT. */
static GString *read_until(int master, const char *text)
{
	GString *sent = g_string_new(NULL);

	while (!strstr(sent->str, text)) {
		char buf[4096];
		ssize_t n = read(master, buf, sizeof(buf));

		ck_assert_int_gt(n, 0);
		g_string_append_len(sent, buf, n);
	}
	return sent;
}

/* The lines that stay on the screen: carriage returns go back, and ESC [ K removes the rest. */
static char *screen_of(const char *sent)
{
	g_autoptr(GString) screen = g_string_new(NULL);
	gsize line = 0, at = 0;

	for (; *sent; sent++) {
		if (*sent == '\r') {
			at = line;
		} else if (g_str_has_prefix(sent, "\033[K")) {
			g_string_truncate(screen, at);
			sent += 2;
		} else {
			if (*sent == '\n')
				at = screen->len;
			g_string_overwrite_len(screen, at++, sent, 1);
			if (*sent == '\n')
				line = at;
		}
	}
	return g_string_free(g_steal_pointer(&screen), FALSE);
}

START_TEST(the_line_is_away_when_something_is_printed)
{
	int master = become_terminal();
	VkProgress *progress = vk_progress_new("web1", 100 * MIB);
	g_autoptr(GString) sent = NULL;
	g_autofree char *screen = NULL;

	ck_assert(vk_progress_is_drawn(progress));
	for (guint i = 0; i < 4; i++) {
		g_autofree char *mark = g_strdup_printf("message %u", i);
		g_autoptr(GString) drawn = read_until(master, "web1: ");

		vk_log_info("%s", mark);
		vk_status_line_hide();
		/* As long as a tick and more: it must not come between. */
		fprintf(stderr, "result ");
		g_usleep(400 * G_TIME_SPAN_MILLISECOND);
		fprintf(stderr, "%u\n", i);
		vk_status_line_show();
		if (!sent)
			sent = g_string_new(NULL);
		g_string_append(sent, drawn->str);
	}
	vk_progress_free(progress);
	fputs("the end\n", stderr);
	g_autoptr(GString) rest = read_until(master, "the end\r\n");

	g_string_append(sent, rest->str);
	screen = screen_of(sent->str);
	for (guint i = 0; i < 4; i++) {
		g_autofree char *lines = g_strdup_printf("virtkeep: message %u\nresult %u\n", i, i);

		ck_assert_msg(strstr(screen, lines) != NULL, "no '%s' in '%s'", lines, screen);
	}
	ck_assert_msg(!strstr(screen, "web1"), "'%s'", screen);
}
END_TEST

START_TEST(quiet_draws_nothing)
{
	become_terminal();
	vk_log_set_level(VK_LOG_QUIET);
	VkProgress *progress = vk_progress_new("web1", 1);
	ck_assert(!vk_progress_is_drawn(progress));
	vk_progress_free(progress);
}
END_TEST

static char *text_at(guint64 done, guint64 total, double seconds, gboolean is_counted)
{
	VkProgressState state = {.label = "web1",
				 .done = done,
				 .total = total,
				 .is_counted = is_counted,
				 .elapsed_usec = (gint64)(seconds * G_USEC_PER_SEC),
				 .columns = 200};

	return vk_progress_text(&state);
}

START_TEST(a_steady_rate_is_told_as_it_is)
{
	static const char *const expected[] = {
		"web1: 0 bytes of 64.0 MiB, 0 %, 0 bytes/s",
		"web1: 16.0 MiB of 64.0 MiB, 25 %, 8.0 MiB/s, 0:06 left",
		"web1: 32.0 MiB of 64.0 MiB, 50 %, 8.0 MiB/s, 0:04 left",
		"web1: 48.0 MiB of 64.0 MiB, 75 %, 8.0 MiB/s, 0:02 left",
		"web1: 64.0 MiB of 64.0 MiB, 100 %, 8.0 MiB/s, 0:00 left",
	};

	for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
		g_autofree char *text = text_at(i * 16 * MIB, 64 * MIB, 2 * i, TRUE);

		/* GLib writes no-break spaces. */
		g_autofree char **words = g_strsplit(text, "\302\240", -1);
		g_autofree char *plain = g_strjoinv(" ", words);
		ck_assert_str_eq(plain, expected[i]);
	}
}
END_TEST

START_TEST(what_counts_nothing_is_its_label_alone)
{
	g_autofree char *text = text_at(0, 0, 3, TRUE);

	ck_assert_str_eq(text, "web1");
}
END_TEST

START_TEST(nothing_is_foretold_before_all_is_counted)
{
	g_autofree char *text = text_at(16 * MIB, 64 * MIB, 2, FALSE);
	g_autofree char *over = text_at(65 * MIB, 64 * MIB, 2, TRUE);
	g_autofree char *hours = text_at(MIB, 7201 * MIB, 1, TRUE);

	ck_assert(!strchr(text, '%') && !strstr(text, "left"));
	ck_assert(!strchr(over, '%') && !strstr(over, "left"));
	ck_assert(g_str_has_suffix(hours, ", 2:00:00 left"));
}
END_TEST

START_TEST(the_line_fits_the_terminal)
{
	VkProgressState state = {.label = "\344\270\200\344\272\214\344\270\211\033[31m\n",
				 .columns = 8};
	g_autofree char *text = vk_progress_text(&state);

	/* Three letters of two columns, and one. */
	ck_assert_str_eq(text, "\344\270\200\344\272\214\344\270\211\\");
}
END_TEST

/* 64 MiB in which DATA is set unit by unit. */
static MemSource *new_source(void)
{
	MemSource *source = mem_source_new(64 * MIB);

	for (guint64 at = 0; at < 64 * MIB; at += 8 * MIB)
		memset(source->kinds + at / MEM_UNIT, VK_SOURCE_DATA, MIB / MEM_UNIT);
	memset(source->bytes, 1, 64 * MIB);
	/* A unit alone: its block is read in whole. */
	source->kinds[4 * MIB / MEM_UNIT + 3] = VK_SOURCE_DATA;
	return source;
}

static void wait_until_counted(VkProgress *progress, VkProgressState *state)
{
	gint64 deadline = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

	do {
		g_usleep(1000);
		vk_progress_peek(progress, state);
	} while (!state->is_counted && g_get_monotonic_time() < deadline);
	ck_assert(state->is_counted);
}

START_TEST(data_is_counted_and_holes_are_not)
{
	int master = become_terminal();
	MemSource *source = new_source();
	VkProgress *progress = vk_progress_new("web1", 0);
	VkProgressState state;
	VkCount *count;

	vk_progress_await(progress, 1);
	vk_progress_peek(progress, &state);
	ck_assert(!state.is_counted);
	count = vk_count_source(&source->base, progress);
	wait_until_counted(progress, &state);
	vk_count_end(count);
	ck_assert_uint_eq(state.total, 8 * MIB + 65536);
	vk_progress_free(progress);
	vk_source_free(&source->base);
	close(master);
}
END_TEST

/* One disk that fails leaves the percentage of the others as it is. */
START_TEST(what_failed_is_not_waited_for)
{
	int master = become_terminal();
	MemSource *source = new_source();
	VkProgress *progress = vk_progress_new("web1", 10 * MIB);
	VkProgressState state;

	vk_progress_await(progress, 2);
	for (guint i = 0; i < 2; i++) {
		/* Cut at once, or after all of it was counted. */
		VkCount *count = vk_count_source(&source->base, progress);

		if (i > 0)
			wait_until_counted(progress, &state);
		vk_count_cut(count, 2 * MIB);
		vk_progress_peek(progress, &state);
		ck_assert_int_eq(state.is_counted, i > 0);
		ck_assert_uint_eq(state.total, (12 + i * 2) * MIB);
	}
	vk_progress_free(progress);
	vk_source_free(&source->base);
	close(master);
}
END_TEST

/* The same is counted when it is restored. */
static void check_image(VkVault *vault, const VkImageRecord *record)
{
	int master = become_terminal();
	VkProgress *progress = vk_progress_new("web1", 0);
	VkImage *image = vk_vault_image_open(vault, record, NULL);
	VkProgressState state;

	vk_progress_await(progress, 1);
	vk_count_end(vk_count_image(image, progress));
	vk_progress_peek(progress, &state);
	ck_assert(state.is_counted);
	ck_assert_uint_eq(state.total, 8 * MIB + 65536);
	vk_image_free(image);
	vk_progress_free(progress);
	close(master);
}

START_TEST(a_save_ends_at_what_was_counted)
{
	g_autofree char *directory = temp_directory_new();
	g_autoptr(VkVault) vault = vk_vault_init(directory, NULL);
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = new_source();
	VkProgress *progress = vk_progress_new("web1", 0);
	VkSaveStats stats = {0};
	VkProgressState state;
	g_autoptr(VkImageRecord) record =
		vk_session_save(session, &source->base, NULL, &stats, progress, NULL);

	vk_progress_peek(progress, &state);
	ck_assert_uint_eq(state.done, 8 * MIB + 65536);
	ck_assert_uint_eq(state.done, stats.read);
	check_image(vault, record);
	vk_progress_free(progress);
	vk_source_free(&source->base);
	g_clear_pointer(&session, vk_session_free);
	g_clear_pointer(&vault, vk_vault_free);
	temp_directory_remove(directory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("progress");
	TCase *tcase = tcase_create("progress");
	SRunner *runner = srunner_create(suite);
	int failed;

	g_set_prgname("virtkeep");
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_line_is_away_when_something_is_printed);
	tcase_add_test(tcase, quiet_draws_nothing);
	tcase_add_test(tcase, a_steady_rate_is_told_as_it_is);
	tcase_add_test(tcase, what_counts_nothing_is_its_label_alone);
	tcase_add_test(tcase, nothing_is_foretold_before_all_is_counted);
	tcase_add_test(tcase, the_line_fits_the_terminal);
	tcase_add_test(tcase, data_is_counted_and_holes_are_not);
	tcase_add_test(tcase, what_failed_is_not_waited_for);
	tcase_add_test(tcase, a_save_ends_at_what_was_counted);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
