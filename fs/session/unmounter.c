/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unmounter.h"

#include "errors.h"
#include "helper-process.h"
#include "mountpoint.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* As ps(1) shows it; the kernel takes 15 bytes. */
#define PROCESS_NAME "umount-virtkeep"

#define ANSWER_MAX 4096u

struct VkUnmounter {
	int socket; /* SOCK_SEQPACKET: a request and its answer are one packet each */
	pid_t process;
};

typedef struct Request {
	guint64 device;
	char path[PATH_MAX];
} Request;

/* Detaches the mount of the request, and not another one that lies over it. */
static gboolean detach(const Request *request, GError **error)
{
	g_autoptr(VkMountFound) found = NULL;

	if (!vk_mountpoint_find(NULL, request->path, &found, error))
		return FALSE;
	if (!found || found->device != request->device || !vk_mount_found_is_ours(found))
		return vk_fail(error, VK_ERROR_BUSY,
			       "'%s' is hidden by another mount and cannot be unmounted",
			       request->path);
	return vk_mountpoint_detach(request->path, error);
}

/* The answer is empty but for a zero if all went well. */
static void answer_requests(int channel)
{
	Request request;

	while (recv(channel, &request, sizeof(request), 0) == sizeof(request)) {
		g_autoptr(GError) error = NULL;
		const char *answer = "";

		request.path[PATH_MAX - 1] = '\0';
		if (!detach(&request, &error))
			answer = error->message;
		if (send(channel, answer, strlen(answer) + 1, MSG_NOSIGNAL) < 0)
			break;
	}
}

/*
 * It holds nothing open that the mount's process has: or else a mount whose process was killed
 * would wait for answers instead of being dead.
 */
G_NORETURN static void run(int channel)
{
	answer_requests(vk_helper_process_detach(PROCESS_NAME, channel));
	_exit(0);
}

VkUnmounter *vk_unmounter_start(GError **error)
{
	VkUnmounter *unmounter;
	int ends[2];
	pid_t process;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		vk_fail_errno(error, errno, "cannot make a socket");
		return NULL;
	}
	process = fork();
	if (process == 0)
		run(ends[1]);
	close(ends[1]);
	if (process < 0) {
		vk_fail_errno(error, errno, "cannot start a process");
		close(ends[0]);
		return NULL;
	}
	unmounter = g_new0(VkUnmounter, 1);
	unmounter->socket = ends[0];
	unmounter->process = process;
	return unmounter;
}

void vk_unmounter_free(VkUnmounter *unmounter)
{
	if (!unmounter)
		return;
	close(unmounter->socket);
	while (waitpid(unmounter->process, NULL, 0) < 0 && errno == EINTR)
		continue;
	g_free(unmounter);
}

gboolean vk_unmounter_detach(VkUnmounter *unmounter, const char *path, guint64 device,
			     GError **error)
{
	Request request = {.device = device};
	char answer[ANSWER_MAX] = "";
	ssize_t length;

	if (g_strlcpy(request.path, path, sizeof(request.path)) >= sizeof(request.path))
		return vk_fail_errno(error, ENAMETOOLONG, "cannot unmount '%s'", path);
	if (send(unmounter->socket, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		return vk_fail_errno(error, errno, "cannot unmount '%s'", path);
	do {
		length = recv(unmounter->socket, answer, sizeof(answer) - 1, 0);
	} while (length < 0 && errno == EINTR);
	if (length <= 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "cannot unmount '%s': the process that does it has ended", path);
	return *answer == '\0' || vk_fail(error, VK_ERROR_FAILED, "%s", answer);
}
