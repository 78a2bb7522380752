/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of a configuration, each as GKeyFile reads it. GKeyFile itself merges keys that occur
 * twice, and gives no line numbers. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkConfigLine {
	guint number;    /* from 1 */
	char *section;   /* NULL: before any */
	char *key;       /* NULL: the line begins the section */
	char *value;     /* of a key; NULL: it is not valid text */
	gboolean unread; /* neither a section nor a key nor a comment; key and value are NULL */
} VkConfigLine;

/* All but comments and blank lines, in order. Returns VkConfigLine*, owned by the array. */
GPtrArray *vk_config_lines(const char *text, gsize length);
