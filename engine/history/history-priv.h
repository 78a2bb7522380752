/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of VkHistory share. Threads: one at a time. */
#pragma once

#include "history.h"

#include <sqlite3.h>

struct VkHistory {
	char *path;
	sqlite3 *db;
	/*
	 * A byte of this file for each running task, at the offset of its id, is locked by the
	 * process: the kernel ends the lock when the process is gone, however it went.
	 */
	int lock_fd;
	int code; /* of SQLite: why the last call failed */
};

/* Runs TEXT, which returns nothing. */
gboolean vk_history_execute(VkHistory *history, const char *text, GError **error);

/* A new statement; sqlite3_finalize() it. */
sqlite3_stmt *vk_history_prepare(VkHistory *history, const char *text, GError **error);

/* TEXT is nullable. It has to stay until the next step. */
void vk_history_bind_text(sqlite3_stmt *statement, int place, const char *text);

/* Steps a statement that returns nothing, and makes it ready for the next time. */
gboolean vk_history_step(VkHistory *history, sqlite3_stmt *statement, GError **error);

/* Whether the process of the task ID still holds its lock. */
gboolean vk_history_is_running(const VkHistory *history, guint64 id);

/* An error of the last call on the file. FALSE. */
gboolean vk_history_fail(VkHistory *history, GError **error);

/* If the last failure says that the file is damaged, it gets another name. Whether it did. */
gboolean vk_history_put_aside(VkHistory *history);
