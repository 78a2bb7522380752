/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandboxed.h"

#include "errors.h"
#include "interrupt.h"
#include "io.h"
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of a pipe. The default would wake both sides up too often. */
#define PIPE_BYTES (1 << 20)

char *vk_sandboxed_helper(const char *folder, const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *directory = self ? g_path_get_dirname(self) : g_strdup(".");
	g_autofree char *beside = g_build_filename(directory, name, NULL);
	g_autofree char *built = g_build_filename(directory, folder, name, NULL);

	if (access(beside, R_OK) == 0)
		return g_steal_pointer(&beside);
	if (access(built, R_OK) == 0)
		return g_steal_pointer(&built);
	return g_build_filename(VK_HELPERS, name, NULL);
}

/* The ends that this process keeps, and those of the child. */
typedef struct Ends {
	int to[2], from[2], console[2], control[2];
} Ends;

static void close_ends(Ends *ends)
{
	int *all = (int *)ends;

	for (gsize i = 0; i < sizeof(*ends) / sizeof(int); i++)
		vk_io_clear_fd(&all[i]);
}

static gboolean open_ends(Ends *ends, GError **error)
{
	memset(ends, 0xff, sizeof(*ends));
	if (pipe2(ends->to, O_CLOEXEC) < 0 || pipe2(ends->from, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->console) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->control) < 0) {
		vk_fail_errno(error, errno, "cannot make pipes to the appliance");
		close_ends(ends);
		return FALSE;
	}
	fcntl(ends->from[0], F_SETPIPE_SZ, PIPE_BYTES);
	return TRUE;
}

static int keep(int *fd)
{
	int kept = *fd;

	*fd = -1;
	fcntl(kept, F_SETFL, fcntl(kept, F_GETFL) | O_NONBLOCK);
	return kept;
}

VkSandboxed *vk_sandboxed_start(const char *const *program, const VkSandboxedFiles *files,
				guint64 memory, GError **error)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	VkSandboxed *sandboxed;
	int fds[VK_LAUNCHER_FDS];
	GPid pid = 0;
	Ends ends;

	g_ptr_array_add(argv, g_strdup_printf("%" G_GUINT64_FORMAT, memory));
	for (; *program; program++)
		g_ptr_array_add(argv, g_strdup(*program));
	g_ptr_array_add(argv, NULL);
	if (!open_ends(&ends, error))
		return NULL;
	fds[0] = ends.to[0];
	fds[1] = ends.from[1];
	fds[2] = ends.console[1];
	fds[3] = ends.control[1];
	fds[4] = files->initrd;
	/* One that is not asked for may be anything. */
	fds[5] = files->kernel < 0 ? files->initrd : files->kernel;
	fds[6] = files->disc < 0 ? files->initrd : files->disc;
	if (!vk_launcher_run((const char *const *)argv->pdata, fds, &pid, error)) {
		close_ends(&ends);
		return NULL;
	}
	sandboxed = g_new(VkSandboxed, 1);
	*sandboxed = (VkSandboxed){
		.pid = pid,
		.to = keep(&ends.to[1]),
		.from = keep(&ends.from[0]),
		.console = keep(&ends.console[0]),
		.control = keep(&ends.control[0]),
	};
	close_ends(&ends);
	return sandboxed;
}

int vk_sandboxed_take_disks(VkSandboxed *sandboxed, guint timeout_sec, GError **error)
{
	struct pollfd ready = {.fd = sandboxed->control, .events = POLLIN};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec text = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *head;
	int fd = -1;

	for (guint waited = 0; poll(&ready, 1, 1000) <= 0; waited++) {
		if (vk_interrupted()) {
			vk_fail_interrupted(error);
			return -1;
		}
		if (waited >= timeout_sec) {
			vk_fail(error, VK_ERROR_FAILED,
				"the sandbox of the appliance does not start");
			return -1;
		}
	}
	if (recvmsg(sandboxed->control, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

gboolean vk_sandboxed_go(VkSandboxed *sandboxed, GError **error)
{
	if (send(sandboxed->control, "", 1, MSG_NOSIGNAL) != 1)
		return vk_fail_errno(error, errno, "cannot start the appliance");
	vk_io_clear_fd(&sandboxed->control);
	return TRUE;
}

void vk_sandboxed_kill(VkSandboxed *sandboxed)
{
	if (!sandboxed->pid)
		return;
	vk_launcher_kill(sandboxed->pid);
	sandboxed->pid = 0;
}

void vk_sandboxed_free(VkSandboxed *sandboxed)
{
	if (!sandboxed)
		return;
	vk_sandboxed_kill(sandboxed);
	vk_io_clear_fd(&sandboxed->to);
	vk_io_clear_fd(&sandboxed->from);
	vk_io_clear_fd(&sandboxed->console);
	vk_io_clear_fd(&sandboxed->control);
	g_free(sandboxed);
}
