/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu-secret.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct VkQemuSecret {
	int fd;
	char *path;
};

VkQemuSecret *vk_qemu_secret_new(const void *value, gsize length, GError **error)
{
	g_autoptr(VkQemuSecret) secret = g_new0(VkQemuSecret, 1);

	secret->fd = memfd_create("virtkeep-secret", MFD_CLOEXEC);
	if (secret->fd < 0) {
		vk_fail_errno(error, errno, "cannot make a file in memory");
		return NULL;
	}
	secret->path = g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), secret->fd);
	if (!vk_io_write(secret->fd, secret->path, 0, value, length, error))
		return NULL;
	return g_steal_pointer(&secret);
}

const char *vk_qemu_secret_path(const VkQemuSecret *secret)
{
	return secret->path;
}

void vk_qemu_secret_free(VkQemuSecret *secret)
{
	if (!secret)
		return;
	vk_io_clear_fd(&secret->fd);
	g_free(secret->path);
	g_free(secret);
}
