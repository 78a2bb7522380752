/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sealed-file.h"

#include "errors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int vk_sealed_file_new(GError **error)
{
	int fd = memfd_create("virtkeep", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		vk_fail_errno(error, errno, "cannot make a temporary file");
	return fd;
}

gboolean vk_sealed_file_seal(int fd, GError **error)
{
	return (lseek(fd, 0, SEEK_SET) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) ==
			0) ||
	       vk_fail_errno(error, errno, "cannot seal a temporary file");
}
