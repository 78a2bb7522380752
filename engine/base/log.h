/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages about progress and trouble, on stderr, or in the journal if that is stderr. Only
 * programs, jobs and the guard log above debug level, and the code that opens the vault for
 * programs. The other layers return errors instead. Each failure is logged once. Threads: free.
 */
#pragma once

#include "event.h"

#include <glib.h>

typedef enum {
	VK_LOG_QUIET, /* errors only */
	VK_LOG_NORMAL,
	VK_LOG_DEBUG,
} VkLogLevel;

void vk_log_set_level(VkLogLevel level);
gboolean vk_log_is_quiet(void);

/*
 * HOOK also gets the text of each error and warning, said or not; NULL: nobody. It is called by any
 * thread, and must not log. Threads: set it while there is only one.
 */
typedef void (*VkLogHook)(gboolean is_error, const char *text);
void vk_log_set_hook(VkLogHook hook);

void vk_log_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
void vk_log_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);
void vk_log_info(const char *format, ...) G_GNUC_PRINTF(1, 2);
void vk_log_debug(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Says the text of EVENT, as one of these, and tells programs of it. */
void vk_log_event(const VkEvent *event);

/*
 * A program or a job gives this to a lower layer that has to report what is not an error. It is
 * vk_log_warning(). Threads: free.
 */
typedef void (*VkWarn)(const char *format, ...) G_GNUC_PRINTF(1, 2);
