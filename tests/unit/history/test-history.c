/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of the history: what is kept, found and removed, and that no trouble with it is fatal.
 */
#include "history.h"
#include "json.h"

#include "errors.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *directory;

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
}

static void tear_down(void)
{
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		g_unlink(path);
	}
	g_dir_close(dir);
	g_rmdir(directory);
	g_free(directory);
}

static VkHistory *open_history(void)
{
	GError *error = NULL;
	VkHistory *history = vk_history_open(directory, TRUE, &error);

	ck_assert_msg(history != NULL, "%s", error ? error->message : "");
	return history;
}

static VkTask *new_backup(gint64 began, const char *name, const char *uuid)
{
	VkTask *task = vk_task_new("backup");
	g_autoptr(json_t) result = json_pack(
		"{s:[{s:s, s:s, s:s, s:s, s:i, s:i, s:[{s:s, s:s, s:s, s:i, s:i, s:i, s:i}]}],"
		" s:[{s:s, s:s, s:s}]}",
		"snapshots", "guest", name, "uuid", uuid, "time", "20261129T101112Z", "consistency",
		"filesystem", "pause_ms", 12, "duration_ms", 3400, "disks", "target", "vda", "mode",
		"incremental", "reason", "bitmap of the last one", "size", 1000000, "read", 5000,
		"new", 4000, "stored", 3000, "failed", "guest", "broken", "code", "failed", "error",
		"its disk is gone");

	task->began = began;
	vk_task_set_document(task, result);
	return task;
}

static void add(VkHistory *history, VkTask *task, int status)
{
	ck_assert(vk_history_begin(history, task, NULL));
	task->ended = task->began + 1000;
	task->status = status;
	ck_assert(vk_history_end(history, task, NULL));
}

static guint count(VkHistory *history, VkHistoryFilter filter)
{
	g_autoptr(GPtrArray) tasks = vk_history_list(history, &filter, NULL);

	ck_assert_ptr_nonnull(tasks);
	return tasks->len;
}

START_TEST(task_comes_back_whole)
{
	g_autoptr(VkHistory) history = open_history();
	g_autoptr(VkTask) task = new_backup(5000, "web1", "0a0a");
	g_autoptr(VkTask) loaded = NULL;
	const VkTaskGuest *guest;
	const VkTaskDisk *disk;
	const VkTaskMessage *message;

	task->job = g_strdup("nightly");
	vk_task_add_message(task, FALSE, "the agent\ndid not answer");
	vk_task_add_message(task, TRUE, "1 of 2 guests saved, 1 failure");
	add(history, task, VK_ERROR_PARTIAL);
	loaded = vk_history_load(history, task->id, NULL);
	ck_assert_ptr_nonnull(loaded);
	ck_assert_str_eq(loaded->job, "nightly");
	ck_assert_str_eq(loaded->host, g_get_host_name());
	ck_assert_int_eq(loaded->began, 5000);
	ck_assert_int_eq(loaded->ended, 6000);
	ck_assert_str_eq(vk_task_outcome(loaded), "in part");
	ck_assert_str_eq(loaded->document, task->document);

	ck_assert_uint_eq(loaded->guests->len, 2);
	guest = g_ptr_array_index(loaded->guests, 0);
	ck_assert_str_eq(guest->name, "web1");
	ck_assert_str_eq(guest->uuid, "0a0a");
	ck_assert_str_eq(guest->grade, "filesystem");
	ck_assert_uint_eq(guest->pause_msec, 12);
	ck_assert_uint_eq(guest->duration_msec, 3400);
	ck_assert_uint_eq(guest->stored, 3000);
	ck_assert_ptr_null(guest->error);
	ck_assert_uint_eq(guest->disks->len, 1);
	disk = g_ptr_array_index(guest->disks, 0);
	ck_assert_str_eq(disk->reason, "bitmap of the last one");
	ck_assert_uint_eq(disk->fresh, 4000);
	guest = g_ptr_array_index(loaded->guests, 1);
	ck_assert_str_eq(guest->error, "its disk is gone");

	ck_assert_str_eq(loaded->error, "1 of 2 guests saved, 1 failure");
	ck_assert_uint_eq(loaded->messages->len, 2);
	message = g_ptr_array_index(loaded->messages, 0);
	ck_assert_str_eq(message->text, "the agent\\ndid not answer");
	ck_assert(!message->is_error);
	message = g_ptr_array_index(loaded->messages, 1);
	ck_assert(message->is_error);
}
END_TEST

