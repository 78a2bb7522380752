/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDomain: what virtkeep needs to know of a domain XML. Threads: free.
 */
#pragma once

#include "domain-disk.h"

#include <glib.h>

/* A file that the guest is booted from without a loader of its own. */
typedef struct VkDomainBoot {
	const char *element; /* "kernel", "initrd", "dtb". Static */
	char *path;
} VkDomainBoot;

typedef struct VkDomain {
	char *name;
	char *uuid;             /* lower case */
	GPtrArray *disks;       /* VkDomainDisk, in XML order */
	GPtrArray *passthrough; /* char*: passed through, so not saved: "pci 0000:01:00.0" */
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
 * or uuid, with a disk without target, or with two disks of one target. It refuses document types,
 * and with them entities, and never loads a file.
 */
VkDomain *vk_domain_parse(const char *xml, GError **error);
void vk_domain_free(VkDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDomain, vk_domain_free)

const VkDomainDisk *vk_domain_find_disk(const VkDomain *domain, const char *target);

/* The reason for all of a domain's foreign disks. Static string. */
const char *vk_domain_foreign_reason(void);
