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

static void print(VkEventKind kind, const char *text)
{
	const char *name = g_get_prgname();
	const char *label = kind == VK_EVENT_WARNING || kind == VK_EVENT_RELEASED ? "warning: "
			    : kind == VK_EVENT_DEBUG                              ? "debug: "
										  : "";

	vk_status_line_hide();
	vk_print_line(stderr, "%s: %s%s", name ? name : "virtkeep", label, text);
	fflush(stderr);
	vk_status_line_show();
}

static VkLogLevel lowest_level(VkEventKind kind)
{
	if (kind == VK_EVENT_DEBUG)
		return VK_LOG_DEBUG;
	return kind == VK_EVENT_WARNING || kind == VK_EVENT_RELEASED || kind == VK_EVENT_INFO
		       ? VK_LOG_NORMAL
		       : VK_LOG_QUIET;
}

/* Nullable: nobody but people and programs wants it. */
static VkLogHook hook_for(VkEventKind kind)
{
	return kind == VK_EVENT_INFO || kind == VK_EVENT_DEBUG ? NULL
							       : g_atomic_pointer_get(&log_hook);
}

void vk_log_event(const VkEvent *event)
{
	VkLogHook hook = hook_for(event->kind);

	if (hook)
		hook(lowest_level(event->kind) == VK_LOG_QUIET, event->text);
	if (log_level >= lowest_level(event->kind) && !vk_event_tell(event))
		print(event->kind, event->text);
}

#define DEFINE_LOG(function, event_kind)                                           \
	void function(const char *format, ...)                                     \
	{                                                                          \
		g_autofree char *text = NULL;                                      \
		va_list args;                                                      \
                                                                                   \
		if (log_level < lowest_level(event_kind) && !hook_for(event_kind)) \
			return;                                                    \
		va_start(args, format);                                            \
		text = g_strdup_vprintf(format, args);                             \
		va_end(args);                                                      \
		vk_log_event(&(VkEvent){.kind = (event_kind), .text = text});      \
	}

DEFINE_LOG(vk_log_error, VK_EVENT_ERROR)
DEFINE_LOG(vk_log_warning, VK_EVENT_WARNING)
DEFINE_LOG(vk_log_info, VK_EVENT_INFO)
DEFINE_LOG(vk_log_debug, VK_EVENT_DEBUG)
