/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest's definition takes for granted on its host, besides the guest's own files.
 */
#pragma once

#include "host.h"

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

/*
 * Whether HOST, this machine, has it. *RET_LACK is NULL when it does, else what is wrong: "does not
 * exist", "is not active". Static string. Threads: free.
 */
gboolean vk_host_check_need(VkHost *host, const VkNeed *need, const char **ret_lack,
			    GError **error);
