/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNeed: something that a guest's definition needs on its host, besides the guest's own files.
 * Threads: free.
 */
#pragma once

#include <glib.h>

typedef enum {
	VK_NEED_NETWORK, /* of libvirt; it must be active */
	VK_NEED_BRIDGE,  /* or another network device of the host */
	VK_NEED_POOL,
	VK_NEED_SECRET, /* by uuid or usage */
	VK_NEED_FILE,   /* a program or firmware */
} VkNeedKind;

typedef struct VkNeed {
	VkNeedKind kind;
	char *name;
} VkNeed;

void vk_need_free(VkNeed *need); /* takes NULL */

/* "network 'default'". New string. */
char *vk_need_label(const VkNeed *need);

/* What the definition XML needs, each once. New array of VkNeed, which it owns. */
GPtrArray *vk_needs_of(const char *xml, GError **error);
