/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step-error.h"

#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int told_fd = -1;

void vk_step_error_prepare(void)
{
	const char *text = g_getenv(VK_STEP_ERROR_VARIABLE);
	guint64 fd;

	if (text && g_ascii_string_to_unsigned(text, 10, STDERR_FILENO + 1, G_MAXINT, &fd, NULL) &&
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0)
		told_fd = (int)fd;
	g_unsetenv(VK_STEP_ERROR_VARIABLE);
}

void vk_step_error_tell(const char *text)
{
	gsize length = MIN(strlen(text), VK_STEP_ERROR_MAX);

	/* What fails here is a detail less in the record of the job. */
	if (told_fd >= 0 && ftruncate(told_fd, 0) == 0 &&
	    pwrite(told_fd, text, length, 0) != (ssize_t)length)
		told_fd = -1;
}

char *vk_step_error_read(int fd)
{
	char text[VK_STEP_ERROR_MAX + 1] = "";
	ssize_t length = pread(fd, text, VK_STEP_ERROR_MAX, 0);

	return length > 0 ? vk_printable_foreign(text) : NULL;
}
