/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What programs and the journal are told while a run works. Check runs each test in a process of
 * its own.
 */
#include "event.h"
#include "json.h"
#include "log.h"
#include "progress.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS  200

/* Sends stdout into a file without a name; returns it. */
static int catch_stdout(void)
{
	int fd = open(g_get_tmp_dir(), O_TMPFILE | O_RDWR, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	return fd;
}

/* The lines that are in FD, each a JSON object. */
static GPtrArray *lines_of(int fd)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
	g_autofree char *text = g_malloc0(1 << 20);
	g_auto(GStrv) parts = NULL;

	ck_assert_int_ge(pread(fd, text, (1 << 20) - 1, 0), 0);
	parts = g_strsplit(text, "\n", -1);
	for (char **part = parts; *part && **part; part++) {
		json_t *line = vk_json_parse(*part, strlen(*part), "line", NULL);

		ck_assert_msg(line != NULL, "not JSON: %s", *part);
		g_ptr_array_add(lines, line);
	}
	return lines;
}

static const char *text_of(const GPtrArray *lines, guint i, const char *key)
{
	ck_assert_uint_lt(i, lines->len);
	return vk_json_optional_string(g_ptr_array_index(lines, i), key);
}

static json_t *member(const GPtrArray *lines, guint i, const char *key)
{
	return json_object_get(g_ptr_array_index(lines, i), key);
}

START_TEST(a_run_is_told_line_by_line)
{
	int fd = catch_stdout();
	g_autoptr(json_t) document = json_pack("{s:i}", "freed", 7);
	g_autoptr(GPtrArray) lines = NULL;

	g_setenv("VIRTKEEP_JOB", "nightly", TRUE);
	vk_event_start("backup", TRUE);
	vk_log_info("for people");
	vk_event_set_subject("web1", NULL);
	vk_log_warning("no %s", "agent");
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_GUEST_DONE, .text = "x", .snapshot = "web1@T"});
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_GUEST_FAILED,
				 .text = "it is gone",
				 .guest = "db1",
				 .code = "not-found"});
	vk_json_print(document);
	vk_log_event(&(VkEvent){
		.kind = VK_EVENT_FAILED, .text = "1 of 2", .code = "partial", .status = 3});
	vk_log_warning("too late");
	lines = lines_of(fd);
	ck_assert_uint_eq(lines->len, 5);

	ck_assert_str_eq(text_of(lines, 0, "type"), "start");
	ck_assert_int_eq(json_integer_value(member(lines, 0, "schema")), 1);
	ck_assert_str_eq(text_of(lines, 0, "command"), "backup");
	ck_assert_str_eq(text_of(lines, 0, "job"), "nightly");
	ck_assert_str_eq(text_of(lines, 0, "version"), VK_VERSION);

	ck_assert_str_eq(text_of(lines, 1, "type"), "warning");
	ck_assert_str_eq(text_of(lines, 1, "guest"), "web1");
	ck_assert_str_eq(text_of(lines, 1, "text"), "no agent");

	ck_assert_str_eq(text_of(lines, 2, "type"), "guest");
	ck_assert_str_eq(text_of(lines, 2, "state"), "done");
	ck_assert_str_eq(text_of(lines, 2, "guest"), "web1");
	ck_assert_str_eq(text_of(lines, 2, "snapshot"), "web1@T");

	ck_assert_str_eq(text_of(lines, 3, "state"), "failed");
	ck_assert_str_eq(text_of(lines, 3, "guest"), "db1");
	ck_assert_str_eq(text_of(lines, 3, "code"), "not-found");
	ck_assert_str_eq(text_of(lines, 3, "error"), "it is gone");

	ck_assert_str_eq(text_of(lines, 4, "type"), "end");
	ck_assert_int_eq(json_integer_value(member(lines, 4, "status")), 3);
	ck_assert_str_eq(text_of(lines, 4, "error"), "1 of 2");
	ck_assert_ptr_null(member(lines, 4, "guest"));
	ck_assert(json_equal(member(lines, 4, "result"), document));
	for (guint i = 0; i < lines->len; i++)
		ck_assert_uint_eq(strlen(text_of(lines, i, "time")),
				  strlen("2026-11-29T10:00:00.000Z"));
}
END_TEST

