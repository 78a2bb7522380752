/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seen.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/sysmacros.h>

/* Powers of two: 12 bytes each, of which at most three of four are used. */
#define SLOTS_FIRST 1024
#define SLOTS_MAX   ((size_t)1 << 21)

/* As the kernel has it. No file system has the device 0. */
static uint32_t pack(dev_t device)
{
	return (uint32_t)major(device) << 20 | ((uint32_t)minor(device) & 0xfffff);
}

/* Whoever has chosen the inodes cannot know where they go. */
static uint64_t scatter(uint64_t inode, uint32_t device)
{
	static uint64_t key;
	uint64_t mixed;

	if (!key && getrandom(&key, sizeof(key), 0) != sizeof(key))
		key = 1;
	mixed = (inode ^ key) * UINT64_C(0x9e3779b97f4a7c15) + device;
	mixed ^= mixed >> 32;
	mixed *= UINT64_C(0xd6e8feb86659fd93) ^ key << 1;
	return mixed ^ mixed >> 29;
}

/* The slot of the directory, or the empty one for it. */
static size_t find(const AgentSeen *seen, uint32_t device, uint64_t inode)
{
	size_t at = scatter(inode, device) & (seen->slots - 1);

	while (seen->devices[at] && (seen->devices[at] != device || seen->inodes[at] != inode))
		at = (at + 1) & (seen->slots - 1);
	return at;
}

static void put(AgentSeen *seen, uint32_t device, uint64_t inode)
{
	size_t at = find(seen, device, inode);

	seen->devices[at] = device;
	seen->inodes[at] = inode;
	seen->count++;
}

/* FALSE when it has its full size, or there is no memory. */
static bool grow(AgentSeen *seen)
{
	AgentSeen larger = {.slots = seen->slots ? seen->slots * 2 : SLOTS_FIRST};

	if (larger.slots > SLOTS_MAX)
		return false;
	larger.inodes = calloc(larger.slots, sizeof(*larger.inodes));
	larger.devices = calloc(larger.slots, sizeof(*larger.devices));
	if (!larger.inodes || !larger.devices) {
		agent_seen_clear(&larger);
		return false;
	}
	for (size_t i = 0; i < seen->slots; i++)
		if (seen->devices[i])
			put(&larger, seen->devices[i], seen->inodes[i]);
	agent_seen_clear(seen);
	*seen = larger;
	return true;
}

AgentSeenAnswer agent_seen_add(AgentSeen *seen, dev_t device, ino_t inode)
{
	uint32_t packed = pack(device);

	if (seen->slots && seen->devices[find(seen, packed, inode)])
		return AGENT_SEEN_BEFORE;
	if (seen->count >= seen->slots / 4 * 3 && !grow(seen))
		return AGENT_SEEN_FULL;
	put(seen, packed, inode);
	return AGENT_SEEN_NEW;
}

void agent_seen_clear(AgentSeen *seen)
{
	free(seen->inodes);
	free(seen->devices);
	*seen = (AgentSeen){0};
}
