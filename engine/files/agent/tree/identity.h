/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers of the guest's file systems that are the same in each appliance of a snapshot. The
 * kernel's own are not: those of btrfs depend on what was looked at first. Threads: one.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Of the file system, or the subvolume, of NAME ("": itself) in DIRECTORY, which is on DEVICE. */
uint64_t agent_identity(dev_t device, int directory, const char *name);

/* Forgets the devices: their numbers may mean others now. */
void agent_identity_clear(void);
