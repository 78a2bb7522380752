/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The installed system: the volumes of the guest as its own fstab mounts them. Threads: one. */
#pragma once

#include "volumes.h"

/* Looks for installed systems, and for the points where they mount their volumes. */
void agent_systems_find(void);

/*
 * Opens the top directory of a system, its volumes mounted below it: of the one whose root is on
 * the volume NAME, with "" of the only one. Returns a descriptor; -1: a failure was sent, or which
 * volume is locked.
 */
int agent_system_open(const char *name);

/* Notes what could not be mounted at or below PATH of the system that was opened, or above it. */
void agent_system_note_gaps(const char *path);

/* Opens PATH below the directory ROOT, where symbolic links lead to what is below ROOT as well. */
int agent_open_beneath(int root, const char *path, int flags);
