/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's <domaincheckpoint>. Threads: free.
 */
#pragma once

#include "domain.h"

#include <glib.h>

/*
 * A checkpoint NAME with a bitmap in the disks TARGETS (char*) of DOMAIN. All other disks are left
 * out by name, else libvirt would choose. With DOMAIN_XML and CREATED (seconds since 1970; both
 * nullable together) it redefines a checkpoint that exists. It names no parent: libvirt would
 * insist on knowing it, and nothing depends on it. New string.
 */
char *vk_checkpoint_build_xml(const VkDomain *domain, const char *name, const GPtrArray *targets,
			      const char *created, const char *domain_xml, GError **error);

/* The size in bytes that the checkpoint of XML has for the disk TARGET. FALSE when it has none. */
gboolean vk_checkpoint_parse_size(const char *xml, const char *target, guint64 *ret,
				  GError **error);

/* What a stored checkpoint says. */
typedef struct VkCheckpointInfo {
	char *name;
	char *created;
	GPtrArray *targets; /* char*: the disks with a bitmap */
	VkDomain *domain;   /* as it was then; NULL when the XML does not say */
} VkCheckpointInfo;

VkCheckpointInfo *vk_checkpoint_parse(const char *xml, GError **error);
void vk_checkpoint_info_free(VkCheckpointInfo *info); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCheckpointInfo, vk_checkpoint_info_free)

gboolean vk_checkpoint_info_has(const VkCheckpointInfo *info, const char *target);
