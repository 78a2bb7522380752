/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TIME: UTC in basic ISO 8601, "20261122T201405Z". It is the name of a snapshot within its guest.
 * Threads: free.
 */
#pragma once

#include <glib.h>

#define VK_TIME_LENGTH 16
#define VK_TIME_LATEST "latest"

#define VK_DAY_SEC ((gint64)24 * 60 * 60)

/* Seconds since 1970 to TIME. New string. */
char *vk_time_format(gint64 seconds);

/* TIME to seconds since 1970. VK_ERROR_USAGE when it is not one, nonexistent days included. */
gboolean vk_time_parse(const char *text, gint64 *ret_seconds, GError **error);
