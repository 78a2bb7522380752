/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking at the terminal for what must not be seen. Threads: one at a time. */
#pragma once

#include "secret.h"

#include <glib.h>

/* Whether somebody sits before the standard input and output. */
gboolean vk_terminal_is_used(void);

/* Asks QUESTION, to be answered with y or n. VK_ERROR_USAGE with REMEDY for another answer. */
gboolean vk_terminal_confirm(const char *question, const char *remedy, gboolean *ret,
			     GError **error);

/* Whether there is a terminal to ask at. */
gboolean vk_terminal_is_there(void);

/*
 * Prints PROMPT on the terminal and reads a line that it does not show. New, without the line
 * break. Fails when there is no terminal or it was interrupted.
 */
VkSecret *vk_terminal_ask(const char *prompt, GError **error);
