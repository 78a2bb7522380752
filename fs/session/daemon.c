/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon.h"

#include "errors.h"
#include "log.h"
#include "file-limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct VkDaemon {
	int parent; /* the pipe on which the parent waits; -1 in the foreground */
};

/* In the parent: 0 as soon as the child says that it is ready, else what the child ends with. */
static int wait_for_child(pid_t child, int pipe_end)
{
	char byte;
	int status;
	ssize_t count;

	do {
		count = read(pipe_end, &byte, 1);
	} while (count < 0 && errno == EINTR);
	if (count == 1)
		return 0;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return WEXITSTATUS(status);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 1;
}

VkDaemon *vk_daemon_start(gboolean foreground, GError **error)
{
	VkDaemon *daemon;
	int ends[2] = {-1, -1};
	pid_t child;

	if (!foreground) {
		if (pipe2(ends, O_CLOEXEC) < 0) {
			vk_fail_errno(error, errno, "cannot make a pipe");
			return NULL;
		}
		child = fork();
		if (child < 0) {
			vk_fail_errno(error, errno, "cannot start a process");
			close(ends[0]);
			close(ends[1]);
			return NULL;
		}
		if (child > 0) {
			close(ends[1]);
			_exit(wait_for_child(child, ends[0]));
		}
		close(ends[0]);
	}
	daemon = g_new0(VkDaemon, 1);
	daemon->parent = ends[1];
	return daemon;
}

void vk_daemon_free(VkDaemon *daemon)
{
	if (!daemon)
		return;
	if (daemon->parent >= 0)
		close(daemon->parent);
	g_free(daemon);
}

void vk_daemon_notify(const char *state)
{
	const char *path = g_getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	gsize length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0';
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		vk_log_warning("cannot tell the service manager on '%s': %s", path,
			       g_strerror(errno));
	close(fd);
}

/* Whether what is written to stderr is kept: a file, or the journal (see systemd.exec(5)). */
static gboolean is_stderr_kept(void)
{
	const char *journal = g_getenv("JOURNAL_STREAM");
	g_autofree char *stream = NULL;
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		return FALSE;
	stream = g_strdup_printf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return S_ISREG(st.st_mode) || g_strcmp0(journal, stream) == 0;
}

/* A descriptor on which logger(1) passes lines on to syslog until we end, or -1. */
static int start_logger(void)
{
	const char *argv[] = {"logger", "-t", g_get_prgname(), "-p", "daemon.warning", NULL};
	int input = -1;

	if (!g_spawn_async_with_pipes("/", (char **)(gpointer)argv, NULL,
				      G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
					      G_SPAWN_STDERR_TO_DEV_NULL,
				      vk_file_limit_lower, NULL, NULL, &input, NULL, NULL, NULL))
		return -1;
	return input;
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = is_stderr_kept() ? STDERR_FILENO : start_logger();

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (log < 0)
			dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	if (log >= 0 && log != STDERR_FILENO) {
		dup2(log, STDERR_FILENO);
		close(log);
	}
}

void vk_daemon_ready(VkDaemon *daemon)
{
	const char byte = 0;
	/* The parent may be gone already: then no process waits. */
	ssize_t count G_GNUC_UNUSED;

	vk_daemon_notify("READY=1");
	if (daemon->parent < 0)
		return;
	setsid();
	if (chdir("/") < 0)
		vk_log_warning("cannot go to '/': %s", g_strerror(errno));
	leave_terminal();
	count = write(daemon->parent, &byte, 1);
	close(daemon->parent);
	daemon->parent = -1;
}
