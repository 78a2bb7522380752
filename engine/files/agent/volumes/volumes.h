/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The volumes of the guest's disks: what may have a file system in it. Threads: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_DISKS_MAX   16
#define AGENT_VOLUMES_MAX 512
#define AGENT_VOLUMES_LEFT_OUT                                                     \
	"the disks have more than 512 volumes, or 256 partitions on one of them: " \
	"the others are not read"

typedef struct AgentVolume {
	char name[264];   /* as people name it: "vda1", "vg0/data", "md0" */
	char device[264]; /* "/dev/ubda1", "/dev/mapper/vg0-data" */
	char type[32];    /* of its superblock: "ext4"; "": nothing recognised */
	char version[32]; /* of its superblock; "" for most types */
	char label[256];
	char uuid[64];
	char part_uuid[64];
	char member_uuid[64]; /* of this part of what lies on several; "" for most types */
	char crypt_uuid[64];  /* of an encrypted one that was opened; "": none */
	char state[512];      /* why it cannot be mounted; "": not known yet */
	char note[128];       /* what is to be known of one that is mounted; "": nothing */
	char points[1024];    /* where the installed system mounts it, separated by blanks */
	uint64_t size;        /* bytes */
	unsigned disk;   /* the guest's disk that it lies on, from 1; 0: it is made of others */
	bool divided;    /* a table of partitions instead of a superblock */
	bool used;       /* looked at as a part of something else */
	bool shared;     /* the file system was found on another device of it */
	bool copied;     /* a btrfs that is also on another disk: the kernel takes them for one */
	bool ambiguous;  /* the guest may mean another one by its name */
	bool incomplete; /* other parts are missing */
	bool starved;    /* there was no memory to open it with the last key */
} AgentVolume;

size_t agent_volume_count(void);
AgentVolume *agent_volume(size_t index);

/* By its name, or NULL. */
AgentVolume *agent_volume_named(const char *name);

/*
 * By the first word of a line of fstab: UUID=..., LABEL=..., PARTUUID=..., /dev/...; or NULL. If
 * several volumes have that, it is the one on the disk of NEAR. *RET_SEVERAL: it could be several.
 */
AgentVolume *agent_volume_for(const char *spec, const AgentVolume *near, bool *ret_several);

/*
 * Adds the volume NAME, whose superblock is looked at if DEVICE is one that can be opened. NULL:
 * there are too many.
 */
AgentVolume *agent_volume_add(const char *name, const char *device);

/* What the encrypted VOLUME has is on DEVICE: looks at its superblock there. */
void agent_volume_open(AgentVolume *volume, const char *device);

/* Notes that there are volumes that are not looked at, because there are too many. */
void agent_volumes_leave_out(void);
bool agent_volumes_left_out(void);

/* Forgets all volumes behind the first COUNT. */
void agent_volumes_cut(size_t count);
