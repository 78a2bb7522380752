/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the program in the sandbox may not do. Threads: one. */
#pragma once

#include <sys/types.h>

/*
 * Takes all rights from the process: it becomes OWNER and GROUP if it is root, has no capabilities
 * and can get none, has its files limited as landlock.h says, and cannot make sockets, mounts and
 * namespaces, or use other rarely needed parts of the kernel. Ends the process on failure.
 */
void sandbox_confine(uid_t owner, gid_t group);

/* Takes the capabilities from the process, which stays the user it is. Ends it on failure. */
void sandbox_drop_capabilities(void);
