/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which process owns a lease, and whether that process is gone. Only what is certain counts: the
 * same host after another boot; or the same boot and a process id that nobody has, or another
 * process than then. Other containers' processes cannot be seen from here, so they are never gone.
 * For leases only. Threads: free.
 */
#pragma once

#include "json.h"

#include <glib.h>

/* This process, as JSON. Returns a new reference. */
json_t *vk_lease_owner_describe(void);

/* Whether the process that OWNER describes was one of this host and is gone. */
gboolean vk_lease_owner_is_gone(const json_t *owner);
