/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's <domainbackup>: which disks a backup job reads, and from where it offers them.
 * Threads: free.
 */
#pragma once

#include "domain.h"

#include <glib.h>

/* How a job reads one disk, and whether it begins to track it. */
typedef struct VkBackupJobDisk {
	const char *target;
	gboolean incremental; /* offer what changed since the job's base checkpoint */
	gboolean track;       /* have a bitmap in the new checkpoint */
} VkBackupJobDisk;

/* What the XML of a job is made of. All is borrowed. */
typedef struct VkBackupXml {
	const GArray *disks;      /* VkBackupJobDisk */
	const GPtrArray *scratch; /* char*: the scratch file of each disk, in the order of DISKS */
	const char *base;         /* checkpoint to offer the changes of; NULL when no disk is */
	const char *bitmap;       /* the name under which changes are offered */
	const char *socket;
} VkBackupXml;

/*
 * The job on DOMAIN, as it is now. It names each disk of the domain: libvirt would choose for the
 * others. New string.
 */
char *vk_backup_build_xml(const VkDomain *domain, const VkBackupXml *job, GError **error);

/*
 * The CHECKPOINT of the job, with a bitmap in each of DISKS (VkBackupJobDisk) to track. New string.
 */
char *vk_backup_build_checkpoint_xml(const VkDomain *domain, const GArray *disks,
				     const char *checkpoint, GError **error);
