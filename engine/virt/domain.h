/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDomain: what virtkeep needs to know of a domain XML, and the rewriting of one for a restore.
 * Pure functions on strings. Threads: free.
 */
#pragma once

#include <glib.h>

/* One image of a disk, or of its backing chain. */
typedef struct VkDomainImage {
	char *type;   /* "file", "block", "volume", "network", "dir", "nvme", "vhostuser" */
	char *format; /* "raw", "qcow2", ...; NULL when the XML does not say */
	char *path;   /* file, block: the path; others: NULL */
	char *pool, *volume;
	char *protocol, *name, *host; /* network; host is "name:port" of the first, or NULL */
} VkDomainImage;

typedef struct VkDomainDisk {
	char *target; /* "vda" */
	char *bus;    /* "virtio", ... */
	char *device; /* "disk", "cdrom", "floppy", "lun" */
	char *serial;
	gboolean readonly, shareable, transient;
	gboolean empty;         /* a drive without medium */
	VkDomainImage *image;   /* NULL when empty */
	GPtrArray *backing;     /* VkDomainImage, nearest first; as far as the XML tells */
} VkDomainDisk;

typedef struct VkDomain {
	char *name;
	char *uuid; /* lower case */
	GPtrArray *disks;       /* VkDomainDisk, in XML order */
	GPtrArray *passthrough; /* char*: devices given through, "pci 0000:01:00.0": not saved */
	char *nvram;            /* path, or NULL */
	gboolean has_emulated_tpm;
	char *tpm_version; /* "1.2" or "2.0"; NULL without emulated TPM */
	gboolean has_agent_channel;
	gboolean agent_connected; /* live XML only */
	GPtrArray *interfaces;    /* char*: MAC addresses */
} VkDomain;

/* VK_ERROR_FAILED when it is not a domain XML. Entities and network access are off. */
VkDomain *vk_domain_parse(const char *xml, GError **error);
void vk_domain_free(VkDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDomain, vk_domain_free)

const VkDomainDisk *vk_domain_find_disk(const VkDomain *domain, const char *target);

/* The image in words for people: path, "pool/volume" or "rbd:pool/image". New string. */
char *vk_domain_image_label(const VkDomainImage *image);

/* NULL when the disk can be saved, else the reason why not, in words. Static string. */
const char *vk_domain_disk_skip_reason(const VkDomainDisk *disk);

/* A disk's new place. */
typedef struct VkDomainNewDisk {
	const char *target;
	const char *type;   /* "file" or "block" */
	const char *path;
	const char *format; /* "raw" or "qcow2" */
} VkDomainNewDisk;

/*
 * What to change for a restore. NULL and empty members leave things as they are. Always dropped:
 * the domain's id, aliases, dynamic labels, backing chains, and the agent's state.
 */
typedef struct VkDomainChanges {
	const char *name;
	const char *uuid;
	const char *nvram;           /* new path */
	gboolean new_macs;           /* drop MAC addresses: libvirt makes new ones */
	gboolean new_generation_id;  /* a new random genid, if the domain has one */
	gboolean drop_channel_paths; /* socket paths that libvirt would derive from the old name */
	GArray *disks;               /* VkDomainNewDisk; the targets must exist. Nullable */
	GPtrArray *eject;            /* char*: targets of removable drives to leave empty. Nullable */
	GPtrArray *drop;             /* char*: targets of disks to leave out. Nullable */
} VkDomainChanges;

/* The rewritten XML. New string. */
char *vk_domain_rewrite(const char *xml, const VkDomainChanges *changes, GError **error);
