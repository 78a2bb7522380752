/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounting of volumes, read-only. The devices are writable, so a journal is replayed, in the
 * overlay of the host. Threads: one.
 */
#pragma once

#include "volumes.h"

#include <sys/types.h>

/*
 * Opens the top directory of VOLUME, mounted if it was not; with SUBVOLUME (nullable) that of a
 * btrfs. Returns a descriptor; -1: the volume's state says why not.
 */
int agent_mount(AgentVolume *volume, const char *subvolume);

/* Unmounts VOLUME if that lets a copy of it be mounted, and nothing of it is open. */
void agent_mount_release(const AgentVolume *volume);

/* The volume that is mounted as DEVICE, by its number from 1; 0: none. A btrfs has several. */
uint64_t agent_mount_number(dev_t device);
