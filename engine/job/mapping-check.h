/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMappingCheck compares KVM_VM_MAPPING with what discovery finds, and makes the right mapping.
 * The mapping has one entry for each disk that is saved and has a path. The entry of a local file
 * or device is GUEST:HOST:/PATH, the entry of a file on NFS is GUEST:SERVER:/EXPORT/FILE. The case
 * of an export does not matter, as in ONTAP's junctions; the case of a file does. A configured
 * entry stays if it may be right: a controller may have several names, its volumes may be written
 * /vol/NAME, and only the array knows which LUN a device is. Threads: one at a time.
 */
#pragma once

#include "discover.h"

#include <glib.h>

typedef struct VkMappingCheck VkMappingCheck;

/*
 * HOST is the name of the host. CONFIGURED is the mapping as in the configuration; NULL: there is
 * none yet, and nothing is wrong.
 */
VkMappingCheck *vk_mapping_check_new(const char *host, const char *configured);
void vk_mapping_check_free(VkMappingCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMappingCheck, vk_mapping_check_free)

/* Borrowed. */
const char *vk_mapping_check_host(const VkMappingCheck *check);

void vk_mapping_check_add(VkMappingCheck *check, const VkFoundGuest *guest);

/* A guest that could not be described: its configured entries stay. */
void vk_mapping_check_keep(VkMappingCheck *check, const char *guest);

/* To be called once, after all guests. Returns the right mapping. New string. */
char *vk_mapping_check_finish(VkMappingCheck *check);

/* After that. TRUE when the configured mapping says the same. */
gboolean vk_mapping_check_is_right(const VkMappingCheck *check);

/*
 * char*: what is wrong with the configured mapping; and the disks that no mapping can name.
 * Borrowed.
 */
const GPtrArray *vk_mapping_check_wrong(const VkMappingCheck *check);
const GPtrArray *vk_mapping_check_untold(const VkMappingCheck *check);
