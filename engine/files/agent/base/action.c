/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "action.h"

#include "channel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Well below the silence that the host bears. */
#define BEAT_MSEC 5000
#define BEATS_MAX 120

typedef struct Program {
	const char *const *argv;
	int in, out, err;
} Program;

/* Sends signs of life until the process has ended. */
static void wait_for(pid_t child)
{
	int fd = pidfd_open(child, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};

	for (unsigned beats = 0; fd >= 0 && beats < BEATS_MAX; beats++) {
		if (poll(&ended, 1, BEAT_MSEC) > 0)
			break;
		agent_send_alive();
	}
	if (fd >= 0)
		close(fd);
}

int agent_act(int (*function)(void *data), void *data)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(function(data));
	if (child < 0)
		return AGENT_CRASHED;
	wait_for(child);
	if (waitpid(child, &status, 0) != child)
		return AGENT_CRASHED;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? AGENT_STARVED : AGENT_CRASHED;
	return WEXITSTATUS(status);
}

static int execute(void *data)
{
	static const char *const environment[] = {
		"PATH=/usr/sbin:/usr/bin", "LC_ALL=C", "HOME=/", "DM_DISABLE_UDEV=1",
		"LVM_SYSTEM_DIR=/etc",     NULL,
	};
	const struct rlimit size = {AGENT_OUTPUT_MAX, AGENT_OUTPUT_MAX};
	const Program *program = data;

	setrlimit(RLIMIT_FSIZE, &size);
	if (dup2(program->in, 0) < 0 || dup2(program->out, 1) < 0 || dup2(program->err, 2) < 0)
		return AGENT_CRASHED;
	execve(program->argv[0], (char *const *)(uintptr_t)program->argv,
	       (char *const *)(uintptr_t)environment);
	return 127;
}

/* The content of FD as a text. */
static void take_output(int fd, char *text, size_t size)
{
	ssize_t length = pread(fd, text, size - 1, 0);

	text[length > 0 ? length : 0] = '\0';
}

/* Leaves of TEXT its last line that is not empty. */
static void keep_last_line(char *text)
{
	size_t length = strlen(text);
	char *start;

	while (length && strchr("\r\n ", text[length - 1]))
		text[--length] = '\0';
	start = strrchr(text, '\n');
	start = start ? start + 1 : text;
	start += strspn(start, " \r");
	memmove(text, start, strlen(start) + 1);
}

static void take_words(int fd, AgentOutput *output)
{
	char *text = malloc(AGENT_OUTPUT_MAX);

	if (!text)
		agent_power_off();
	take_output(fd, text, AGENT_OUTPUT_MAX);
	keep_last_line(text);
	memset(output->words, 0, sizeof(output->words));
	memcpy(output->words, text, strnlen(text, sizeof(output->words) - 1));
	free(text);
}

int agent_run(const char *const *argv, VkBytes input, AgentOutput *output)
{
	int ends[2];
	Program program = {.argv = argv,
			   .out = memfd_create("output", MFD_CLOEXEC),
			   .err = memfd_create("errors", MFD_CLOEXEC)};
	int status;

	/* A pipe holds more than the input, so nobody waits. */
	if (pipe2(ends, O_CLOEXEC) < 0 || program.out < 0 || program.err < 0 ||
	    write(ends[1], input.at, input.length) != (ssize_t)input.length)
		agent_power_off();
	close(ends[1]);
	program.in = ends[0];
	status = agent_act(execute, &program);
	if (output) {
		take_output(program.out, output->text, sizeof(output->text));
		output->full = strlen(output->text) >= sizeof(output->text) - 1;
		take_words(program.err, output);
	}
	close(program.in);
	close(program.out);
	close(program.err);
	return status;
}
