/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSchedule: the moments at which something is to happen, in the words of systemd.time(7):
 * "daily", "Mon..Fri 22:30", "*-*-01 04:00 Europe/Berlin", several of them separated by ';'. It
 * knows a part of these words, and gives the same moments for them as systemd does: a time of day
 * that a change of the clocks leaves out does not come that day, and one that it repeats comes
 * once. Immutable. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkSchedule VkSchedule;

/* VK_ERROR_USAGE for what is not understood, or never comes. */
VkSchedule *vk_schedule_parse(const char *text, GError **error);
void vk_schedule_free(VkSchedule *schedule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSchedule, vk_schedule_free)

/* Each of its parts, as OnCalendar= of a timer takes it. Borrowed. */
const char *const *vk_schedule_calendars(const VkSchedule *schedule);

/*
 * The first moment after AFTER, both in seconds since 1970, by the clocks of ZONE where the
 * schedule names no other. G_MAXINT64 when the calendar ends before.
 */
gint64 vk_schedule_next(const VkSchedule *schedule, gint64 after, GTimeZone *zone);
