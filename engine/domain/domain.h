/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDomain: what virtkeep needs to know of a domain XML, and the rewriting of one for a restore.
 * Pure functions on strings. Threads: free.
 */
#pragma once

#include <glib.h>

/* One image of a disk, or of its backing chain. */
typedef struct VkDomainImage {
	char *type;      /* "file", "block", "volume", "network", "dir", "nvme", "vhostuser" */
	char *format;    /* "raw", "qcow2", ...; NULL when the XML does not say */
	char *path;      /* file, block: the path; others: NULL */
	char *data_file; /* where a qcow2 image is declared to keep its data; NULL: in itself */
	char *pool, *volume;
	char *protocol, *name, *host; /* network; host is "name:port" of the first, or NULL */
	char *given;                  /* dir, nvme, vhostuser: what is given through, in words */
	gboolean encrypted; /* QEMU decrypts it: the guest sees other bytes than the image has */
	char *secret_uuid, *secret_usage; /* of LUKS encryption by QEMU: one of them; else NULL */
	gboolean sliced;                  /* the guest sees a part of the image only */
} VkDomainImage;

void vk_domain_image_free(VkDomainImage *image); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDomainImage, vk_domain_image_free)

typedef struct VkDomainDisk {
	char *target; /* "vda"; letters, digits, '_', '-', ':' and no other */
	char *bus;    /* "virtio", ... */
	char *device; /* "disk", "cdrom", "floppy", "lun" */
	char *serial;
	char *unknown; /* "<x> in <source>": of unknown meaning for the image; NULL: all is known */
	gboolean readonly, shareable, transient;
	gboolean empty;         /* a drive without medium */
	VkDomainImage *image;   /* NULL when empty */
	GPtrArray *backing;     /* VkDomainImage, nearest first; as far as the XML tells */
	gboolean backing_known; /* the XML tells the chain to its end, as a running guest's does */
} VkDomainDisk;

/* A file that the guest is booted from without a loader of its own. */
typedef struct VkDomainBoot {
	const char *element; /* "kernel", "initrd", "dtb". Static */
	char *path;
} VkDomainBoot;

typedef struct VkDomain {
	char *name;
	char *uuid;             /* lower case */
	GPtrArray *disks;       /* VkDomainDisk, in XML order */
	GPtrArray *passthrough; /* char*: given through, so not saved: "pci 0000:01:00.0" */
	GPtrArray *foreign; /* char*: disks past libvirt, which cannot be saved: "-drive file=x" */
	GArray *boot;       /* VkDomainBoot */
	char *nvram;        /* path, or NULL */
	gboolean has_emulated_tpm;
	char *tpm_version; /* "1.2" or "2.0"; NULL without emulated TPM */
	gboolean has_agent_channel;
	gboolean agent_connected; /* live XML only */
	GPtrArray *interfaces;    /* char*: MAC addresses */
} VkDomain;

/*
 * VK_ERROR_FAILED when it is not a domain XML, or one that libvirt would not print: without name
 * or uuid, with a disk without target or with two of one target. Document types, and with them
 * entities, are refused; nothing is ever loaded.
 */
VkDomain *vk_domain_parse(const char *xml, GError **error);
void vk_domain_free(VkDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDomain, vk_domain_free)

const VkDomainDisk *vk_domain_find_disk(const VkDomain *domain, const char *target);

/* The image in words for people: path, "pool/volume" or "rbd:pool/image". New string. */
char *vk_domain_image_label(const VkDomainImage *image);

/* NULL when the disk can be saved, else the reason why not, in words. Static string. */
const char *vk_domain_disk_skip_reason(const VkDomainDisk *disk);

/* Whether QEMU decrypts any of the disk's images, as far as the XML tells them. */
gboolean vk_domain_disk_is_encrypted(const VkDomainDisk *disk);

/* The reason for all of a domain's foreign disks. Static string. */
const char *vk_domain_foreign_reason(void);

/*
 * Whether the image is encrypted in a way that QEMU's tools know, with a secret that libvirt may have;
 * and how that is called, for people. Borrowed; NULL if it is not.
 */
gboolean vk_domain_image_has_secret(const VkDomainImage *image);
const char *vk_domain_image_secret(const VkDomainImage *image);

/*
 * NULL when QEMU's tools can read the image by its file, else what it is, in words. Network storage
 * is out of their reach; of an image that is encrypted without such a secret only the ciphertext
 * could be read, of a slice the whole image around it. Static string.
 */
const char *vk_domain_image_obstacle(const VkDomainImage *image);

/* The same of a disk of a guest that is off, and of its backing chain as far as it is declared. */
const char *vk_domain_disk_offline_reason(const VkDomainDisk *disk);

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
 * What to change for a restore. NULL and empty members leave things as they are. Always dropped is
 * what belongs to a run of the guest: the domain's id, generated aliases, dynamic labels, mirrors,
 * and the agent's state.
 *
 * A new uuid goes also where it must agree (SMBIOS), and what would collide with the original by
 * its number becomes automatic: the vsock address, fixed ports of displays. Host ends of serial and
 * other ports that only one guest can have become pseudo terminals. With a new name, sockets that the
 * guest listens on and log files at places of the user's choice get new names.
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
 * The rewritten XML: whatever is not named above stays as it is. New string. VK_ERROR_NOT_FOUND
 * for a target that the domain does not have, VK_ERROR_USAGE for values that no domain may have.
 */
char *vk_domain_rewrite(const char *xml, const VkDomainChanges *changes, GError **error);
