/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard-socket.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Room for one descriptor. */
typedef union {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
} Control;

gboolean vk_guard_send(int socket, const char *text, int descriptor, GError **error)
{
	struct iovec data = {.iov_base = g_strdup(text), .iov_len = strlen(text)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	Control control = {0};
	ssize_t sent;

	if (descriptor >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	g_free(data.iov_base);
	return sent >= 0 || vk_fail_errno(error, errno, "cannot write to the guard's socket");
}

char *vk_guard_receive(int socket, int *ret_descriptor, GError **error)
{
	g_autofree char *text = g_malloc(VK_GUARD_MESSAGE_MAX + 1);
	struct iovec data = {.iov_base = text, .iov_len = VK_GUARD_MESSAGE_MAX};
	Control control = {0};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t length;

	*ret_descriptor = -1;
	do
		length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length < 0) {
		vk_fail_errno(error, errno, "cannot read from the guard's socket");
		return NULL;
	}
	if (message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(ret_descriptor, CMSG_DATA(&control.header), sizeof(int));
	/* An answer is never empty, so an empty one is the end. */
	if (length == 0) {
		vk_fail(error, VK_ERROR_FAILED, "the other side of the guard's socket is gone");
		return NULL;
	}
	text[length] = '\0';
	return g_steal_pointer(&text);
}
