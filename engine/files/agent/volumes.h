/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The volumes of the guest's disks: what may have a file system in it. Threads: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_DISKS_MAX   16
#define AGENT_VOLUMES_MAX 512

typedef struct AgentVolume {
	char name[64];   /* as people name it: "vda1" */
	char device[64]; /* "/dev/ubda1" */
	char type[32];   /* of its superblock: "ext4"; "": nothing recognised */
	char label[256];
	char uuid[64];
	char part_uuid[64];
	char state[256];   /* why it cannot be mounted; "": not known yet */
	char points[1024]; /* where the installed system mounts it, separated by blanks */
	uint64_t size;     /* bytes */
} AgentVolume;

/* Looks for the volumes of COUNT disks with these names, in the order of their devices. */
void agent_volumes_find(char *const *names, size_t count);

size_t agent_volume_count(void);
AgentVolume *agent_volume(size_t index);

/* By its name, or NULL. */
AgentVolume *agent_volume_named(const char *name);

/* By the first word of a line of fstab: UUID=..., LABEL=..., PARTUUID=..., /dev/...; or NULL. */
AgentVolume *agent_volume_for(const char *spec);
