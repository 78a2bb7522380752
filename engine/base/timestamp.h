/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TIME: UTC in basic ISO 8601, "20261122T201405Z". It is the name of a snapshot within its guest.
 * SNAPSHOT: "GUEST@TIME", or "GUEST@" and what else when.h knows, or "GUEST" alone for the latest.
 */
#pragma once

#include <glib.h>

#define VK_TIME_LENGTH 16
#define VK_TIME_LATEST "latest"

/* Seconds since 1970 to TIME. New string. */
char *vk_time_format(gint64 seconds);

/* TIME to seconds since 1970. VK_ERROR_USAGE when it is not one, nonexistent days included. */
gboolean vk_time_parse(const char *text, gint64 *ret_seconds, GError **error);

/*
 * Splits SNAPSHOT at its last '@'. *RET_TIME is what vk_when_parse() takes. What follows an '@' that
 * is not is VK_ERROR_USAGE, for a guest's name never ends so. New strings.
 */
gboolean vk_snapshot_name_parse(const char *text, char **ret_guest, char **ret_time,
				GError **error);
