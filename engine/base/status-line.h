/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last line of a terminal, on stderr, that is drawn again and again, and makes way for lines
 * that stay. Threads: free.
 */
#pragma once

#include <glib.h>

/*
 * Draws LINE, which fits into the terminal. It is dropped between vk_status_line_hide() and
 * _show(): the next one comes soon.
 */
void vk_status_line_draw(const char *line);

/*
 * Between these two calls the line is removed, and results and log lines can be printed. The calls
 * nest in one thread; other threads wait.
 */
void vk_status_line_hide(void);
void vk_status_line_show(void);
