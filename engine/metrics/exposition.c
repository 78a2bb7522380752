/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exposition.h"

#include "text.h"

#include <stdarg.h>

struct VkExposition {
	GString *text;
	const char *name, *help;
	gboolean is_told; /* the lines about the metric are in the text */
};

VkExposition *vk_exposition_new(void)
{
	VkExposition *exposition = g_new0(VkExposition, 1);

	exposition->text = g_string_new(NULL);
	return exposition;
}

void vk_exposition_free(VkExposition *exposition)
{
	g_string_free(exposition->text, TRUE);
	g_free(exposition);
}

void vk_exposition_begin(VkExposition *exposition, const char *name, const char *help)
{
	exposition->name = name;
	exposition->help = help;
	exposition->is_told = FALSE;
}

/* Line feeds and their like are gone after vk_printable(). Its backslashes are text like others. */
static void add_label(GString *text, const char *name, const char *value)
{
	g_autofree char *printable = vk_printable(value);

	g_string_append_printf(text, "%s=\"", name);
	for (const char *at = printable; *at; at++) {
		if (*at == '\\' || *at == '"')
			g_string_append_c(text, '\\');
		g_string_append_c(text, *at);
	}
	g_string_append_c(text, '"');
}

void vk_exposition_add(VkExposition *exposition, double value, ...)
{
	/* Exact for times in seconds, and for sizes up to a petabyte. */
	char number[G_ASCII_DTOSTR_BUF_SIZE];
	GString *text = exposition->text;
	const char *name, *between = "{";
	va_list labels;

	if (!exposition->is_told)
		g_string_append_printf(text, "# HELP %s %s\n# TYPE %s gauge\n", exposition->name,
				       exposition->help, exposition->name);
	exposition->is_told = TRUE;
	g_string_append(text, exposition->name);
	va_start(labels, value);
	while ((name = va_arg(labels, const char *))) {
		g_string_append(text, between);
		add_label(text, name, va_arg(labels, const char *));
		between = ",";
	}
	va_end(labels);
	g_string_append_printf(text, "%s %s\n", *between == ',' ? "}" : "",
			       g_ascii_formatd(number, sizeof(number), "%.15g", value));
}

const char *vk_exposition_text(const VkExposition *exposition)
{
	return exposition->text->str;
}
