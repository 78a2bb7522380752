/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where events go. Threads: free. */
#pragma once

#include "event.h"

/* What is the same for all events of a run. All is nullable. */
typedef struct VkEventRun {
	const char *command, *job, *vault;
	json_t *result;
} VkEventRun;

gboolean vk_event_is_end(VkEventKind kind);

/* One line on stdout. EVENT is complete: it has the thread's subject. */
void vk_event_line_print(const VkEvent *event, const VkEventRun *run);

/* An entry of the journal. FALSE: it is not there, or did not take it; or there is no text. */
gboolean vk_event_journal_send(const VkEvent *event, const VkEventRun *run);
