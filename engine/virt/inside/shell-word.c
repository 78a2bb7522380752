/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shell-word.h"

#include <string.h>

char *vk_shell_word(const char *text)
{
	GString *word = g_string_new(NULL);

	for (; *text; text++)
		if (g_ascii_isalnum(*text) || strchr("/._-+,@ ", *text))
			g_string_append_c(word, *text);
		else
			g_string_append_printf(word, "\\0%03o", (guint)(guint8)*text);
	return g_string_free(word, FALSE);
}
