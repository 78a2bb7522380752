/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDomainDisk: one disk of a guest with its images, as a domain XML has it. Threads: free.
 */
#pragma once

#include "domain-image.h"

#include <glib.h>

typedef struct VkDomainDisk {
	char *target; /* "vda"; letters, digits, '_', '-', ':' and no other */
	char *bus;    /* "virtio", ... */
	char *device; /* "disk", "cdrom", "floppy", "lun" */
	char *serial;
	char *unknown; /* "<x> in <source>": of unknown meaning for the image; NULL: all is known */
	gboolean readonly, shareable, transient;
	gboolean empty;         /* a drive without medium */
	VkDomainImage *image;   /* NULL when empty */
	GPtrArray *backing;     /* VkDomainImage, nearest first; as far as the XML says */
	gboolean backing_known; /* the XML has the chain to its end, as that of a running guest */
} VkDomainDisk;

/* NULL when the disk can be saved, else the reason why not, in words. Static string. */
const char *vk_domain_disk_skip_reason(const VkDomainDisk *disk);

/* Whether QEMU decrypts any of the disk's images, as far as the XML names them. */
gboolean vk_domain_disk_is_encrypted(const VkDomainDisk *disk);

/*
 * NULL when QEMU's tools can read the disk while its guest is off, as far as the XML declares its
 * backing chain; else why not, in words. Static string.
 */
const char *vk_domain_disk_offline_reason(const VkDomainDisk *disk);
