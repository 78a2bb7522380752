/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nfs-path.h"

#include <stdarg.h>
#include <string.h>

gboolean vk_nfs_parse_source(const char *source, char **ret_host, char **ret_export)
{
	const char *end = source ? strstr(source, *source == '[' ? "]:/" : ":/") : NULL;

	if (!end || end == source)
		return FALSE;
	if (*source == '[') {
		*ret_host = g_strndup(source + 1, (gsize)(end - source) - 1);
		*ret_export = g_strdup(end + strlen("]:"));
	} else {
		*ret_host = g_strndup(source, (gsize)(end - source));
		*ret_export = g_strdup(end + strlen(":"));
	}
	return TRUE;
}

char *vk_nfs_join(const char *part, ...)
{
	GString *path = g_string_new(NULL);
	va_list list;

	va_start(list, part);
	for (; part; part = va_arg(list, const char *)) {
		g_auto(GStrv) words = g_strsplit(part, "/", -1);

		for (char **word = words; *word; word++)
			if (**word && strcmp(*word, ".") != 0)
				g_string_append_printf(path, "/%s", *word);
	}
	va_end(list);
	if (path->len == 0)
		g_string_append_c(path, '/');
	return g_string_free(path, FALSE);
}
