/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told again and what is not, what waits, and its bounds, with a clock of our own. */
#include "errors.h"
#include "json.h"
#include "spool.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From one night's run to the next, which ends an hour sooner. */
#define NIGHT ((gint64)23 * 3600)
#define NOW   ((gint64)1800000000)

static char *directory;
static VkSpool *spool;

static void open_spool(void)
{
	spool = vk_spool_open(directory, NULL);
	ck_assert_ptr_nonnull(spool);
	ck_assert(vk_spool_lock(spool, 0, NULL));
}

static void make_spool(void)
{
	directory = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	open_spool();
}

static void remove_spool(void)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	vk_spool_close(spool);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		g_unlink(path);
	}
	g_rmdir(directory);
	g_free(directory);
}

/* A backup of nine guests: those whose names are in FAILED, separated by spaces, failed. */
static VkNotice *notice_of(const char *failed, const char *warning)
{
	g_autoptr(VkTask) task = vk_task_new("backup");
	g_auto(GStrv) names = g_strsplit(failed, " ", -1);

	task->command = g_strdup("virtkeep backup --all");
	task->began = NOW * G_USEC_PER_SEC;
	task->ended = task->began + 1;
	task->status = *failed ? 3 : 0;
	for (char **name = names; *name && **name; name++) {
		VkTaskGuest *guest = vk_task_guest_new(*name);

		guest->error = g_strdup_printf("guest '%s' is \x1b gone", *name);
		g_ptr_array_add(task->guests, guest);
	}
	if (warning)
		vk_task_add_message(task, FALSE, warning);
	return vk_notice_new(task);
}

/* What such a notice is, and whether it is told. */
static void check_told(const char *failed, const char *warning, gint64 now, VkNoticeKind kind,
		       gboolean is_news)
{
	g_autoptr(VkNotice) notice = notice_of(failed, warning);

	ck_assert_int_eq(vk_spool_is_news(spool, "mail", notice, now), is_news);
	ck_assert_str_eq(vk_notice_word(notice->kind), vk_notice_word(kind));
}

