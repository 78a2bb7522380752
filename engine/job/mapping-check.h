/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMappingCheck: compares KVM_VM_MAPPING with what discovery finds, and makes the mapping that
 * would be right. It has one entry for each disk that is saved and has a path: that of a local file
 * or device is GUEST:HOST:/PATH; that of a file on NFS is GUEST:SERVER:/EXPORT/FILE. What the server
 * exports has no case, as ONTAP's junctions have none; files have. What was configured stays where discovery cannot know better: a controller may have several names, its
 * volumes may be written /vol/NAME, and which LUN a device is, only the array tells.
 * Threads: one at a time.
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

/* A guest that could not be described: what is configured for it stays. */
void vk_mapping_check_keep(VkMappingCheck *check, const char *guest);

/* To be called once, after all guests. Returns the right mapping. New string. */
char *vk_mapping_check_finish(VkMappingCheck *check);

/* After that. TRUE when the configured mapping says the same. */
gboolean vk_mapping_check_is_right(const VkMappingCheck *check);

/* char*: what is wrong with the configured mapping; and what no mapping can tell. Borrowed. */
const GPtrArray *vk_mapping_check_wrong(const VkMappingCheck *check);
const GPtrArray *vk_mapping_check_untold(const VkMappingCheck *check);
