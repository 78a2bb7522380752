/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The volumes of the guest's disks: what may have a file system in it. Threads: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_DISKS_MAX   16
#define AGENT_VOLUMES_MAX 512

typedef struct AgentVolume {
	char name[264];   /* as people name it: "vda1", "vg0/data", "md0" */
	char device[264]; /* "/dev/ubda1", "/dev/mapper/vg0-data" */
	char type[32];    /* of its superblock: "ext4"; "": nothing recognised */
	char version[32]; /* of its superblock; "" for most types */
	char label[256];
	char uuid[64];
	char part_uuid[64];
	char crypt_uuid[64]; /* of an encrypted one that was opened; "": none */
	char state[256];     /* why it cannot be mounted; "": not known yet */
	char note[128];      /* what is to be known of one that is mounted; "": nothing */
	char points[1024];   /* where the installed system mounts it, separated by blanks */
	uint64_t size;       /* bytes */
	bool divided;        /* a table of partitions instead of a superblock */
	bool used;           /* looked at as a part of something else */
	bool shared;         /* the file system was found on another device of it */
	bool incomplete;     /* other parts are missing */
} AgentVolume;

size_t agent_volume_count(void);
AgentVolume *agent_volume(size_t index);

/* By its name, or NULL. */
AgentVolume *agent_volume_named(const char *name);

/* By the first word of a line of fstab: UUID=..., LABEL=..., PARTUUID=..., /dev/...; or NULL. */
AgentVolume *agent_volume_for(const char *spec);

/*
 * Adds the volume NAME, whose superblock is looked at if DEVICE is one that can be opened. NULL:
 * there are too many.
 */
AgentVolume *agent_volume_add(const char *name, const char *device);

/* What the encrypted VOLUME has is on DEVICE: looks at its superblock there. */
void agent_volume_open(AgentVolume *volume, const char *device);

/* Forgets all volumes behind the first COUNT. */
void agent_volumes_cut(size_t count);
