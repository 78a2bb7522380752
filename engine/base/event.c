/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event-priv.h"

#include "text.h"

/* The environment's name of the job that a command belongs to. */
#define JOB_VARIABLE "VIRTKEEP_JOB"

/* What a thread works on. */
typedef struct Subject {
	char *guest, *snapshot;
} Subject;

static void subject_free(gpointer data)
{
	Subject *subject = data;

	g_free(subject->guest);
	g_free(subject->snapshot);
	g_free(subject);
}

static GPrivate subject_of_thread = G_PRIVATE_INIT(subject_free);

/* Set while there is one thread. */
static VkEventRun current;
static gboolean has_lines;

void vk_event_set_subject(const char *guest, const char *snapshot)
{
	Subject *subject = g_new0(Subject, 1);

	subject->guest = g_strdup(guest);
	subject->snapshot = g_strdup(snapshot);
	g_private_replace(&subject_of_thread, subject);
}

void vk_event_set_vault(const char *place)
{
	static char *vault; /* for as long as the process is there */

	g_free(vault);
	current.vault = vault = vk_url_without_secrets(place);
}

void vk_event_set_job(const char *job)
{
	static char *name; /* for as long as the process is there */

	g_free(name);
	current.job = name = g_strdup(job);
}

gboolean vk_event_has_started(void)
{
	return current.command != NULL;
}

gboolean vk_event_has_lines(void)
{
	return has_lines;
}

void vk_event_set_result(const json_t *document)
{
	json_decref(current.result);
	current.result = json_deep_copy(document);
}

gboolean vk_event_is_end(VkEventKind kind)
{
	return kind == VK_EVENT_DONE || kind == VK_EVENT_FAILED;
}

/* The kind of EVENT: what ends no run is an error that has no end. */
static VkEventKind kind_of(const VkEvent *event)
{
	return vk_event_is_end(event->kind) && !current.command ? VK_EVENT_ERROR : event->kind;
}

gboolean vk_event_tell(const VkEvent *event)
{
	const Subject *subject = g_private_get(&subject_of_thread);
	VkEvent whole = *event;

	whole.kind = kind_of(event);
	if (!vk_event_is_end(whole.kind) && subject) {
		whole.guest = whole.guest ? whole.guest : subject->guest;
		whole.snapshot = whole.snapshot ? whole.snapshot : subject->snapshot;
	}
	if (has_lines && whole.kind != VK_EVENT_INFO && whole.kind != VK_EVENT_DEBUG)
		vk_event_line_print(&whole, &current);
	if (vk_event_is_end(whole.kind)) {
		has_lines = FALSE;
		g_clear_pointer(&current.result, json_decref);
	}
	return vk_event_journal_send(&whole, &current);
}

void vk_event_start(const char *command, gboolean lines)
{
	const char *job = g_getenv(JOB_VARIABLE);
	g_autofree char *text = g_strdup_printf("%s started", command);

	current.command = command;
	vk_event_set_job(job && *job ? job : NULL);
	has_lines = lines;
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_START, .text = text});
}
