/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program records of itself. */
#include "current-task.h"

#include "errors.h"
#include "history.h"
#include "json.h"
#include "log.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *directory;

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	vk_log_set_level(VK_LOG_QUIET);
}

static void tear_down(void)
{
	g_free(directory);
}

static VkSettings *settings_for(const char *place)
{
	g_autofree char *text = g_strdup_printf("[history]\ndir = %s\nkeep = 1y\n", place);
	VkSettings *settings = vk_settings_parse(text, strlen(text), "test", NULL);

	ck_assert_ptr_nonnull(settings);
	return settings;
}

START_TEST(messages_are_kept_also_if_quiet)
{
	g_autoptr(VkSettings) settings = settings_for(directory);
	g_autoptr(VkHistory) history = NULL;
	g_autoptr(VkTask) task = NULL;
	g_autoptr(VkTask) loaded = NULL;

	vk_log_warning("before it");
	g_setenv(VK_TASK_JOB_VARIABLE, "nightly", TRUE);
	vk_task_begin(settings, "gc");
	vk_log_warning("room is short: %d", 7);
	vk_log_info("not kept");
	vk_task_set_vault("s3:https://key:secret@host/bucket", "1234");
	vk_task_set_vault("dir:/another", "5678");
	vk_task_about("db1@yesterday");
	task = vk_task_end(VK_ERROR_BUSY);
	vk_log_warning("after it");
	ck_assert_ptr_nonnull(task);
	ck_assert_ptr_null(vk_task_end(0));

	history = vk_history_open(directory, FALSE, NULL);
	loaded = vk_history_load(history, task->id, NULL);
	ck_assert_ptr_nonnull(loaded);
	ck_assert_uint_eq(loaded->messages->len, 1);
	ck_assert_str_eq(((VkTaskMessage *)loaded->messages->pdata[0])->text, "room is short: 7");
	ck_assert_str_eq(loaded->job, "nightly");
	ck_assert_str_eq(loaded->vault_id, "1234");
	ck_assert_ptr_null(strstr(loaded->vault, "secret"));
	ck_assert_ptr_nonnull(loaded->command);
	ck_assert_uint_eq(loaded->guests->len, 1);
	ck_assert_str_eq(((VkTaskGuest *)loaded->guests->pdata[0])->name, "db1");
	ck_assert_str_eq(vk_task_outcome(loaded), "busy");
}
END_TEST

/* The place is a file, so there can be no history: the task is there nevertheless. */
START_TEST(trouble_is_no_failure)
{
	g_autofree char *path = g_build_filename(directory, "file", NULL);
	g_autoptr(VkSettings) settings = settings_for(path);
	g_autoptr(VkTask) task = NULL;

	ck_assert(g_file_set_contents(path, "", -1, NULL));
	vk_task_begin(settings, "gc");
	task = vk_task_end(0);
	ck_assert_ptr_nonnull(task);
	ck_assert_uint_eq(task->id, 0);
	ck_assert_uint_eq(task->messages->len, 1);
	g_unlink(path);
}
END_TEST

START_TEST(tasks_follow_each_other)
{
	g_autoptr(VkSettings) settings = settings_for(directory);

	for (int i = 0; i < 3; i++) {
		g_autoptr(json_t) result = json_pack("[{s:s, s:b}]", "snapshot",
						     "web1@20261129T101112Z", "forgotten", TRUE);
		g_autoptr(VkTask) task = NULL;

		vk_task_begin(settings, "forget");
		vk_task_result(result, FALSE);
		task = vk_task_end(0);
		ck_assert_uint_eq(task->id, (guint)i + 1);
		ck_assert_uint_eq(task->guests->len, 1);
		ck_assert_str_eq(((VkTaskGuest *)task->guests->pdata[0])->name, "web1");
	}
}
END_TEST

START_TEST(amounts_are_bounded)
{
	g_autoptr(VkTask) task = vk_task_new("verify");
	g_autofree char *long_text = g_strnfill(1u << 20, 'x');
	g_autoptr(json_t) list = json_array();
	g_autoptr(json_t) untouched =
		json_pack("{s:[{s:s, s:i}, {s:s, s:i}]}", "guests", "guest", "web1", "forgotten", 0,
			  "guest", "db1", "forgotten", 2);
	g_autoptr(VkTask) forgetting = vk_task_new("forget");

	for (guint i = 0; i < VK_TASK_MESSAGES_MAX + 50; i++)
		vk_task_add_message(task, TRUE, long_text);
	ck_assert_uint_eq(task->messages->len, VK_TASK_MESSAGES_MAX);
	ck_assert_uint_eq(task->n_messages, VK_TASK_MESSAGES_MAX + 50);
	ck_assert_uint_lt(strlen(((VkTaskMessage *)task->messages->pdata[0])->text), 100000);
	for (guint i = 0; i < VK_TASK_GUESTS_MAX + 50; i++)
		json_array_append_new(list, json_pack("{s:s}", "guest", "one of very many"));
	vk_task_set_document(task, list);
	ck_assert_uint_eq(task->guests->len, VK_TASK_GUESTS_MAX);
	ck_assert_ptr_null(task->document);
	/* The policy looks at all guests: those of which it forgot nothing are none of its task. */
	vk_task_set_document(forgetting, untouched);
	ck_assert_uint_eq(forgetting->guests->len, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("current-task");
	TCase *tcase = tcase_create("current-task");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, messages_are_kept_also_if_quiet);
	tcase_add_test(tcase, trouble_is_no_failure);
	tcase_add_test(tcase, tasks_follow_each_other);
	tcase_add_test(tcase, amounts_are_bounded);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
