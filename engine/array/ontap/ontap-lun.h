/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LUNs: raw multipath devices as guests' disks. Only for the ONTAP driver. Threads: free. */
#pragma once

#include "ontap-layer.h"

#include <glib.h>
#include <sys/stat.h>

/* The root of sysfs. */
const char *vk_ontap_sysfs(void);

/* Whether the path, without symbolic links, is a device. */
gboolean vk_ontap_is_device(const char *resolved, const struct stat *info);

/*
 * Finds the LUN of a device, which has to agree with the host twice: by serial number and by size.
 * VK_ERROR_NOT_FOUND when it is not on this array.
 */
gboolean vk_ontap_locate_lun(VkOntap *ontap, const char *resolved, VkOntapPlace *ret,
			     GError **error);

/* The host's device of the LUN with SERIAL, if it is there. New string. */
char *vk_ontap_find_device(const char *serial);

/* The names of the devices that lead to a multipath DEVICE. Returns char*. */
GPtrArray *vk_ontap_paths(const char *device);

/* Has the host look for new devices. */
void vk_ontap_scan_hosts(void);

/* Takes a multipath device away before its paths go: the host would wait for them. Best effort. */
void vk_ontap_forget_device(const char *path);

/*
 * A source of LAYER, a LUN: it reads a clone from the snapshot, which is mapped to the host while
 * the source is open. Leftovers of killed processes are removed first.
 */
VkSource *vk_ontap_open_lun(VkOntap *ontap, const VkOntapStored *layer, GError **error);

/* The member that only the handle of a clone of a LUN has. */
#define VK_ONTAP_CLONE "clone"

/*
 * Adds the clones that are leftovers of killed processes of this host to FOUND (VkArraySnapshot).
 */
gboolean vk_ontap_list_clones(VkOntap *ontap, const char *svm, const char *volume_name,
			      GPtrArray *found, GError **error);
/* Removes one of these by its handle. Succeeds if it is gone already, or in use. */
gboolean vk_ontap_remove_clone(VkOntap *ontap, const json_t *handle, GError **error);

/* Overwrites the LUN in place with LAYER: it stays mapped, and keeps its serial number. */
gboolean vk_ontap_restore_lun(VkOntap *ontap, const VkOntapStored *layer, GError **error);
