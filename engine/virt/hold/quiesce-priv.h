/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkQuiesce from within: the hold of one guest, the way into it and the way back.
 */
#pragma once

#include "quiesce.h"

#include <glib.h>

struct VkQuiesce {
	VkGuest *guest;                  /* borrowed */
	const VkQuiesceOptions *options; /* borrowed */
	guint timeout_sec;
	VkHold held;         /* what has to be undone */
	gboolean is_frozen;  /* the agent said so; else it may be */
	int frozen;          /* file systems */
	gint64 start, limit; /* monotonic: since when it is held, and how long at the most */
	guint64 pause_usec;
	gboolean filesystem; /* the consistency */
	gboolean over_budget;
	char *note;
	GThread *timer; /* releases the guest at the limit; NULL: none */
	GError *late;   /* the timer's own failure to release */
	GMutex mutex;   /* guards what follows */
	GCond changed;
	gboolean ending;      /* the timer is not needed any more */
	gboolean point_taken; /* the guest was held until then */
};

/*
 * Freezes or suspends the guest as the options say. After a failure it may still be held: then it
 * is to be released.
 */
gboolean vk_quiesce_hold(VkQuiesce *quiesce, GError **error);

/*
 * Thaws and resumes, whatever is held, and tries that again and again for two minutes. FALSE when
 * the guest may still be held.
 */
gboolean vk_quiesce_release(VkQuiesce *quiesce, GError **error);

/* Lock and guard learn how the guest is held. */
gboolean vk_quiesce_tell_hold(const VkQuiesce *quiesce, VkHold hold, GError **error);

/* Notes why the consistency is lower than hoped for; takes the place of an earlier note. */
void vk_quiesce_set_note(VkQuiesce *quiesce, const char *note);
