/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounting of volumes, read-only. The devices are writable, so a journal is replayed, in the
 * overlay of the host. Threads: one.
 */
#pragma once

#include "volumes.h"

/*
 * Opens the top directory of VOLUME, mounted if it was not; with SUBVOLUME (nullable) that of a
 * btrfs. Returns a descriptor; -1: the volume's state says why not.
 */
int agent_mount(AgentVolume *volume, const char *subvolume);
