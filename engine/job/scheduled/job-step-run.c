/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-steps.h"

#include "errors.h"
#include "interrupt.h"
#include "step-error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How soon an interruption is noticed that came between a look and a wait. */
#define LOOK_MS 200

/* The variable by which what a step does is recorded as the job's. */
#define JOB_VARIABLE "VIRTKEEP_JOB"

/* What it inherits besides the standard ones. */
#define KEPT_FD  (STDERR_FILENO + 1)
#define ERROR_FD (STDERR_FILENO + 2)

typedef struct {
	pid_t pid;
	int pid_fd;
	int error_fd;   /* where it tells its error */
	gboolean asked; /* to end */
} Child;

/*
 * Until the process itself has ended: what it has started may live on with its descriptors. Returns
 * the exit status.
 */
static int wait_for_end(Child *child)
{
	struct pollfd polled = {.fd = child->pid_fd, .events = POLLIN};
	int status = 0;

	while (!(polled.revents & POLLIN)) {
		if (vk_interrupted() && !child->asked) {
			child->asked = TRUE;
			kill(child->pid, SIGTERM);
		}
		poll(&polled, 1, LOOK_MS);
	}
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Only these are inherited. The signals are handled anew by exec. */
static gboolean spawn(Child *child, char *const *argv, char *const *environment, int kept_fd,
		      gboolean silent, GError **error)
{
	posix_spawn_file_actions_t actions;
	int trouble;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (silent)
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	/* The numbers are free in the child, and the duplicates are not closed by exec. */
	posix_spawn_file_actions_adddup2(&actions, kept_fd, KEPT_FD);
	posix_spawn_file_actions_adddup2(&actions, child->error_fd, ERROR_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, ERROR_FD + 1);
	trouble = posix_spawn(&child->pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (trouble != 0)
		return vk_fail_errno(error, trouble, "cannot run '%s'", argv[0]);
	child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return child->pid_fd >= 0 ||
	       vk_fail_errno(error, errno, "cannot wait for process %d", (int)child->pid);
}

/* A file in memory, whose number none of the others takes in the child. */
static gboolean open_error(Child *child, GError **error)
{
	int fd = memfd_create("step-error", MFD_CLOEXEC);

	if (fd >= 0)
		child->error_fd = fcntl(fd, F_DUPFD_CLOEXEC, ERROR_FD + 1);
	if (child->error_fd < 0)
		vk_fail_errno(error, errno, "cannot make a file in memory");
	if (fd >= 0)
		close(fd);
	return child->error_fd >= 0;
}

/* New, with what a step has to know of its job. */
static char **make_environment(const char *job)
{
	g_autofree char *error_fd = g_strdup_printf("%d", ERROR_FD);
	char **environment = g_environ_setenv(g_get_environ(), JOB_VARIABLE, job, TRUE);

	return g_environ_setenv(environment, VK_STEP_ERROR_VARIABLE, error_fd, TRUE);
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
	g_auto(GStrv) environment = make_environment(job);
	g_auto(GStrv) argv = join(program, step->words);
	g_autoptr(GError) trouble = NULL;
	gint64 begun = g_get_monotonic_time();
	Child child = {.pid_fd = -1, .error_fd = -1};
	char *told;

	step->status = -1;
	if (open_error(&child, &trouble) &&
	    spawn(&child, argv, environment, kept_fd, silent, &trouble))
		step->status = wait_for_end(&child);
	told = child.error_fd >= 0 ? vk_step_error_read(child.error_fd) : NULL;
	if (trouble)
		step->error = g_strdup(trouble->message);
	else if (step->status < 0)
		step->error = g_strdup("it was killed");
	else if (step->status != 0)
		step->error = told ? g_steal_pointer(&told)
				   : g_strdup_printf("exit status %d", step->status);
	step->usec = g_get_monotonic_time() - begun;
	if (child.pid_fd >= 0)
		close(child.pid_fd);
	if (child.error_fd >= 0)
		close(child.error_fd);
	g_free(told);
}
