/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run tells those who watch it while it works: that it started, how far it is, what became
 * of each guest, what went wrong, how it ended. With --json=lines an event is a line on stdout;
 * where stderr is the journal of systemd it is an entry there. What a run says to people goes the
 * same way: see log.h. Threads: free, but for what is for the beginning and the end of the run.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* Their words in JSON are in event-lines.c, their message ids in event-journal.c. */
typedef enum {
	VK_EVENT_START,
	VK_EVENT_PROGRESS, /* for programs alone */
	VK_EVENT_GUEST_DONE,
	VK_EVENT_GUEST_FAILED,
	VK_EVENT_RELEASED, /* the guard let a guest go on */
	VK_EVENT_WARNING,
	VK_EVENT_ERROR,
	VK_EVENT_INFO, /* for people alone, as is: */
	VK_EVENT_DEBUG,
	VK_EVENT_DONE, /* the end, one of these two */
	VK_EVENT_FAILED,
} VkEventKind;

/* All but the kind is nullable, and borrowed for the call. */
typedef struct VkEvent {
	VkEventKind kind;
	const char *text;     /* a sentence for people that stands alone */
	const char *guest;    /* NULL: what this thread works on */
	const char *snapshot; /* GUEST@TIME; NULL: likewise */
	const char *code;     /* of an error: vk_error_word() */
	int status;           /* the exit status, at the end */
	json_t *details;      /* an object: more members for programs */
} VkEvent;

/*
 * Tells programs and the journal; people read it elsewhere, or by vk_log_event(). Returns whether
 * the journal has its text now.
 */
gboolean vk_event_tell(const VkEvent *event);

/*
 * The guest and the snapshot that this thread works on from now on; NULL: none. Events that name
 * none are about these. Copies.
 */
void vk_event_set_subject(const char *guest, const char *snapshot);

/* The vault that the run works on; secrets in PLACE are left out. For the beginning. Copies. */
void vk_event_set_vault(const char *place);

/*
 * The job that events are about from now on; NULL: none. For one thread. A run that starts takes
 * the job of its environment. Copies.
 */
void vk_event_set_job(const char *job);

/*
 * A run of COMMAND ("backup"), which is borrowed, starts. LINES: its events go to stdout, where
 * nothing else may be printed until it has ended. For the beginning.
 */
void vk_event_start(const char *command, gboolean lines);

/* Whether a run has started. */
gboolean vk_event_has_started(void);

gboolean vk_event_has_lines(void);

/* Whether what is written to FD comes into the journal, where people read events. */
gboolean vk_event_is_journal(int fd);

/* The run's result: programs get it with the end. Copies. For the end. */
void vk_event_set_result(const json_t *document);
