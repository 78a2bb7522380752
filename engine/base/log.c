/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"

#include "status-line.h"
#include "text.h"

#include <stdio.h>

static VkLogLevel log_level = VK_LOG_NORMAL;

void vk_log_set_level(VkLogLevel level)
{
	log_level = level;
}

gboolean vk_log_is_quiet(void)
{
	return log_level == VK_LOG_QUIET;
}

static void log_line(const char *label, const char *format, va_list args)
{
	const char *name = g_get_prgname();
	g_autofree char *text = g_strdup_vprintf(format, args);

	vk_status_line_hide();
	vk_print_line(stderr, "%s: %s%s", name ? name : "virtkeep", label, text);
	fflush(stderr);
	vk_status_line_show();
}

#define DEFINE_LOG(function, lowest, label)    \
	void function(const char *format, ...) \
	{                                      \
		va_list args;                  \
                                               \
		if (log_level < (lowest))      \
			return;                \
		va_start(args, format);        \
		log_line(label, format, args); \
		va_end(args);                  \
	}

DEFINE_LOG(vk_log_error, VK_LOG_QUIET, "")
DEFINE_LOG(vk_log_warning, VK_LOG_NORMAL, "warning: ")
DEFINE_LOG(vk_log_info, VK_LOG_NORMAL, "")
DEFINE_LOG(vk_log_debug, VK_LOG_DEBUG, "debug: ")
