/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the paths begin that the host asks for. Threads: one. */
#pragma once

#include <stdbool.h>

/*
 * Opens the top directory of a volume by its name ("vda1", "vdc@home" for a subvolume), or of the
 * installed SYSTEM whose root is on it; then "" is the only one. Returns a descriptor; -1: a
 * failure was sent.
 */
int agent_place_open(const char *volume, bool system);
