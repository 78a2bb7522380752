/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AgentSeen: the directories that a walk has met. A damaged one can be below itself, or in many
 * places. Its memory has a bound. Threads: one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct AgentSeen {
	uint64_t *inodes;
	uint32_t *devices; /* 0: the slot is empty */
	size_t slots, count;
} AgentSeen;

typedef enum {
	AGENT_SEEN_NEW,
	AGENT_SEEN_BEFORE,
	AGENT_SEEN_FULL, /* it is not remembered: there are too many */
} AgentSeenAnswer;

/* As many directories are remembered at least. */
#define AGENT_SEEN_MAX 1500000

/* Remembers a directory. SEEN is zeroed at first. */
AgentSeenAnswer agent_seen_add(AgentSeen *seen, dev_t device, ino_t inode);
void agent_seen_clear(AgentSeen *seen);
