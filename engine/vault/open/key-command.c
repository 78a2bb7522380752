/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-command.h"

#include "errors.h"
#include "interrupt.h"
#include "io.h"
#include "polling.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX 60

static gboolean fail_slow(const char *command, GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "key_command '%s' has not ended within %d seconds",
		       command, SECONDS_MAX);
}

/* In the child. What the program holds back, like Ctrl-C, is for the command to take. */
static void pass_signals(gpointer unused)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Reads up to the end. Fails when it is SIZE bytes or more. */
static gboolean read_output(int fd, const char *command, guint8 *buf, gsize size, gsize *ret_length,
			    GError **error)
{
	gint64 deadline = vk_deadline(SECONDS_MAX);
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	gsize length = 0;
	ssize_t got;

	do {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (vk_deadline_passed(deadline))
			return fail_slow(command, error);
		if (poll(&waiting, 1, 100) <= 0) {
			got = 1;
			continue;
		}
		got = read(fd, buf + length, size - length);
		if (got < 0 && errno != EINTR)
			return vk_fail_errno(error, errno, "cannot read from key_command '%s'",
					     command);
		length += got > 0 ? (gsize)got : 0;
		if (length == size)
			return vk_fail(error, VK_ERROR_FAILED,
				       "key_command '%s' printed more than %" G_GSIZE_FORMAT
				       " bytes",
				       command, size - 1);
	} while (got != 0);
	*ret_length = length;
	return TRUE;
}

/* Waits for the end of what has printed everything, or else kills it. */
static gboolean end_child(GPid child, const char *command, gboolean ok, GError **error)
{
	gint64 deadline = vk_deadline(SECONDS_MAX);
	guint pause = 0;
	int status;

	while (ok && waitpid(child, &status, WNOHANG) == 0)
		if (vk_deadline_passed(deadline))
			ok = fail_slow(command, error);
		else
			vk_poll_pause(&pause);
	if (!ok) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return FALSE;
	}
	if (!g_spawn_check_wait_status(status, error)) {
		g_prefix_error(error, "key_command '%s': ", command);
		return FALSE;
	}
	return TRUE;
}

VkSecret *vk_key_command_run(const char *command, GError **error)
{
	g_auto(GStrv) words = NULL;
	guint8 bytes[VK_SECRET_MAX + 1];
	VkSecret *secret = NULL;
	gsize length = 0;
	GPid child;
	int fd;
	gboolean ok;

	if (!g_shell_parse_argv(command, NULL, &words, error) ||
	    !g_spawn_async_with_pipes(NULL, words, NULL,
				      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, pass_signals,
				      NULL, &child, NULL, &fd, NULL, error)) {
		g_prefix_error(error, "key_command '%s': ", command);
		return NULL;
	}
	ok = read_output(fd, command, bytes, sizeof(bytes), &length, error);
	vk_io_clear_fd(&fd);
	if (end_child(child, command, ok, error)) {
		if (length == 0)
			vk_fail(error, VK_ERROR_FAILED, "key_command '%s' printed nothing",
				command);
		else
			secret = vk_secret_new(bytes, length);
	}
	vk_wipe(bytes, sizeof(bytes));
	return secret;
}