START_TEST(filters_find)
{
	g_autoptr(VkHistory) history = open_history();
	g_autoptr(GPtrArray) all = NULL;

	for (int i = 0; i < 4; i++) {
		g_autoptr(VkTask) task =
			new_backup(1000 * (i + 1), i < 3 ? "web1" : "db1", i < 3 ? "aa" : "bb");

		if (i == 1)
			task->job = g_strdup("weekly");
		add(history, task, 0);
	}
	{
		g_autoptr(VkTask) gc = vk_task_new("gc");

		gc->began = 9000;
		add(history, gc, 0);
	}
	all = vk_history_list(history, &(VkHistoryFilter){.max = 0}, NULL);
	ck_assert_uint_eq(all->len, 5);
	ck_assert_str_eq(((VkTask *)all->pdata[0])->kind, "gc");
	ck_assert_int_eq(((VkTask *)all->pdata[4])->began, 1000);
	ck_assert_uint_eq(((VkTask *)all->pdata[4])->guests->len, 2);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "web1"}), 3);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "bb"}), 1);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "broken"}), 4);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "weekly"}), 1);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "nobody"}), 0);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.kind = "gc"}), 1);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.since = 3000}), 3);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.max = 2}), 2);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "web1", .since = 2500}), 1);
}
END_TEST

START_TEST(killed_task_is_interrupted)
{
	g_autoptr(VkHistory) reader = open_history();
	g_autoptr(VkTask) seen = NULL;
	int ready[2], end[2];
	guint64 id = 0;
	pid_t child;
	char byte;

	ck_assert(pipe(ready) == 0 && pipe(end) == 0);
	child = fork();
	if (child == 0) {
		VkHistory *history = open_history();
		VkTask *task = vk_task_new("verify");

		task->began = 1;
		if (!vk_history_begin(history, task, NULL) ||
		    write(ready[1], &task->id, sizeof(task->id)) < 0)
			_exit(1);
		close(end[1]);
		_exit(read(end[0], &byte, 1) != 0);
	}
	ck_assert_int_eq(read(ready[0], &id, sizeof(id)), sizeof(id));
	seen = vk_history_load(reader, id, NULL);
	ck_assert_ptr_nonnull(seen);
	ck_assert_str_eq(vk_task_outcome(seen), "running");
	close(end[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	vk_task_free(g_steal_pointer(&seen));
	seen = vk_history_load(reader, id, NULL);
	ck_assert_str_eq(vk_task_outcome(seen), "interrupted");
}
END_TEST

START_TEST(old_tasks_go)
{
	g_autoptr(VkHistory) history = open_history();
	GError *error = NULL;

	for (int i = 0; i < 5; i++) {
		g_autoptr(VkTask) task = new_backup(1000 * (i + 1), "web1", "aa");

		vk_task_add_message(task, FALSE, "something");
		add(history, task, 0);
	}
	ck_assert(vk_history_prune(history, 3000, NULL));
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.max = 0}), 3);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "web1"}), 3);
	ck_assert_ptr_null(vk_history_load(history, 2, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	g_clear_error(&error);
}
END_TEST

START_TEST(damaged_file_is_put_aside)
{
	g_autofree char *path = g_build_filename(directory, "history.sqlite", NULL);
	g_autofree char *aside = g_strconcat(path, ".damaged", NULL);
	g_autoptr(VkHistory) history = NULL;
	g_autoptr(VkTask) task = new_backup(1000, "web1", "aa");

	ck_assert(g_file_set_contents(path, "this is no history at all, but a text of some length",
				      -1, NULL));
	history = open_history();
	ck_assert(g_file_test(aside, G_FILE_TEST_EXISTS));
	add(history, task, 0);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.max = 0}), 1);
}
END_TEST

