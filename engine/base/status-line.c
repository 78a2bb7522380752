/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "status-line.h"

#include <stdio.h>

static GRecMutex mutex;
static gboolean drawn; /* under the mutex */

void vk_status_line_draw(const char *line)
{
	if (!g_rec_mutex_trylock(&mutex))
		return;
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	drawn = TRUE;
	g_rec_mutex_unlock(&mutex);
}

void vk_status_line_hide(void)
{
	g_rec_mutex_lock(&mutex);
	if (drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	drawn = FALSE;
}

void vk_status_line_show(void)
{
	g_rec_mutex_unlock(&mutex);
}
