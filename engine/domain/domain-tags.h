/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tags: words that people give to guests, by which jobs choose them. A guest's definition has them
 * in its <metadata>, so they move with it, and are saved and restored with it. Threads: free.
 */
#pragma once

#include <glib.h>

/* The element <tags>gold nightly</tags> of this namespace. */
#define VK_TAGS_NAMESPACE "urn:virtkeep:tags"
#define VK_TAGS_PREFIX    "virtkeep"

/* No guest has more; what is behind them is not read. */
#define VK_TAGS_MAX 32

/* VK_ERROR_USAGE unless it is 1 to 31 letters, digits, '.', '_' or '-', and no '-' at first. */
gboolean vk_tag_check(const char *tag, GError **error);

/*
 * The tags that the element XML has, each once, in order; what is no tag is left out. Free with
 * g_strfreev().
 */
char **vk_tags_parse(const char *xml);

/* The inverse. New string. */
char *vk_tags_format(const char *const *tags);
