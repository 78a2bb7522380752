/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * KVM_VM_MAPPING in Snap Creator's form, "GUEST:CONTROLLER:/PATH;GUEST:CONTROLLER:/PATH;...": where
 * the disks of the guests lie. A controller that is an address of IPv6 stands in brackets. Threads:
 * free.
 */
#pragma once

#include <glib.h>

typedef struct VkMapping {
	char *guest, *controller, *path;
} VkMapping;

/* Copies all three. */
VkMapping *vk_mapping_new(const char *guest, const char *controller, const char *path);
void vk_mapping_free(VkMapping *entry);

/* Returns VkMapping*, owned by the array. VK_ERROR_USAGE names the entry that is not one. */
GPtrArray *vk_mappings_parse(const char *text, GError **error);

/* The inverse. New string. */
char *vk_mappings_format(const GPtrArray *entries);

/* FALSE for names that the form cannot hold, for example with a semicolon. */
gboolean vk_mapping_is_writable(const VkMapping *entry);
