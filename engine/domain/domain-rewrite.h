/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDomainChanges: the rewriting of a domain XML for a restore. Threads: free.
 */
#pragma once

#include <glib.h>

/* A disk's new place. The image there stands alone. */
typedef struct VkDomainNewDisk {
	const char *target;
	const char *type; /* "file" or "block" */
	const char *path;
	const char *format; /* "raw" or "qcow2" */
	gboolean stays;     /* where it was: what names its place is left as it is */
	gboolean encrypted; /* as the definition says; else it is plain */
} VkDomainNewDisk;

/* Another network for the interfaces that are on OLD, a network or a bridge. */
typedef struct VkDomainNewNetwork {
	const char *old;
	const char *type; /* "network" or "bridge"; NULL: as it was */
	const char *name;
} VkDomainNewNetwork;

/* A new path of a file that a guest is booted from without a loader of its own. */
typedef struct VkDomainNewBoot {
	const char *element; /* "kernel", "initrd", "dtb" */
	const char *path;
} VkDomainNewBoot;

/*
 * What to change for a restore. NULL and empty members leave things as they are. What belongs to a
 * run of the guest is always dropped: the domain's id, generated aliases, dynamic labels, mirrors,
 * and the agent's state.
 *
 * A new uuid is also set in SMBIOS, where it must agree. Numbers that would collide with the
 * original's become automatic: the vsock address, fixed ports of displays. The host's ends of
 * serial and other ports that only one guest can have become pseudo terminals. With a new name,
 * sockets that the guest listens on and log files get new names, if the user has chosen their
 * places.
 */
typedef struct VkDomainChanges {
	const char *name;
	const char *uuid;
	const char *nvram;           /* new path */
	gboolean new_macs;           /* drop MAC addresses: libvirt makes new ones */
	gboolean new_generation_id;  /* a new random genid, if the domain has one */
	gboolean drop_channel_paths; /* socket paths that libvirt would derive from the old name */
	gboolean drop_passthrough;   /* what only one guest can have, or is the original's data */
	GArray *disks;               /* VkDomainNewDisk; the targets must exist. Nullable */
	GArray *networks; /* VkDomainNewNetwork; one that matches nothing is VK_ERROR_NOT_FOUND */
	gboolean drop_networks; /* the guest gets no network interface */
	GArray *boot;           /* VkDomainNewBoot. Nullable */
	GPtrArray *eject;       /* char*: targets of removable drives to leave empty. Nullable */
	GPtrArray *drop;        /* char*: targets of disks to leave out. Nullable */
	GPtrArray *notes;       /* char*: gets what a person should know of the changes. Nullable */
} VkDomainChanges;

/*
 * The rewritten XML. Everything that is not named above stays as it is. New string.
 * VK_ERROR_NOT_FOUND for a target that the domain does not have, VK_ERROR_USAGE for values that no
 * domain may have.
 */
char *vk_domain_rewrite(const char *xml, const VkDomainChanges *changes, GError **error);
