/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMendLog: the packs of a vault that this process found damaged, and could read by their parity.
 * Each is told once. It also knows where the storage did not answer lately. Threads: free.
 */
#pragma once

#include "pack-id.h"
#include "log.h"

#include <glib.h>

typedef struct VkMendLog VkMendLog;

VkMendLog *vk_mend_log_new(void);
void vk_mend_log_free(VkMendLog *log); /* takes NULL */

/* From now on WARN (nullable) tells each pack that is added. */
void vk_mend_log_set_warn(VkMendLog *log, VkWarn warn);

/* Adds OBJECT, a generation of a pack, if it is not there: TEXT says what is wrong with it. */
void vk_mend_log_add(VkMendLog *log, const char *object, const char *text);

/* The names of all objects in it, sorted. New strings. */
GPtrArray *vk_mend_log_list(VkMendLog *log);

/*
 * The storage did not say what is wrong with OBJECT: when that was (monotonic, microseconds). 0: it
 * answers again; or nothing is known. Of a bounded number of objects.
 */
void vk_mend_log_set_failed(VkMendLog *log, const char *object, gint64 time);
gint64 vk_mend_log_failed(VkMendLog *log, const char *object);
