/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-steps.h"

#include "errors.h"
#include "interrupt.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How soon an interruption is noticed that came between a look and a wait. */
#define LOOK_MS 200

/* The rest of a longer line is not remembered. */
#define LINE_LENGTH_MAX 1000

/* The variable by which what a step does is recorded as the job's. */
#define JOB_VARIABLE "VIRTKEEP_JOB"

/* How an error begins that a step prints. */
#define ERROR_PREFIX "virtkeep: "

typedef struct {
	pid_t pid;
	int pid_fd, pipe_fd;
	GString *line;  /* that is being read */
	char *last;     /* the last line that was an error; nullable */
	gboolean asked; /* to end */
} Child;

static void end_line(Child *child)
{
	const char *text = child->line->str;

	if (g_str_has_prefix(text, ERROR_PREFIX))
		text += strlen(ERROR_PREFIX);
	if (*text) {
		g_free(child->last);
		child->last = vk_printable_foreign(text);
	}
	g_string_truncate(child->line, 0);
}

/* Hands on what it said. FALSE at the end of that, and when there is no more now. */
static gboolean hand_on(Child *child)
{
	char buffer[4096];
	ssize_t length = read(child->pipe_fd, buffer, sizeof(buffer));

	if (length <= 0)
		return length < 0 && errno == EINTR;
	for (ssize_t done = 0; done < length;) {
		ssize_t written = write(STDERR_FILENO, buffer + done, (size_t)(length - done));

		if (written < 0 && errno != EINTR)
			break;
		done += MAX(written, 0);
	}
	for (ssize_t i = 0; i < length; i++)
		if (buffer[i] == '\n')
			end_line(child);
		else if (child->line->len < LINE_LENGTH_MAX)
			g_string_append_c(child->line, buffer[i]);
	return TRUE;
}

/*
 * Until the process itself has ended: what it has started may live on with its descriptors. Returns
 * the exit status.
 */
static int wait_for_end(Child *child)
{
	struct pollfd polled[] = {{.fd = child->pid_fd, .events = POLLIN},
				  {.fd = child->pipe_fd, .events = POLLIN}};
	int status = 0;

	while (!(polled[0].revents & POLLIN)) {
		if (vk_interrupted() && !child->asked) {
			child->asked = TRUE;
			kill(child->pid, SIGTERM);
		}
		if (poll(polled, G_N_ELEMENTS(polled), LOOK_MS) <= 0)
			continue;
		/* It has closed its end. */
		if (polled[1].revents && !hand_on(child))
			polled[1].fd = -1;
	}
	while (hand_on(child))
		;
	end_line(child);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Only these are inherited. The signals are handled anew by exec. */
static gboolean spawn(Child *child, char *const *argv, char *const *environment, int write_fd,
		      int kept_fd, gboolean silent, GError **error)
{
	posix_spawn_file_actions_t actions;
	int trouble;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (silent)
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, write_fd, STDERR_FILENO);
	/* The number is free in the child, and the duplicate is not closed by exec. */
	posix_spawn_file_actions_adddup2(&actions, kept_fd, STDERR_FILENO + 1);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 2);
	trouble = posix_spawn(&child->pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (trouble != 0)
		return vk_fail_errno(error, trouble, "cannot run '%s'", argv[0]);
	child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return child->pid_fd >= 0 ||
	       vk_fail_errno(error, errno, "cannot wait for process %d", (int)child->pid);
}

static gboolean start(Child *child, char *const *argv, char *const *environment, int kept_fd,
		      gboolean silent, GError **error)
{
	int ends[2];
	gboolean done;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return vk_fail_errno(error, errno, "cannot make a pipe");
	child->pipe_fd = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	done = spawn(child, argv, environment, ends[1], kept_fd, silent, error);
	close(ends[1]);
	return done;
}

static char **join(char *const *program, char *const *words)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (; *program; program++)
		g_strv_builder_add(builder, *program);
	for (; *words; words++)
		g_strv_builder_add(builder, *words);
	return g_strv_builder_end(builder);
}

void vk_job_step_run(VkJobStep *step, char *const *program, const char *job, int kept_fd,
		     gboolean silent)
{
	g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), JOB_VARIABLE, job, TRUE);
	g_auto(GStrv) argv = join(program, step->words);
	g_autoptr(GError) trouble = NULL;
	gint64 begun = g_get_monotonic_time();
	Child child = {.pid_fd = -1, .pipe_fd = -1, .line = g_string_new(NULL)};

	step->status = -1;
	if (start(&child, argv, environment, kept_fd, silent, &trouble))
		step->status = wait_for_end(&child);
	if (trouble)
		step->error = g_strdup(trouble->message);
	else if (step->status < 0)
		step->error = g_strdup("it was killed");
	else if (step->status != 0)
		step->error = child.last ? g_steal_pointer(&child.last)
					 : g_strdup_printf("exit status %d", step->status);
	step->usec = g_get_monotonic_time() - begun;
	if (child.pid_fd >= 0)
		close(child.pid_fd);
	if (child.pipe_fd >= 0)
		close(child.pipe_fd);
	g_string_free(child.line, TRUE);
	g_free(child.last);
}