START_TEST(progress_is_told_however_short_it_was)
{
	int fd = catch_stdout();
	g_autoptr(GPtrArray) lines = NULL;
	VkProgress *progress;

	vk_event_start("backup", TRUE);
	progress = vk_progress_new("vm", 0);
	vk_progress_set_guests(progress, 1, 2);
	vk_progress_expect(progress, 4000);
	vk_progress_add(progress, 1000);
	vk_progress_free(progress);
	lines = lines_of(fd);
	ck_assert_uint_ge(lines->len, 2);
	ck_assert_str_eq(text_of(lines, lines->len - 1, "type"), "progress");
	ck_assert_int_eq(json_integer_value(member(lines, lines->len - 1, "done")), 1000);
	ck_assert_int_eq(json_integer_value(member(lines, lines->len - 1, "total")), 4000);
	ck_assert_int_eq(json_integer_value(member(lines, lines->len - 1, "guests_done")), 1);
	ck_assert_int_eq(json_integer_value(member(lines, lines->len - 1, "guests")), 2);
}
END_TEST

START_TEST(a_total_that_still_grows_is_not_told)
{
	int fd = catch_stdout();
	g_autoptr(GPtrArray) lines = NULL;
	VkProgress *progress;

	vk_event_start("backup", TRUE);
	progress = vk_progress_new("vm", 0);
	vk_progress_await(progress, 1);
	vk_progress_expect(progress, 4000);
	vk_progress_free(progress);
	lines = lines_of(fd);
	ck_assert_ptr_null(member(lines, lines->len - 1, "total"));
}
END_TEST

static gpointer warn_often(gpointer data)
{
	vk_event_set_subject(data, NULL);
	for (guint i = 0; i < ROUNDS; i++)
		vk_event_tell(&(VkEvent){.kind = VK_EVENT_WARNING, .text = data});
	return NULL;
}

START_TEST(threads_keep_their_lines_and_subjects_apart)
{
	int fd = catch_stdout();
	char names[THREADS][8];
	GThread *threads[THREADS];
	g_autoptr(GPtrArray) lines = NULL;

	vk_event_start("backup", TRUE);
	for (guint i = 0; i < THREADS; i++) {
		g_snprintf(names[i], sizeof(names[i]), "vm%u", i);
		threads[i] = g_thread_new("warn", warn_often, names[i]);
	}
	for (guint i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	lines = lines_of(fd);
	ck_assert_uint_eq(lines->len, 1 + THREADS * ROUNDS);
	for (guint i = 1; i < lines->len; i++)
		ck_assert_str_eq(text_of(lines, i, "text"), text_of(lines, i, "guest"));
}
END_TEST

START_TEST(a_reader_who_leaves_ends_the_lines_only)
{
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	vk_event_start("backup", TRUE);
	close(ends[0]);
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_WARNING, .text = "one"});
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_WARNING, .text = "two"});
	ck_assert(!ferror(stdout));
	ck_assert_int_eq(fflush(stdout), 0);
}
END_TEST

START_TEST(without_lines_documents_are_printed)
{
	int fd = catch_stdout();
	g_autoptr(json_t) document = json_pack("{s:i}", "freed", 7);
	char text[100] = "";

	vk_event_start("gc", FALSE);
	vk_json_print(document);
	ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "{\n  \"freed\": 7\n}\n");
}
END_TEST

#ifdef VK_HAVE_JOURNAL

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* A /run of our own. FALSE: the kernel lets nobody have namespaces. */
static gboolean make_run(void)
{
	g_autofree char *users = g_strdup_printf("0 %u 1", getuid());
	g_autofree char *groups = g_strdup_printf("0 %u 1", getgid());

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return FALSE;
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", users);
	write_file("/proc/self/gid_map", groups);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir("/run/systemd", 0755), 0);
	ck_assert_int_eq(mkdir("/run/systemd/journal", 0755), 0);
	return TRUE;
}

