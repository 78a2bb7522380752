/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-lines.h"

#include <string.h>

static void config_line_free(VkConfigLine *line)
{
	g_free(line->section);
	g_free(line->key);
	g_free(line->value);
	g_free(line);
}

/* The text HEAD with one line behind it; NULL when GKeyFile does not understand it. */
static GKeyFile *parse(const char *head, const char *text, gsize length)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GString) whole = g_string_new(head);

	g_string_append_len(whole, text, (gssize)length);
	g_string_append_c(whole, '\n');
	/* Keys for other languages would be dropped in silence. */
	return g_key_file_load_from_data(file, whole->str, whole->len, G_KEY_FILE_KEEP_TRANSLATIONS,
					 NULL)
		       ? g_steal_pointer(&file)
		       : NULL;
}

/* One line behind a section's head has one key, or is not understood. */
static void read_key(VkConfigLine *line, const char *text, gsize length)
{
	g_autoptr(GKeyFile) file = parse("[section]\n", text, length);
	g_auto(GStrv) keys = file ? g_key_file_get_keys(file, "section", NULL, NULL) : NULL;
	g_autoptr(GError) trouble = NULL;
	g_autofree char *value = NULL;

	line->unread = !keys || !keys[0];
	if (line->unread)
		return;
	line->key = g_strdup(keys[0]);
	/* There is a value also where an escape in it is none. */
	value = g_key_file_get_string(file, "section", line->key, &trouble);
	if (value && !trouble)
		line->value = g_strdup(g_strstrip(value));
}

static void add_line(GPtrArray *lines, guint number, const char *text, gsize length)
{
	const VkConfigLine *before =
		lines->len > 0 ? g_ptr_array_index(lines, lines->len - 1) : NULL;
	g_autoptr(GKeyFile) alone = parse("", text, length);
	g_autofree char *begun = alone ? g_key_file_get_start_group(alone) : NULL;
	VkConfigLine *line;

	if (alone && !begun)
		return;
	line = g_new0(VkConfigLine, 1);
	line->number = number;
	line->section = begun ? g_steal_pointer(&begun) : g_strdup(before ? before->section : NULL);
	if (!alone)
		read_key(line, text, length);
	g_ptr_array_add(lines, line);
}

GPtrArray *vk_config_lines(const char *text, gsize length)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func((GDestroyNotify)config_line_free);
	const char *end = text + length;
	guint number = 1;

	for (const char *from = text; from < end; number++) {
		const char *to = memchr(from, '\n', (gsize)(end - from));

		if (!to)
			to = end;
		add_line(lines, number, from, (gsize)(to - from));
		from = to + 1;
	}
	return lines;
}
