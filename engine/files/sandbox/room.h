/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file system of the sandbox. Threads: one. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Where the disks are. The file system has no server yet. */
#define SANDBOX_DISKS "/disks"

/*
 * Makes a root of its own, in a mount namespace of its own: /usr read-only, an empty /tmp of
 * TMP_BYTES, and SANDBOX_DISKS, which only OWNER may look at. Returns the descriptor of the latter
 * for its server. Ends the process on failure.
 */
int sandbox_room_make(uint64_t tmp_bytes, uid_t owner, gid_t group);

/* Ends the process with a message about ACTION and errno. */
void sandbox_die(const char *action) __attribute__((noreturn));
