/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkEntryFilter: which entries of a walk are wanted. Threads: free. */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkEntryFilter {
	const char *glob; /* as the shell has it, for the last name of a path; NULL: any */
	guint32 type;     /* as of st_mode; 0: any */
	gboolean has_larger;
	guint64 larger; /* if HAS_LARGER: regular files of more bytes alone */
	gint64 newer;   /* modified then or later: seconds since 1970; G_MININT64: any */
} VkEntryFilter;

/* One that wants all. */
#define VK_ENTRY_FILTER_INIT ((VkEntryFilter){.newer = G_MININT64})

/* Set a part of it by what people write, NULL for nothing. VK_ERROR_USAGE for other text. */
gboolean vk_entry_filter_set_type(VkEntryFilter *filter, const char *text, GError **error);
/* "200", "64K", "1M", "2G": bytes, or powers of 1024. */
gboolean vk_entry_filter_set_larger(VkEntryFilter *filter, const char *text, GError **error);
/* A moment as when.h has it, or an age like "2d" before NOW, which is in seconds since 1970. */
gboolean vk_entry_filter_set_newer(VkEntryFilter *filter, const char *text, gint64 now,
				   GError **error);

/* PATH is the entry's own. */
gboolean vk_entry_filter_wants(const VkEntryFilter *filter, const VkEntry *entry, const char *path);
