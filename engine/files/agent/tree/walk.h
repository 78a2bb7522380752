/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends what is at a path of a guest: entries, and the contents of files. Threads: one. */
#pragma once

#include <stdint.h>

/*
 * Sends what is at PATH below the directory ROOT, by FLAGS (VkWalkFlags): the entry itself, and of
 * a directory its entries, sorted by name. Symbolic links on the way are followed as the guest does
 * it, but not one at the end. What cannot be read is noted. Sends the end of the answer.
 */
void agent_walk(int root, const char *path, uint32_t flags);
