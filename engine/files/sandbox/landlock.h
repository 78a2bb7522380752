/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the program in the sandbox may do with its files. Threads: one. */
#pragma once

/*
 * Lets the process, and what it starts, execute what the host has installed and nothing else, write
 * in /tmp and to the disks, and read the rest. Does nothing where the kernel has no Landlock. Needs
 * no_new_privs. Ends the process on failure.
 */
void sandbox_limit_files(void);
