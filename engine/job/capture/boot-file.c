/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boot-file.h"

#include "errors.h"
#include "io.h"
#include "safe-path.h"
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

GBytes *vk_boot_file_read(const char *path, guint32 *ret_mode, GError **error)
{
	VK_AUTOFD fd = vk_safe_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
	g_autofree guint8 *content = NULL;
	struct stat facts;
	gsize length;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &facts) != 0) {
		vk_fail_errno(error, errno, "cannot examine '%s'", path);
		return NULL;
	}
	if (!S_ISREG(facts.st_mode) || facts.st_size > VK_BOOT_FILE_MAX) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' is not a file, or has more than %u MiB", path,
			VK_BOOT_FILE_MAX >> 20);
		return NULL;
	}
	content = g_malloc((gsize)facts.st_size);
	if (!vk_io_read(fd, path, 0, content, (gsize)facts.st_size, &length, error))
		return NULL;
	*ret_mode = facts.st_mode & 0777;
	return g_bytes_new_take(g_steal_pointer(&content), length);
}