START_TEST(the_same_trouble_is_told_once_a_night)
{
	check_told("", NULL, NOW, VK_NOTICE_SUCCESS, TRUE);
	check_told("a b", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	check_told("b a", NULL, NOW + 1, VK_NOTICE_FAILURE, FALSE);
	check_told("a b", NULL, NOW + VK_SPOOL_REPEAT - 1, VK_NOTICE_FAILURE, FALSE);
	check_told("a b", NULL, NOW + NIGHT, VK_NOTICE_FAILURE, TRUE);
	check_told("a b", NULL, NOW + NIGHT + 1, VK_NOTICE_FAILURE, FALSE);
	check_told("a b", NULL, NOW + 2 * NIGHT, VK_NOTICE_FAILURE, TRUE);
	/* Set back, the clock silences nothing. */
	check_told("a b", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
}
END_TEST

START_TEST(other_trouble_is_told_at_once)
{
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	check_told("a b", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	check_told("", "31 GiB free", NOW, VK_NOTICE_WARNING, TRUE);
	check_told("", "30 GiB free", NOW, VK_NOTICE_WARNING, FALSE);
	check_told("", "no agent", NOW, VK_NOTICE_WARNING, TRUE);
}
END_TEST

START_TEST(its_end_is_told_once)
{
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	check_told("", NULL, NOW, VK_NOTICE_RECOVERY, TRUE);
	check_told("", NULL, NOW, VK_NOTICE_SUCCESS, TRUE);
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
}
END_TEST

/* A step of a job, which sends to the vault TARGET. */
static void check_replication(const char *target, int status, VkNoticeKind kind, gboolean is_news)
{
	g_autoptr(VkTask) task = vk_task_new("replicate");
	g_autoptr(VkNotice) notice = NULL;

	task->job = g_strdup("nightly");
	task->command = g_strdup_printf("virtkeep replicate '--to=%s'", target);
	task->ended = NOW * G_USEC_PER_SEC;
	task->status = status;
	notice = vk_notice_new(task);
	ck_assert_int_eq(vk_spool_is_news(spool, "mail", notice, NOW), is_news);
	ck_assert_str_eq(vk_notice_word(notice->kind), vk_notice_word(kind));
}

START_TEST(what_works_hides_no_trouble_elsewhere)
{
	check_replication("near by", 1, VK_NOTICE_FAILURE, TRUE);
	check_replication("far", 0, VK_NOTICE_SUCCESS, TRUE);
	check_replication("near by", 1, VK_NOTICE_FAILURE, FALSE);
	check_replication("far", 1, VK_NOTICE_FAILURE, TRUE);
	check_replication("near by", 0, VK_NOTICE_RECOVERY, TRUE);
}
END_TEST

START_TEST(it_is_remembered_from_run_to_run)
{
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	vk_spool_close(spool);
	open_spool();
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, FALSE);
}
END_TEST

START_TEST(a_damaged_memory_is_a_new_one)
{
	g_autofree char *path = g_build_filename(directory, "memory", NULL);

	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	vk_spool_close(spool);
	ck_assert(g_file_set_contents(path, "{\"", -1, NULL));
	open_spool();
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
}
END_TEST

START_TEST(the_memory_is_bounded)
{
	for (guint i = 0; i < VK_SPOOL_KEYS_MAX + 1; i++) {
		g_autoptr(VkNotice) notice = notice_of("a", NULL);

		g_free(notice->key);
		notice->key = g_strdup_printf("%u", i);
		vk_spool_is_news(spool, "mail", notice, NOW + i);
	}
	vk_spool_unlock(spool);
	ck_assert(vk_spool_lock(spool, 0, NULL));
	for (guint i = 0; i < 2; i++) {
		g_autoptr(VkNotice) notice = notice_of("a", NULL);

		g_free(notice->key);
		notice->key = g_strdup_printf("%u", i == 0 ? 0 : VK_SPOOL_KEYS_MAX);
		ck_assert_int_eq(
			vk_spool_is_news(spool, "mail", notice, NOW + VK_SPOOL_KEYS_MAX + 1),
			i == 0);
	}
}
END_TEST

/* What was sent, and who takes nothing. */
typedef struct Sent {
	GString *subjects;
	const char *silent;
	guint tries;
} Sent;

static gboolean send(const char *target, const VkNotice *notice, gpointer data)
{
	Sent *sent = data;

	sent->tries++;
	if (g_strcmp0(sent->silent, target) == 0)
		return FALSE;
	g_string_append_printf(sent->subjects, "%s ", notice->subject);
	return TRUE;
}

/* The name of what is kept. New string. */
static char *put_named(const char *target, const char *subject, gint64 now)
{
	g_autoptr(VkNotice) notice = notice_of("a", NULL);
	char *name;

	g_free(notice->subject);
	notice->subject = g_strdup(subject);
	name = vk_spool_put(spool, target, notice, now, NULL);
	ck_assert_ptr_nonnull(name);
	return name;
}

static void put(const char *target, const char *subject, gint64 now)
{
	g_free(put_named(target, subject, now));
}

START_TEST(what_waits_is_sent_in_order)
{
	Sent sent = {.subjects = g_string_new(NULL), .silent = "web"};

	put("mail", "two", NOW + 2);
	put("web", "never", NOW);
	put("web", "neither", NOW + 1);
	put("mail", "one", NOW + 1);
	ck_assert_uint_eq(vk_spool_count(spool), 4);
	ck_assert_uint_eq(vk_spool_flush(spool, NOW + 3, send, &sent), 0);
	ck_assert_str_eq(sent.subjects->str, "one two ");
	/* A silent target is asked once. */
	ck_assert_uint_eq(sent.tries, 3);
	ck_assert_uint_eq(vk_spool_count(spool), 2);
	sent.silent = NULL;
	vk_spool_flush(spool, NOW + 3, send, &sent);
	ck_assert_str_eq(sent.subjects->str, "one two never neither ");
	ck_assert_uint_eq(vk_spool_count(spool), 0);
	g_string_free(sent.subjects, TRUE);
}
END_TEST

START_TEST(what_waits_is_bounded)
{
	Sent sent = {.subjects = g_string_new(NULL)};
	g_autofree char *path = g_build_filename(directory, "0-damaged.json", NULL);

	put("mail", "first", NOW);
	for (guint i = 1; i <= VK_SPOOL_MAX; i++)
		put("mail", "x", NOW + i);
	ck_assert_uint_eq(vk_spool_count(spool), VK_SPOOL_MAX);
	ck_assert(g_file_set_contents(path, "{}", -1, NULL));
	ck_assert_uint_eq(vk_spool_flush(spool, NOW + VK_SPOOL_AGE_MAX + VK_SPOOL_MAX, send, &sent),
			  VK_SPOOL_MAX - 1);
	ck_assert_str_eq(sent.subjects->str, "x ");
	ck_assert_uint_eq(vk_spool_count(spool), 0);
	g_string_free(sent.subjects, TRUE);
}
END_TEST

START_TEST(one_process_knows_at_a_time)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkSpool) other = vk_spool_open(directory, NULL);

	ck_assert_ptr_nonnull(other);
	ck_assert(!vk_spool_lock(other, 0, &trouble));
	ck_assert(g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY));
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	vk_spool_unlock(spool);
	/* It knows what the first one knew. */
	ck_assert(vk_spool_lock(other, 0, NULL));
	vk_spool_close(spool);
	spool = g_steal_pointer(&other);
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, FALSE);
}
END_TEST

