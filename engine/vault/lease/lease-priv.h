/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The objects of leases. ID is 32 hex digits.
 *
 *   leases/<id>.0       the lease: VkLeaseKind, its owner, what it reads. It stays until the end
 *   leases/<id>.<n>     the newest beat. Nobody reads what is in it
 *   leases/<id>.commit  the intent of a writer
 *   leases/<id>.end     the lease has ended. Nobody reads what is in it
 *   fence/<id>.0        an order to the owner. Nobody reads what is in it
 *   gc/<id>             the announcement of a collector
 *
 * A beat replaces the one before, but never the lease itself: a listing that is under way meanwhile
 * may show neither of the two.
 *
 * What has to be durable: an intent and a fence, whole and by their names, before what follows
 * them. A fence that a power cut of the vault's own host takes back would let a writer elsewhere
 * commit, whose packs are gone. The intent is what a collector reads instead of waiting. The lease
 * has to be whole, for what cannot be read counts as anybody's. Its name has not, nor have a beat
 * and the end: a power cut that takes them back has ended the owner as well, or leaves a lease open
 * that the next run ends. The end by a person's word has to be, for no run would end that lease.
 */
#pragma once

#include "lease.h"

#include <glib.h>

#define VK_LEASE_BEGIN  "0"
#define VK_LEASE_COMMIT "commit"
#define VK_LEASE_END    "end"

/* "leases/<id>.<part>", "fence/<id>.0", "gc/<id>". New strings. */
char *vk_lease_object(const char *id, const char *part);
char *vk_lease_fence_object(const char *id);
char *vk_lease_announcement_object(const char *id);

/*
 * Splits "<id>.<part>"; *RET_PART is borrowed. FALSE for names of other forms. Returns a new id by
 * reference.
 */
gboolean vk_lease_parse_name(const char *name, char **ret_id, const char **ret_part);

/* Whether PART is a beat's, the lease itself being beat 0. */
gboolean vk_lease_parse_beat(const char *part, guint64 *ret_beat);

/* The word in JSON for KIND. Static. */
const char *vk_lease_kind_word(VkLeaseKind kind);

/* The kind that a lease's JSON says; VK_LEASE_UNKNOWN for what it should not. */
VkLeaseKind vk_lease_parse_kind(const json_t *lease);

/* Puts the end of a lease. Succeeds if it is there. */
gboolean vk_lease_put_end(VkStore *store, const char *id, GError **error);

/* The same, durably. */
gboolean vk_lease_put_end_now(VkStore *store, const char *id, GError **error);

/*
 * The marks on snapshots that carry the id: names of objects, owned by the array. Lists all guests.
 */
GPtrArray *vk_lease_find_marks(VkStore *store, const char *id, GError **error);

/* Puts the next beat, and removes the one before. For the lease's own thread, and for tests. */
void vk_lease_beat(VkLease *lease);
