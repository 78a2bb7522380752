/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher.h"

#include "errors.h"
#include "helper-process.h"
#include "sandboxed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* As ps(1) shows it; the kernel takes 15 bytes. */
#define PROCESS_NAME "start-virtkeep"

/* Bytes of a request or an answer. */
#define PACKET_MAX 65536u

/* Whether to run, with which arguments; or else to end what runs. */
#define REQUEST_TYPE "(baay)"
/* The process, and what went wrong if it is 0. */
#define ANSWER_TYPE "(is)"

/* SOCK_SEQPACKET to the process: a request and its answer are one packet each. -1: there is none.
 */
static int channel = -1;

typedef union Control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(VK_LAUNCHER_FDS * sizeof(int))];
} Control;

static gboolean run_here(const char *const *arguments, const int fds[VK_LAUNCHER_FDS],
			 GPid *ret_pid, GError **error)
{
	static const char *const environment[] = {"HOME=/tmp", "TMPDIR=/tmp", NULL};
	const int targets[] = {3, 4, 5, 6};
	g_autofree char *program = vk_sandboxed_helper("sandbox", "virtkeep-sandbox");
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) trouble = NULL;

	g_ptr_array_add(argv, g_strdup(program));
	for (; *arguments; arguments++)
		g_ptr_array_add(argv, g_strdup(*arguments));
	g_ptr_array_add(argv, NULL);
	if (!g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)argv->pdata, environment,
					      G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, fds[0], fds[1],
					      fds[2], fds + 3, targets, G_N_ELEMENTS(targets),
					      ret_pid, NULL, NULL, NULL, &trouble))
		return vk_fail(error, VK_ERROR_FAILED, "cannot run '%s': %s", program,
			       trouble->message);
	return TRUE;
}

static void kill_here(GPid pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* FDS: nullable. FALSE: errno. */
static gboolean send_packet(int socket, GVariant *packet, const int *fds)
{
	g_autoptr(GVariant) sunk = g_variant_ref_sink(packet);
	struct iovec bytes = {.iov_base = (gpointer)(uintptr_t)g_variant_get_data(sunk),
			      .iov_len = g_variant_get_size(sunk)};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	Control control = {0};

	if (fds) {
		control.head = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(VK_LAUNCHER_FDS * sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.head), fds, VK_LAUNCHER_FDS * sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

/* The packet of that TYPE, and its descriptors, -1 for none. NULL at the end. */
static GVariant *receive_packet(int socket, const char *type, int fds[VK_LAUNCHER_FDS])
{
	guint8 *buffer = g_malloc(PACKET_MAX);
	struct iovec bytes = {.iov_base = buffer, .iov_len = PACKET_MAX};
	Control control;
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *head;
	ssize_t length;

	for (guint i = 0; i < VK_LAUNCHER_FDS; i++)
		fds[i] = -1;
	do
		length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length <= 0) {
		g_free(buffer);
		return NULL;
	}
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_len == CMSG_LEN(VK_LAUNCHER_FDS * sizeof(int)))
		memcpy(fds, CMSG_DATA(head), VK_LAUNCHER_FDS * sizeof(int));
	return g_variant_ref_sink(g_variant_new_from_data(G_VARIANT_TYPE(type), buffer,
							  (gsize)length, FALSE, g_free, buffer));
}

/* Returns the answer. RUNNING is the sandbox, or 0. */
static GVariant *answer(GVariant *request, const int *fds, GPid *running)
{
	g_autofree const char **arguments = NULL;
	g_autoptr(GError) error = NULL;
	gboolean run;

	g_variant_get(request, "(b^a&ay)", &run, &arguments);
	if (*running)
		kill_here(*running);
	*running = 0;
	if (run && fds[0] >= 0)
		run_here(arguments, fds, running, &error);
	return g_variant_new(ANSWER_TYPE, *running, error ? error->message : "");
}

G_NORETURN static void serve(int socket)
{
	int fds[VK_LAUNCHER_FDS];
	GVariant *request;
	GPid running = 0;

	while ((request = receive_packet(socket, REQUEST_TYPE, fds))) {
		if (!send_packet(socket, answer(request, fds, &running), NULL))
			break;
		for (guint i = 0; i < VK_LAUNCHER_FDS; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		g_variant_unref(request);
	}
	if (running)
		kill_here(running);
	_exit(0);
}

/* It holds nothing open that the other process has: that must end for all who wait for it. */
G_NORETURN static void become_launcher(int socket)
{
	serve(vk_helper_process_detach(PROCESS_NAME, socket));
}

gboolean vk_launcher_start(GError **error)
{
	int ends[2];
	pid_t process;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return vk_fail_errno(error, errno, "cannot make a socket");
	process = fork();
	if (process == 0)
		become_launcher(ends[1]);
	close(ends[1]);
	channel = ends[0];
	return process > 0 || vk_fail_errno(error, errno, "cannot start a process");
}

gboolean vk_launcher_run(const char *const *arguments, const int fds[VK_LAUNCHER_FDS],
			 GPid *ret_pid, GError **error)
{
	g_autoptr(GVariant) reply = NULL;
	int none[VK_LAUNCHER_FDS];
	const char *trouble;

	if (channel < 0)
		return run_here(arguments, fds, ret_pid, error);
	if (send_packet(channel, g_variant_new("(b^aay)", TRUE, arguments), fds))
		reply = receive_packet(channel, ANSWER_TYPE, none);
	if (!reply)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the process that starts the appliance has ended");
	g_variant_get(reply, "(i&s)", ret_pid, &trouble);
	return *ret_pid > 0 || vk_fail(error, VK_ERROR_FAILED, "%s", trouble);
}

void vk_launcher_kill(GPid pid)
{
	const char *const nothing[] = {NULL};
	g_autoptr(GVariant) reply = NULL;
	int none[VK_LAUNCHER_FDS];

	if (channel < 0)
		kill_here(pid);
	/* If the process is gone, the sandbox is gone with it. */
	else if (send_packet(channel, g_variant_new("(b^aay)", FALSE, nothing), NULL))
		reply = receive_packet(channel, ANSWER_TYPE, none);
}
