/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

#include "errors.h"
#include "interrupt.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TERMINAL "/dev/tty"

gboolean vk_terminal_is_there(void)
{
	VK_AUTOFD fd = open(TERMINAL, O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd >= 0;
}

/*
 * Waits until there is something to read. A signal that interrupts ends it, even if the program
 * holds such signals back.
 */
static gboolean wait_for_input(int fd, GError **error)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	static const int keys[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t held, before, passing;

	sigemptyset(&held);
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		sigaddset(&held, keys[i]);
	pthread_sigmask(SIG_BLOCK, &held, &before);
	passing = before;
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		sigdelset(&passing, keys[i]);
	while (!vk_interrupted() && ppoll(&waiting, 1, NULL, &passing) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !vk_interrupted() || vk_fail_interrupted(error);
}

/* Reads up to the end of a line. */
static gboolean read_line(int fd, guint8 *line, gsize *ret_length, GError **error)
{
	gsize length = 0;

	for (;;) {
		guint8 byte;
		ssize_t got;

		if (!wait_for_input(fd, error))
			return FALSE;
		got = read(fd, &byte, 1);
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
