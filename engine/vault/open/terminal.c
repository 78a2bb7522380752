/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

#include "errors.h"
#include "interrupt.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TERMINAL "/dev/tty"

gboolean vk_terminal_is_there(void)
{
	VK_AUTOFD fd = open(TERMINAL, O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd >= 0;
}

/* Reads up to the end of a line. A signal that interrupts ends it. */
static gboolean read_line(int fd, guint8 *line, gsize *ret_length, GError **error)
{
	gsize length = 0;

	for (;;) {
		guint8 byte;
		ssize_t got = read(fd, &byte, 1);

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return vk_fail_errno(error, errno, "cannot read from the terminal");
		if (got == 0 || byte == '\n')
			break;
		if (length == VK_SECRET_MAX)
			return vk_fail(error, VK_ERROR_USAGE,
				       "what was typed is longer than %u bytes", VK_SECRET_MAX);
		line[length++] = byte;
	}
	*ret_length = length;
	return TRUE;
}

VkSecret *vk_terminal_ask(const char *prompt, GError **error)
{
	VK_AUTOFD fd = open(TERMINAL, O_RDWR | O_CLOEXEC | O_NOCTTY);
	guint8 line[VK_SECRET_MAX];
	struct termios shown, hidden;
	VkSecret *secret = NULL;
	gsize length = 0;

	if (fd < 0 || tcgetattr(fd, &shown) < 0) {
		vk_fail(error, VK_ERROR_DENIED, "there is no terminal to ask at");
		return NULL;
	}
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ECHONL;
	tcsetattr(fd, TCSAFLUSH, &hidden);
	if (write(fd, prompt, strlen(prompt)) < 0)
		vk_fail_errno(error, errno, "cannot write to the terminal");
	else if (read_line(fd, line, &length, error))
		secret = vk_secret_new(line, length);
	tcsetattr(fd, TCSAFLUSH, &shown);
	vk_wipe(line, sizeof(line));
	return secret;
}

gboolean vk_terminal_is_used(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && vk_terminal_is_there();
}

gboolean vk_terminal_confirm(const char *question, const char *remedy, gboolean *ret,
			     GError **error)
{
	VK_AUTOFD fd = open(TERMINAL, O_RDWR | O_CLOEXEC | O_NOCTTY);
	guint8 line[VK_SECRET_MAX];
	gsize length = 0;
	char answer;

	if (fd < 0 || write(fd, question, strlen(question)) < 0)
		return vk_fail_errno(error, errno, "cannot ask at the terminal");
	if (!read_line(fd, line, &length, error))
		return FALSE;
	answer = length > 0 ? g_ascii_tolower((char)line[0]) : ' ';
	*ret = answer == 'y';
	return answer == 'y' || answer == 'n' || vk_fail(error, VK_ERROR_USAGE, "%s", remedy);
}
