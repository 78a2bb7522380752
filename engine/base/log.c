/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"

#include "status-line.h"
#include "text.h"

#include <stdio.h>

static VkLogLevel log_level = VK_LOG_NORMAL;
static VkLogHook log_hook;

void vk_log_set_level(VkLogLevel level)
{
	log_level = level;
}

gboolean vk_log_is_quiet(void)
{
	return log_level == VK_LOG_QUIET;
}

void vk_log_set_hook(VkLogHook hook)
{
	g_atomic_pointer_set(&log_hook, hook);
}

static void log_line(const char *label, const char *text)
{
	const char *name = g_get_prgname();

	vk_status_line_hide();
	vk_print_line(stderr, "%s: %s%s", name ? name : "virtkeep", label, text);
	fflush(stderr);
	vk_status_line_show();
}

static void log_text(VkLogLevel lowest, gboolean for_hook, const char *label, const char *format,
		     va_list args)
{
	VkLogHook hook = for_hook ? g_atomic_pointer_get(&log_hook) : NULL;
	g_autofree char *text = NULL;

	if (!hook && log_level < lowest)
		return;
	text = g_strdup_vprintf(format, args);
	if (hook)
		hook(lowest == VK_LOG_QUIET, text);
	if (log_level >= lowest)
		log_line(label, text);
}

#define DEFINE_LOG(function, lowest, for_hook, label)            \
	void function(const char *format, ...)                   \
	{                                                        \
		va_list args;                                    \
                                                                 \
		va_start(args, format);                          \
		log_text(lowest, for_hook, label, format, args); \
		va_end(args);                                    \
	}

DEFINE_LOG(vk_log_error, VK_LOG_QUIET, TRUE, "")
DEFINE_LOG(vk_log_warning, VK_LOG_NORMAL, TRUE, "warning: ")
DEFINE_LOG(vk_log_info, VK_LOG_NORMAL, FALSE, "")
DEFINE_LOG(vk_log_debug, VK_LOG_DEBUG, FALSE, "debug: ")
