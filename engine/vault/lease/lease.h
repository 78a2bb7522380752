/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkLease: says in the vault that this process works on it. tests/model/README.md says what the
 * others make of that. A lease is open until it ends, however long that takes; a process that dies
 * leaves it open. While a writer or a collector works, its lease beats: a new object each two
 * minutes shows that the process is there. Nobody suspects readers, so theirs do not beat.
 * Threads: one caller at a time.
 */
#pragma once

#include "store.h"

#include "json.h"

#include <glib.h>

typedef enum {
	VK_LEASE_UNKNOWN, /* of others only: it cannot be read, so it may be any of these */
	VK_LEASE_WRITE,
	VK_LEASE_READ,
	VK_LEASE_COLLECT,
} VkLeaseKind;

typedef struct VkLease VkLease;

/*
 * Begins a lease. SNAPSHOTS are the names of the snapshot objects that are going to be read, for
 * VK_LEASE_READ; NULL means all. They are copied. STORE is borrowed and must outlive the lease.
 */
VkLease *vk_lease_begin(VkStore *store, VkLeaseKind kind, const char *const *snapshots,
			GError **error);

/* Whether TEXT may be the id of a lease. */
gboolean vk_lease_is_id(const char *text);

/* 32 hex digits; borrowed. */
const char *vk_lease_id(const VkLease *lease);

/*
 * Puts the intent of a writer durably: OBJECT, which is going to be put as NAME. Once for a lease.
 */
gboolean vk_lease_put_intent(VkLease *lease, const char *name, json_t *object, GError **error);

/*
 * Looks in the vault whether somebody has put up a fence against this lease, or has ended it as if
 * its owner were dead.
 */
gboolean vk_lease_is_fenced(VkLease *lease, gboolean *ret, GError **error);

/* Whether something of other leases was there when that was looked for last. */
gboolean vk_lease_has_company(const VkLease *lease);

/*
 * Ends the lease, removes its objects and frees it. Takes NULL. What cannot be removed is left to
 * others. If the end cannot be put, the lease stays open, which does no harm.
 */
void vk_lease_end(VkLease *lease);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkLease, vk_lease_end)

/* Frees it and leaves it open, for what it was about to put may appear later. */
void vk_lease_leave_open(VkLease *lease);
