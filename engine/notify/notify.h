/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling people what became of a task (task.h), by the sections [notify NAME]. It is done when all
 * else is done, takes at most seconds, and never fails a task: what could not be sent is kept and
 * sent later. Threads: one at a time.
 */
#pragma once

#include "settings.h"
#include "task.h"

/*
 * Tells of TASK whom it concerns, and sends what was kept before. Who watches it at a terminal
 * needs no notice. Trouble is a warning.
 */
void vk_notify_task(const VkTask *task, const VkSettings *settings);

/*
 * Tells those who watch it that a task of KIND begins: in a thread, for which vk_notify_task()
 * waits. SETTINGS are borrowed until then.
 */
void vk_notify_begin(const VkSettings *settings, const char *kind);

/* Sends a test to the target NAME. VK_ERROR_NOT_FOUND if there is no section [notify NAME]. */
gboolean vk_notify_test(const VkSettings *settings, const char *name, GError **error);

/* Sends what was kept, and counts what is kept still. */
gboolean vk_notify_flush(const VkSettings *settings, guint *ret_kept, GError **error);

/* VK_ERROR_USAGE says what the section [notify NAME] lacks or has wrong, without its name. */
gboolean vk_notify_check(const VkSettings *settings, const char *name, GError **error);
