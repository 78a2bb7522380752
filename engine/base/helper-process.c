/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper-process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

int vk_helper_process_detach(const char *name, int channel)
{
	const int kept = STDERR_FILENO + 1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_NAME, name);
	setsid();
	if (chdir("/") < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(1);
	if (channel != kept && dup3(channel, kept, O_CLOEXEC) < 0)
		_exit(1);
	close_range(kept + 1, ~0u, 0);
	return kept;
}