/* A page in the middle is overwritten: the task is lost, and the next program begins a new file. */
START_TEST(damage_inside_is_put_aside)
{
	g_autofree char *path = g_build_filename(directory, "history.sqlite", NULL);
	g_autofree char *aside = g_strconcat(path, ".damaged", NULL);
	g_autofree char *bytes = NULL;
	VkHistory *history = open_history();
	g_autoptr(VkTask) task = new_backup(1000, "web1", "aa");
	g_autoptr(GError) error = NULL;
	gsize length;

	vk_history_free(history);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	ck_assert_uint_gt(length, 4096);
	memset(bytes + 4096, 0xa5, length - 4096);
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	history = open_history();
	ck_assert(!vk_history_begin(history, task, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_uint_eq(task->id, 0);
	vk_history_free(history);
	ck_assert(g_file_test(aside, G_FILE_TEST_EXISTS));
	history = open_history();
	add(history, task, 0);
	vk_history_free(history);
}
END_TEST

START_TEST(file_is_for_its_owner)
{
	g_autofree char *path = g_build_filename(directory, "history.sqlite", NULL);
	g_autoptr(VkHistory) history = open_history();
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(nothing_is_made_to_read)
{
	g_autofree char *below = g_build_filename(directory, "none", NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_history_open(below, FALSE, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert(!g_file_test(below, G_FILE_TEST_EXISTS));
}
END_TEST

/* Its maker was killed, or the power went, before there was anything in it. */
START_TEST(unfinished_file_is_as_none)
{
	g_autofree char *path = g_build_filename(directory, "history.sqlite", NULL);
	g_autoptr(VkHistory) history = NULL;
	g_autoptr(GError) error = NULL;

	ck_assert(g_file_set_contents(path, "", 0, NULL));
	ck_assert_ptr_null(vk_history_open(directory, FALSE, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	history = open_history();
	add(history, new_backup(1000, "web1", "aa"), 0);
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "web1"}), 1);
}
END_TEST

#define WRITERS 4
#define TASKS   25

START_TEST(processes_write_at_once)
{
	g_autoptr(VkHistory) history = NULL;
	int status, failures = 0;

	for (int i = 0; i < WRITERS; i++) {
		if (fork() != 0)
			continue;
		history = vk_history_open(directory, TRUE, NULL);
		for (int j = 0; history && j < TASKS; j++) {
			g_autoptr(VkTask) task = new_backup(j + 1, "web1", "aa");

			task->ended = j + 2;
			if (!vk_history_begin(history, task, NULL) ||
			    !vk_history_end(history, task, NULL))
				_exit(1);
		}
		_exit(history ? 0 : 1);
	}
	for (int i = 0; i < WRITERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		failures += status != 0;
	}
	ck_assert_int_eq(failures, 0);
	history = open_history();
	ck_assert_uint_eq(count(history, (VkHistoryFilter){.about = "aa"}), WRITERS * TASKS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("history");
	TCase *tcase = tcase_create("history");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, task_comes_back_whole);
	tcase_add_test(tcase, filters_find);
	tcase_add_test(tcase, killed_task_is_interrupted);
	tcase_add_test(tcase, old_tasks_go);
	tcase_add_test(tcase, damaged_file_is_put_aside);
	tcase_add_test(tcase, damage_inside_is_put_aside);
	tcase_add_test(tcase, file_is_for_its_owner);
	tcase_add_test(tcase, nothing_is_made_to_read);
	tcase_add_test(tcase, unfinished_file_is_as_none);
	tcase_add_test(tcase, processes_write_at_once);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
