/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the sinks of files have in common.
 */
#include "sink-priv.h"

#include "errors.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

VkNewFile *vk_sink_new_file(const VkPlace *place, GError **error)
{
	g_autoptr(VkNewFile) file = vk_new_file_create(place->path, 0600, error);
	int fd;

	if (!file)
		return NULL;
	fd = vk_new_file_fd(file);
	if (fchown(fd, place->uid, place->gid) < 0 || fchmod(fd, place->mode & 0777) < 0) {
		vk_fail_errno(error, errno, "cannot give '%s' its owner", place->path);
		return NULL;
	}
	return g_steal_pointer(&file);
}
