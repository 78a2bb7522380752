/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What there is to save on a host: its guests, their disks, and where these lie. Nothing is
 * changed, and no guest is disturbed.
 */
#pragma once

#include "host.h"
#include "json.h"
#include "mounts.h"
#include "settings.h"

#include <glib.h>

/* One layer of a backing chain. */
typedef struct VkFoundLayer {
	char *type, *format, *source; /* format may be NULL */
} VkFoundLayer;

typedef struct VkFoundDisk {
	char *target, *bus, *device;
	char *type, *format, *source; /* NULL for a drive without medium; format also if unknown */
	char *path; /* of the image or device on the host; NULL if it has none, or it is unknown */
	gboolean encrypted; /* by QEMU: it is saved as the guest sees it */
	gboolean has_size;
	guint64 size, allocation;
	gboolean missing;    /* its image is not there, and the guest does not have it open */
	VkMountFacts *mount; /* NULL unless the source is a file of this machine */
	GPtrArray *backing;  /* VkFoundLayer, nearest first */
	const char *reason;  /* why it is not meant to be saved; NULL when it is. Static */
} VkFoundDisk;

/* Firmware state, which is saved with the guest. */
typedef struct VkFoundFirmware {
	const char *role; /* "nvram" or "tpm"; static */
	char *path;       /* of the file, or the directory of the TPM's files */
	gboolean has_size;
	guint64 size;
} VkFoundFirmware;

typedef struct VkFoundGuest {
	char *name, *uuid;
	const char *state; /* static */
	gboolean persistent, autostart;
	const char *agent;      /* "connected", "disconnected", "none"; NULL when off. Static */
	char **tags;            /* see domain-tags.h */
	const char *skip;       /* why backups of all leave it out; NULL: they do not. Static */
	GPtrArray *disks;       /* VkFoundDisk */
	GPtrArray *firmware;    /* VkFoundFirmware */
	GPtrArray *passthrough; /* char* */
	GPtrArray *foreign;     /* char*: disks that libvirt does not know, "-drive file=x" */
	GPtrArray *problems;    /* char*: what could not be found out, in words */
} VkFoundGuest;

/*
 * The facts about one guest. MOUNTS is NULL when the host is another machine, SETTINGS when what
 * they exclude does not matter. A fact about a disk to save that cannot be found out is a problem
 * of the guest, not a failure. VK_ERROR_NOT_FOUND when the guest is gone.
 */
VkFoundGuest *vk_discover_guest(VkHost *host, VkGuest *guest, VkMounts *mounts,
				const VkSettings *settings, GError **error);
/* Why the disk is not saved, as far as is known; NULL when it is. Static. */
const char *vk_found_disk_reason(const VkFoundDisk *disk);
void vk_found_guest_free(VkFoundGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkFoundGuest, vk_found_guest_free)

/* For programs. New reference. */
json_t *vk_found_guest_to_json(const VkFoundGuest *guest);

/* TRUE when URI names the libvirt of this machine, so that its paths are those of this machine. */
gboolean vk_discover_is_local(const char *uri);

/* VK_ERROR_USAGE for another machine: its paths and sockets would be mistaken for local ones. */
gboolean vk_discover_check_local(const char *uri, GError **error);
