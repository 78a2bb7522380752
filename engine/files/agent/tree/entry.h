/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the agent says of one entry of a file system, and of what is in it. Threads: one. */
#pragma once

#include "message.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Bytes of the target of a symbolic link at most. */
#define AGENT_TARGET_MAX 32768

/* The report of what ST is of, NAME in DIRECTORY, still without a path and a target. */
VkEntryReport agent_entry_report(const struct stat *st, int directory, const char *name);

/* The extended attributes of FD, one message each. */
void agent_send_attributes(int fd);

/* Where a file of that SIZE has data, if it has holes. */
void agent_send_ranges(int fd, off_t size);

/*
 * The bytes of FD from OFFSET to END, which may be behind its end, but for its holes. 0, or an
 * errno when they cannot be read; then some were sent.
 */
int agent_send_data(int fd, off_t offset, off_t end);
