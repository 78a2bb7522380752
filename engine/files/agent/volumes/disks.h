/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks and their partitions, and what is made of them. Threads: one. */
#pragma once

#include <stddef.h>

/* Looks for the volumes of COUNT disks with these names, in the order of their devices. */
void agent_disks_find(char *const *names, size_t count);

/* Adds the partitions of the device NODE, by the kernel's name, as those of DISK. */
void agent_disks_add_partitions(const char *disk, const char *node);

/* Puts together what lies on volumes that were not looked at yet: arrays, volumes of LVM. */
void agent_disks_assemble(void);
