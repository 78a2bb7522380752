/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a host has to save: its guests, their disks, and where these lie. Nothing is changed, no
 * guest is disturbed.
 */
#pragma once

#include "host.h"
#include "json.h"
#include "mounts.h"

#include <glib.h>

/* One layer of a backing chain. */
typedef struct VkFoundLayer {
	char *type, *format, *source; /* format may be NULL */
} VkFoundLayer;

typedef struct VkFoundDisk {
	char *target, *bus, *device;
	char *type, *format, *source; /* NULL for a drive without medium; format also if untold */
	char *path; /* of the image or device on the host; NULL if it has none, or it is unknown */
	gboolean encrypted; /* by QEMU: it is saved as the guest sees it */
	gboolean has_size;
	guint64 size, allocation;
	VkMountFacts *mount; /* NULL unless the source is a file of this machine */
	GPtrArray *backing;  /* VkFoundLayer, nearest first */
	const char *reason;  /* why it is not saved; NULL when it is. Static */
} VkFoundDisk;

typedef struct VkFoundGuest {
	char *name, *uuid;
	const char *state; /* static */
	gboolean persistent, autostart;
	const char *agent;      /* "connected", "disconnected", "none"; NULL when off. Static */
	GPtrArray *disks;       /* VkFoundDisk */
	GPtrArray *passthrough; /* char* */
	GPtrArray *foreign;     /* char*: disks that libvirt does not know, "-drive file=x" */
	GPtrArray *problems;    /* char*: what could not be found out, in words */
} VkFoundGuest;

/*
 * The facts about one guest. MOUNTS is NULL when the host is another machine. What cannot be found
 * out about a disk that is to be saved is a problem of the guest, not a failure; the failure is
 * VK_ERROR_NOT_FOUND when the guest is gone.
 */
VkFoundGuest *vk_discover_guest(VkHost *host, VkGuest *guest, VkMounts *mounts, GError **error);
void vk_found_guest_free(VkFoundGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkFoundGuest, vk_found_guest_free)

/* For programs. New reference. */
json_t *vk_found_guest_to_json(const VkFoundGuest *guest);

/* TRUE when URI names the libvirt of this machine, so that its paths are ours. */
gboolean vk_discover_is_local(const char *uri);
