/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent's kernel runs on: User-mode Linux, which shows it the programs and modules of the
 * host, or a machine of QEMU, where they came with it. Threads: one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Makes programs, modules and devices available. To be called once. */
void agent_platform_set_up(void);

/* The directory of modules, without '/' at its end. */
void agent_platform_modules(char *ret, size_t size);

/* Opens the device that leads to the host. A descriptor, or -1. */
int agent_platform_open_channel(void);

/* The node of the disk NUMBER in /dev, from 0. FALSE: it is not there. */
bool agent_platform_find_disk(size_t number, char *ret, size_t size);
