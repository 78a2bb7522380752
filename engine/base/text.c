/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

#include <string.h>

#define FOREIGN_MAX 1000 /* bytes */

static gboolean is_harmless(gunichar c)
{
	GUnicodeType type = g_unichar_type(c);

	return type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT &&
	       type != G_UNICODE_LINE_SEPARATOR && type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

static void append_escaped(GString *out, gunichar c)
{
	if (c == '\n')
		g_string_append(out, "\\n");
	else if (c == '\t')
		g_string_append(out, "\\t");
	else if (c == '\r')
		g_string_append(out, "\\r");
	else
		g_string_append_printf(out, c <= 0xff ? "\\x%02x" : "\\u%04x", c);
}

/* As most text is. */
static gboolean is_printable_ascii(const char *text)
{
	while (g_ascii_isprint(*text))
		text++;
	return *text == '\0';
}

char *vk_printable(const char *text)
{
	GString *out;

	if (!text || is_printable_ascii(text))
		return g_strdup(text ? text : "-");
	out = g_string_new(NULL);
	for (const char *at = text; *at;) {
		gunichar c = g_utf8_get_char_validated(at, -1);
		gboolean is_valid = (gint32)c >= 0;

		if (!is_valid)
			append_escaped(out, (guchar)*at);
		else if (!is_harmless(c))
			append_escaped(out, c);
		else
			g_string_append_unichar(out, c);
		at += is_valid ? g_unichar_to_utf8(c, NULL) : 1;
	}
	return g_string_free(out, FALSE);
}

char *vk_printable_foreign(const char *text)
{
	gsize length = FOREIGN_MAX;
	const char *end;

	if (!text || strlen(text) <= length)
		return vk_printable(text);
	/* Not in the middle of a character. */
	if (!g_utf8_validate(text, (gssize)length, &end) && end + 4 > text + length)
		length = (gsize)(end - text);
	g_autofree char *start = g_strndup(text, length);
	g_autofree char *printable = vk_printable(start);
	return g_strdup_printf("%s...", printable);
}

/* A password may contain every sign: nobody knows what the parts of a malformed URL are. */
char *vk_url_without_secrets(const char *url)
{
	const char *at = strrchr(url, '@');
	const char *scheme = strstr(url, "://");
	const char *rest = at ? at : url;
	gsize shown = strcspn(rest, "?#");

	return g_strdup_printf("%.*s%s%.*s%s",
			       at && scheme && scheme < at ? (int)(scheme - url) + 3 : 0, url,
			       at ? "***" : "", (int)shown, rest, rest[shown] ? "?***" : "");
}

void vk_print_line(FILE *out, const char *format, ...)
{
	g_autofree char *printable = NULL;
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	printable = vk_printable(text);
	fprintf(out, "%s\n", printable);
}

char *vk_count_text(guint64 count, const char *noun)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT " %s%s", count, noun, count == 1 ? "" : "s");
}
