/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The leases of all: what a collector, and a doctor, see and do of them. A lease whose first object
 * has gone has ended. Threads: free.
 */
#pragma once

#include "lease.h"
#include "store.h"

#include "json.h"

#include <glib.h>

typedef struct VkLeaseInfo {
	char *id;
	VkLeaseKind kind;
	guint64 beat;       /* the number of the newest */
	gboolean ended;     /* it may be swept; only the next two are known of it then */
	gboolean fenced;    /* somebody suspects it */
	gboolean announces; /* what it is about to delete */
	gboolean has_intent;
	char *host;                  /* nullable, as what follows */
	gint64 pid;                  /* 0: not known */
	char *since;                 /* a TIME */
	char **snapshots;            /* names of snapshot objects that a reader reads; NULL: all */
	gboolean is_local_and_dead;  /* it was of a process of this host, which is gone */
	gboolean is_local_and_alive; /* it is of a process of this host, which is there */
} VkLeaseInfo;

void vk_lease_info_free(VkLeaseInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkLeaseInfo, vk_lease_info_free)

/*
 * All leases, unordered. Who had put a lease before, and has not ended, is among them. One that
 * cannot be read is open and VK_LEASE_UNKNOWN. Returns VkLeaseInfo*, owned by the array.
 */
GPtrArray *vk_leases_list(VkStore *store, GError **error);

/* The ids of all open leases, by one listing: a set of owned strings. */
GHashTable *vk_leases_open(VkStore *store, GError **error);

/* Whether INFO, of an open lease, reads the snapshot whose object is NAME, or may do so. */
gboolean vk_lease_info_reads(const VkLeaseInfo *info, const char *name);

/* Ends the lease of a process that is gone: VK_ERROR_BUSY when that is not certain. */
gboolean vk_lease_end_of_dead(VkStore *store, const VkLeaseInfo *info, GError **error);

/*
 * Puts up a fence against the lease, durably: from now on its owner does not commit, unless its
 * intent is there already. Succeeds if there is one.
 */
gboolean vk_lease_fence(VkStore *store, const char *id, GError **error);

/*
 * What the owner was about to put. Returns a new reference, and the object's name as a new string:
 * a snapshot object's or that of its copies. VK_ERROR_NOT_FOUND when there is no intent.
 */
json_t *vk_lease_load_intent(VkStore *store, const char *id, char **ret_name, GError **error);