START_TEST(others_keep_theirs_without_the_lock)
{
	VkSpool *first = spool;

	spool = vk_spool_open(directory, NULL);
	put("mail", "x", NOW);
	ck_assert_uint_eq(vk_spool_count(first), 1);
	/* What nobody could look up is told. */
	check_told("a", NULL, NOW, VK_NOTICE_FAILURE, TRUE);
	vk_spool_close(spool);
	spool = first;
}
END_TEST

START_TEST(what_one_process_sends_no_other_does)
{
	Sent sent = {.subjects = g_string_new(NULL)};
	g_autofree char *name = put_named("mail", "first", NOW);
	int claim = vk_spool_claim(spool, name);

	ck_assert_int_ge(claim, 0);
	ck_assert_int_lt(vk_spool_claim(spool, name), 0);
	put("mail", "second", NOW + 1);
	put("web", "third", NOW + 2);
	/* The second waits, too: they keep their order. */
	vk_spool_flush(spool, NOW + 3, send, &sent);
	ck_assert_str_eq(sent.subjects->str, "third ");
	close(claim);
	vk_spool_flush(spool, NOW + 3, send, &sent);
	ck_assert_str_eq(sent.subjects->str, "third first second ");
	ck_assert_int_lt(vk_spool_claim(spool, name), 0);
	g_string_free(sent.subjects, TRUE);
}
END_TEST

START_TEST(a_notice_has_all_in_one)
{
	g_autoptr(VkNotice) notice = notice_of("db1 web2", "the vault is nearly full");
	g_autoptr(json_t) object = vk_notice_to_json(notice);
	g_autoptr(VkNotice) again = vk_notice_from_json(object);

	ck_assert_ptr_nonnull(strstr(notice->subject, ": 2 of 2 failed"));
	ck_assert_ptr_nonnull(strstr(notice->text, "  db1: guest 'db1' is \\x1b gone\n"));
	ck_assert_ptr_nonnull(strstr(notice->text, "  warning: the vault is nearly full\n"));
	ck_assert_ptr_nonnull(strstr(notice->text, "in part (exit status 3)"));
	ck_assert_str_eq(again->text, notice->text);
	ck_assert_str_eq(again->id, notice->id);
	ck_assert_int_eq(again->kind, VK_NOTICE_FAILURE);
	ck_assert_int_eq(again->status, 3);
}
END_TEST

START_TEST(a_notice_is_bounded)
{
	g_autoptr(GString) names = g_string_new("vm0");
	g_autoptr(VkNotice) notice = NULL;

	for (guint i = 1; i < 1000; i++)
		g_string_append_printf(names, " vm%u", i);
	notice = notice_of(names->str, NULL);
	ck_assert_uint_lt(strlen(notice->text), 10000);
	ck_assert_uint_lt(strlen(notice->trouble), 600);
	ck_assert_ptr_nonnull(strstr(notice->text, "  and 950 more\n"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spool");
	TCase *tcase = tcase_create("spool");
	SRunner *runner;
	int failed;

	/* It writes much, and disks may be slow. */
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, make_spool, remove_spool);
	tcase_add_test(tcase, the_same_trouble_is_told_once_a_night);
	tcase_add_test(tcase, other_trouble_is_told_at_once);
	tcase_add_test(tcase, its_end_is_told_once);
	tcase_add_test(tcase, what_works_hides_no_trouble_elsewhere);
	tcase_add_test(tcase, it_is_remembered_from_run_to_run);
	tcase_add_test(tcase, a_damaged_memory_is_a_new_one);
	tcase_add_test(tcase, the_memory_is_bounded);
	tcase_add_test(tcase, what_waits_is_sent_in_order);
	tcase_add_test(tcase, what_waits_is_bounded);
	tcase_add_test(tcase, one_process_knows_at_a_time);
	tcase_add_test(tcase, others_keep_theirs_without_the_lock);
	tcase_add_test(tcase, what_one_process_sends_no_other_does);
	tcase_add_test(tcase, a_notice_has_all_in_one);
	tcase_add_test(tcase, a_notice_is_bounded);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
