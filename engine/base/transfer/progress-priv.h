/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a progress line or event says, apart from when. Threads: free.
 */
#pragma once

#include "progress.h"

#include <glib.h>
#include <jansson.h>

typedef struct VkProgressState {
	const char *label;
	guint64 done, total;       /* bytes */
	gboolean is_counted;       /* the total will not grow any more */
	guint guests_done, guests; /* 0: they are not counted */
	gint64 elapsed_usec;       /* since the first byte was expected */
	guint columns;             /* of the terminal */
} VkProgressState;

/* How far it is. The label is borrowed until the next vk_progress_set_label(). */
void vk_progress_peek(VkProgress *progress, VkProgressState *ret);

/* The members of an event. New reference. */
json_t *vk_progress_to_json(const VkProgressState *state);

/* One line that fits into the terminal. New string. */
char *vk_progress_text(const VkProgressState *state);
