/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "file-limit.h"

#include <sys/resource.h>

/* The clones of a group's disks are open all at once. */
#define FILES_MAX 65536u

static rlim_t file_limit; /* as it was before it was raised; 0: it was not */

void vk_file_limit_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_MAX)
		return;
	file_limit = limit.rlim_cur;
	limit.rlim_cur = MIN(limit.rlim_max, FILES_MAX);
	setrlimit(RLIMIT_NOFILE, &limit);
}

void vk_file_limit_lower(gpointer unused)
{
	struct rlimit limit;

	if (file_limit && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = file_limit;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}
