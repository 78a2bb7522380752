/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which process owns a lease, and whether that process is gone. Only what is certain counts: the
 * same machine and host name after another boot; or the same boot, host name and namespaces, and a
 * process id that nobody has, or another process than then. Other containers' processes cannot be
 * seen from here, so nothing is known of them. A machine that was copied while it ran has the boot
 * id of the original: the two are told apart by their host names alone. For leases only. Threads:
 * free.
 */
#pragma once

#include "json.h"

#include <glib.h>

/* This process, as JSON. Returns a new reference. */
json_t *vk_lease_owner_describe(void);

typedef enum {
	VK_OWNER_UNKNOWN, /* it may be there or not, here or elsewhere */
	VK_OWNER_HERE,    /* it is a process of this host, and there */
	VK_OWNER_GONE,    /* it was a process of this host */
} VkOwnerState;

/* What is certain of the process that OWNER describes. */
VkOwnerState vk_lease_owner_state(const json_t *owner);
