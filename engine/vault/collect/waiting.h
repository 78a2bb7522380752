/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWaiting: leases that a collector waits for, and for how long they have shown no sign of life,
 * by the collector's own clock. Threads: one at a time.
 */
#pragma once

#include "lease-list.h"

#include <glib.h>

typedef struct VkWaiting VkWaiting;

/* A lease that beats is suspected SUSPECT_USEC after its last new beat. */
VkWaiting *vk_waiting_new(gint64 suspect_usec);
void vk_waiting_free(VkWaiting *waiting); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkWaiting, vk_waiting_free)

/* Waits for this one from now on. */
void vk_waiting_add(VkWaiting *waiting, const VkLeaseInfo *lease);

/* No more for this one. */
void vk_waiting_drop(VkWaiting *waiting, const char *id);

guint vk_waiting_count(const VkWaiting *waiting);

/*
 * Looks at LEASES, a new listing: those that ended, or are not there, are waited for no more.
 * Returns the id of a suspect, borrowed from LEASES; NULL when there is none.
 */
const char *vk_waiting_look(VkWaiting *waiting, const GPtrArray *leases);

/*
 * Who is waited for, in words: the host that has been at work for longest by LEASES, a listing, and
 * how many others. New string; NULL: nobody of them.
 */
char *vk_waiting_describe(const VkWaiting *waiting, const GPtrArray *leases);

/* Whether any lease has beaten since it was added. */
gboolean vk_waiting_saw_life(const VkWaiting *waiting);
