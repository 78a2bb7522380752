/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form of events for programs: virtkeep-json(5). */
#include "event-priv.h"

#include "json.h"

#include <unistd.h>

/* Of the lines. What programs may ignore can be added without a new one. */
#define SCHEMA 1

static const char *type_word(VkEventKind kind)
{
	switch (kind) {
	case VK_EVENT_START:
		return "start";
	case VK_EVENT_PROGRESS:
		return "progress";
	case VK_EVENT_GUEST_DONE:
	case VK_EVENT_GUEST_FAILED:
		return "guest";
	case VK_EVENT_ERROR:
		return "error";
	case VK_EVENT_DONE:
	case VK_EVENT_FAILED:
		return "end";
	case VK_EVENT_WARNING:
	case VK_EVENT_RELEASED:
	case VK_EVENT_INFO:
	case VK_EVENT_DEBUG:
		break;
	}
	return "warning";
}

/* "2026-11-28T06:30:00.123Z" */
static json_t *now(void)
{
	g_autoptr(GDateTime) moment = g_date_time_new_now_utc();
	g_autofree char *seconds = g_date_time_format(moment, "%Y-%m-%dT%H:%M:%S");
	g_autofree char *text =
		g_strdup_printf("%s.%03dZ", seconds, g_date_time_get_microsecond(moment) / 1000);

	return json_string(text);
}

/* What is not known is left out. */
static void set_text(json_t *line, const char *key, const char *text)
{
	if (text)
		json_object_set_new(line, key, vk_json_new_string(text));
}

static void add_start(json_t *line, const VkEventRun *run)
{
	json_object_set_new(line, "schema", json_integer(SCHEMA));
	json_object_set_new(line, "version", json_string(VK_VERSION));
	set_text(line, "command", run->command);
	set_text(line, "job", run->job);
	set_text(line, "host", g_get_host_name());
	json_object_set_new(line, "pid", json_integer(getpid()));
}

static void add_end(json_t *line, const VkEvent *event, const VkEventRun *run)
{
	json_object_set_new(line, "status", json_integer(event->status));
	set_text(line, "code", event->code);
	if (event->code)
		set_text(line, "error", event->text);
	if (run->result)
		json_object_set(line, "result", run->result);
}

/* The text of an event says what its members say, but for trouble. */
static void add_rest(json_t *line, const VkEvent *event)
{
	set_text(line, "guest", event->guest);
	set_text(line, "snapshot", event->snapshot);
	set_text(line, "code", event->code);
	if (event->kind == VK_EVENT_GUEST_DONE || event->kind == VK_EVENT_GUEST_FAILED)
		set_text(line, "state", event->kind == VK_EVENT_GUEST_DONE ? "done" : "failed");
	if (event->kind == VK_EVENT_GUEST_FAILED)
		set_text(line, "error", event->text);
	else if (event->kind != VK_EVENT_GUEST_DONE)
		set_text(line, "text", event->text);
}

void vk_event_line_print(const VkEvent *event, const VkEventRun *run)
{
	static GMutex mutex; /* one line at a time */
	g_autoptr(json_t) line = json_object();

	set_text(line, "type", type_word(event->kind));
	json_object_set_new(line, "time", now());
	if (event->kind == VK_EVENT_START)
		add_start(line, run);
	else if (vk_event_is_end(event->kind))
		add_end(line, event, run);
	else
		add_rest(line, event);
	if (event->details)
		json_object_update(line, event->details);
	g_mutex_lock(&mutex);
	vk_json_print_line(line);
	g_mutex_unlock(&mutex);
}
