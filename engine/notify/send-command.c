/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Notices to a command of the user. */
#include "target-priv.h"

#include "errors.h"
#include "io.h"
#include "json.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_USEC 20000

/* An unnamed file, so that a command which reads nothing blocks nobody. */
static int new_input(const GString *input, GError **error)
{
	VK_AUTOFD fd = memfd_create("notice", MFD_CLOEXEC);
	int taken = fd;

	if (fd < 0 || write(fd, input->str, input->len) != (ssize_t)input->len ||
	    lseek(fd, 0, SEEK_SET) < 0) {
		vk_fail_errno(error, errno, "cannot keep a notice in memory");
		return -1;
	}
	fd = -1;
	return taken;
}

/* The group, so that nothing of it stays. */
static void lead_group(gpointer unused)
{
	setpgid(0, 0);
}

/* FALSE: it was killed at the DEADLINE. */
static gboolean wait_for(GPid child, gint64 deadline, int *ret_status)
{
	gboolean in_time = TRUE;

	while (waitpid(child, ret_status, WNOHANG) == 0) {
		if (in_time && g_get_monotonic_time() > deadline) {
			in_time = FALSE;
			kill(-child, SIGKILL);
		}
		g_usleep(LOOK_USEC);
	}
	return in_time;
}

gboolean vk_target_run(const VkTarget *target, const char *command, const GString *input,
		       const char *const *environment, gint64 deadline, GError **error)
{
	char shell[] = "/bin/sh", option[] = "-c";
	g_autofree char *line = g_strdup(command);
	char *argv[] = {shell, option, line, NULL};
	g_auto(GStrv) all = g_get_environ();
	VK_AUTOFD in = new_input(input, error);
	g_autoptr(GError) trouble = NULL;
	int status = 0;
	GPid child;

	if (in < 0)
		return FALSE;
	for (; environment && environment[0]; environment += 2)
		all = g_environ_setenv(all, environment[0], environment[1], TRUE);
	if (!g_spawn_async_with_fds(NULL, argv, all,
				    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
				    lead_group, NULL, &child, in, -1, -1, &trouble))
		return vk_fail(error, VK_ERROR_FAILED, "its command was not started: %s",
			       trouble->message);
	if (!wait_for(child, deadline, &status))
		return vk_fail(error, VK_ERROR_FAILED, "its command took too long");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED, "its command failed: %s %d",
		       WIFEXITED(status) ? "exit status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

gboolean vk_target_send_command(const VkTarget *target, const VkNotice *notice, gint64 deadline,
				GError **error)
{
	g_autoptr(json_t) object = vk_notice_to_json(notice);
	g_autofree char *line = vk_json_line(object);
	g_autoptr(GString) input = g_string_new(line);
	g_autofree char *status = g_strdup_printf("%d", notice->status);
	const char *const environment[] = {
		"VIRTKEEP_EVENT",
		vk_notice_word(notice->kind),
		"VIRTKEEP_SUBJECT",
		notice->subject,
		"VIRTKEEP_COMMAND",
		notice->command,
		"VIRTKEEP_STATUS",
		status,
		NULL,
	};

	return vk_target_run(target, target->command, input, environment, deadline, error);
}
