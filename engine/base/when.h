/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people write for a moment: an exact TIME, a date, a time of day, "yesterday"; behind the '@'
 * of a snapshot also the latest, how many before it, or an id. Local time, unless it says
 * otherwise. Threads: free.
 */
#pragma once

#include <glib.h>

typedef enum {
	VK_WHEN_LATEST,
	VK_WHEN_EXACT, /* at the second FIRST: a TIME as lists print it */
	VK_WHEN_AT,    /* the newest that is not after LAST */
	VK_WHEN_BACK,  /* BACK before the latest */
	VK_WHEN_ID,
} VkWhenKind;

typedef struct VkWhen {
	VkWhenKind kind;
	gint64 first, last; /* of VK_WHEN_EXACT and VK_WHEN_AT: seconds since 1970, both within */
	guint back;
	char id[17]; /* its hex digits in lower case, or the first of them */
} VkWhen;

/* How a moment is written, for messages. */
#define VK_WHEN_FORMS                                                                           \
	"a date like 2026-11-28, a time like 2026-11-28T07:30 (local), today, yesterday, or a " \
	"time "                                                                                 \
	"like 20261128T063000Z (UTC)"

/*
 * "latest", a moment, "-2", or at least four digits of an id. NOW is seconds since 1970. Text that
 * could be a date or an id is a date. VK_ERROR_USAGE for other text and for days that do not exist.
 */
gboolean vk_when_parse(const char *text, gint64 now, VkWhen *ret, GError **error);

/* A moment alone: VK_WHEN_EXACT or VK_WHEN_AT. */
gboolean vk_when_parse_moment(const char *text, gint64 now, VkWhen *ret, GError **error);

/*
 * Splits a SNAPSHOT at its last '@': it is "GUEST@" and what vk_when_parse() takes, or "GUEST"
 * alone for the latest. Anything else behind an '@' is VK_ERROR_USAGE, because no guest's name ends
 * that way. New strings.
 */
gboolean vk_snapshot_name_parse(const char *text, char **ret_guest, char **ret_time,
				GError **error);

/*
 * TIME as people read it: "2026-11-28 07:30", local; with its zone "2026-11-28 07:30:15 +0100". New
 * string.
 */
char *vk_when_local(const char *time);
char *vk_when_local_in_full(const char *time);