/* The socket of a journal; stderr is taken for its stream. */
static int become_journal(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX,
				      .sun_path = "/run/systemd/journal/socket"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	g_autofree char *stream = NULL;
	struct stat status;
	FILE *err = tmpfile();

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(dup2(fileno(err), STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
	stream = g_strdup_printf("%lu:%lu", (gulong)status.st_dev, (gulong)status.st_ino);
	g_setenv("JOURNAL_STREAM", stream, TRUE);
	return fd;
}

/* The next entry: its fields, one a line. NULL: there is none. New string. */
static char *next_entry(int fd)
{
	char *entry = g_malloc0(10000);

	if (recv(fd, entry, 9999, MSG_DONTWAIT) > 0)
		return entry;
	g_free(entry);
	return NULL;
}

static void check_field(const char *entry, const char *field)
{
	g_autofree char *line = g_strconcat(field, "\n", NULL);

	ck_assert_msg(entry && strstr(entry, line), "no %s in: %s", field, entry);
}

START_TEST(the_journal_gets_entries_with_fields)
{
	g_autofree char *start = NULL, *warning = NULL, *failed = NULL, *end = NULL;
	int fd;

	if (!make_run())
		return;
	fd = become_journal();
	vk_event_start("backup", FALSE);
	vk_event_set_vault("dir:/vault");
	vk_event_set_subject("web1", "web1@T");
	vk_log_warning("two\nlines");
	vk_log_debug("not said");
	vk_log_event(&(VkEvent){
		.kind = VK_EVENT_GUEST_FAILED, .text = "gone", .guest = "db1", .code = "failed"});
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_PROGRESS});
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_DONE, .text = "done"});

	start = next_entry(fd);
	check_field(start, "MESSAGE=backup started");
	check_field(start, "MESSAGE_ID=94907156449c418bb000e1a998715be8");
	check_field(start, "PRIORITY=6");
	warning = next_entry(fd);
	check_field(warning, "MESSAGE=two\\nlines");
	check_field(warning, "PRIORITY=4");
	check_field(warning, "SYSLOG_IDENTIFIER=virtkeep");
	check_field(warning, "GUEST=web1");
	check_field(warning, "SNAPSHOT=web1@T");
	check_field(warning, "VAULT=dir:/vault");
	check_field(warning, "COMMAND=backup");
	failed = next_entry(fd);
	check_field(failed, "GUEST=db1");
	check_field(failed, "CODE=failed");
	check_field(failed, "PRIORITY=3");
	end = next_entry(fd);
	check_field(end, "STATUS=0");
	ck_assert_ptr_null(next_entry(fd));
	/* Nothing is said twice. */
	ck_assert_int_eq(lseek(STDERR_FILENO, 0, SEEK_END), 0);
}
END_TEST

START_TEST(a_stderr_that_is_no_journal_gets_the_text)
{
	int fd;

	if (!make_run())
		return;
	fd = become_journal();
	g_setenv("JOURNAL_STREAM", "1:2", TRUE);
	vk_log_warning("said");
	ck_assert_ptr_null(next_entry(fd));
	ck_assert_int_gt(lseek(STDERR_FILENO, 0, SEEK_END), 0);
}
END_TEST

#endif

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tcase = tcase_create("events");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, a_run_is_told_line_by_line);
	tcase_add_test(tcase, progress_is_told_however_short_it_was);
	tcase_add_test(tcase, a_total_that_still_grows_is_not_told);
	tcase_add_test(tcase, threads_keep_their_lines_and_subjects_apart);
	tcase_add_test(tcase, a_reader_who_leaves_ends_the_lines_only);
	tcase_add_test(tcase, without_lines_documents_are_printed);
#ifdef VK_HAVE_JOURNAL
	tcase_add_test(tcase, the_journal_gets_entries_with_fields);
	tcase_add_test(tcase, a_stderr_that_is_no_journal_gets_the_text);
#endif
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
