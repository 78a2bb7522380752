/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text from elsewhere (guests, arrays, other programs, a vault's objects) on its way to people. A
 * terminal obeys control characters, and a line break makes one line of a log two. Threads: free.
 */
#pragma once

#include <glib.h>
#include <stdio.h>

/*
 * TEXT as one printable line. It escapes control characters, line breaks, characters that change
 * the direction of writing, and bytes that are not UTF-8, as "\n", "\x1b" or "\u202e". Text that is
 * already escaped stays the same. "-" for NULL. New string.
 */
char *vk_printable(const char *text);

/* The same for the output of another program or machine, cut if it is too long. New string. */
char *vk_printable_foreign(const char *text);

/*
 * URL, which may be malformed, without what may be secret in it: what stands before its last '@',
 * and what follows '?' or '#'. New string.
 */
char *vk_url_without_secrets(const char *url);

/* Prints one line, likewise. */
void vk_print_line(FILE *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* "1 guest", "2 guests": NOUN in the plural where it has to be. New string. */
char *vk_count_text(guint64 count, const char *noun);
