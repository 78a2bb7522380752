/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of VkSession, shared by session.c, session-lease.c, save.c, save-span.c,
 * find-block.c and commit.c.
 */
#pragma once

#include "announcement.h"
#include "codec.h"
#include "hasher.h"
#include "healer.h"
#include "hints.h"
#include "lease.h"
#include "map.h"
#include "pack-writer.h"
#include "session.h"
#include "vault-parts.h"

#include <stdatomic.h>

/* What one worker has for itself. */
typedef struct VkWorker {
	VkSession *session;
	VkPackWriter *pack;
	VkHasher *hasher;
	VkCodec *codec;
	guint8 *buffers[VK_SOURCE_DEPTH]; /* VK_SOURCE_READ_MAX each */
	/* The last hint that was right: the next block is likely to follow it. */
	VkPackTable *followed;
	guint32 followed_slot;
	VkSaveStats stats;
	gint64 allocated; /* by how much the image's allocated bytes change */
} VkWorker;

struct VkSession {
	VkVault *vault;
	VkPackId id;
	GMutex finders_mutex;
	gint has_finders;   /* set by one worker under the mutex: the next two are set for good */
	VkHints *hints;     /* NULL before; atomic: threads that send packs do not ask before */
	VkHealer *healer;   /* NULL: nothing is known to be damaged */
	VkRateLimit *limit; /* of reading; nullable */
	guint n_workers;
	VkWorker *workers;
	VkPackWriter *map_pack; /* map pages that do not fit behind the data; NULL until needed */
	VkHasher *hasher;       /* for map pages */
	VkCodec *codec;         /* the same */
	guint32 images;
	/* Goes up when a pack is lost, and with each lease. Records of an older epoch may refer to
	   what is gone. */
	_Atomic guint64 epoch;
	_Atomic guint packs;       /* that are in the vault */
	guint packs_per_hints;     /* after so many the hints are written */
	VkLease *lease;            /* NULL: a new one is due */
	guint64 lease_epoch;       /* the epoch that it began */
	VkAnnouncement *condemned; /* as the lease began */
	GMutex seen_mutex;
	GHashTable *seen; /* name of a pack's object -> whether it is there; under the mutex */
};

/* What the workers share while they save one image. Constant but for the atomic. */
typedef struct VkSave {
	VkSession *session;
	VkSource *source;
	const VkStoredCalls *stored; /* NULL: nothing is known of its blocks */
	VkMap *parent;               /* NULL: none, or not to be read */
	guint32 parent_blocks;
	gboolean inherit;     /* the new run lies above the parent's: equal blocks are not named */
	gboolean incremental; /* the source knows its changes: the parent's map is not read */
	guint32 image;        /* its number within the session */
	VkProgress *progress;
	_Atomic int parent_damaged;
} VkSave;

/* Begins a lease unless the session has one. No worker runs meanwhile. */
gboolean vk_session_ensure_lease(VkSession *session, GError **error);

/* Ends it, if there is one. */
void vk_session_end_lease(VkSession *session);

/*
 * Whether a slot that is neither the parent's nor the session's own may be referred to: it is not
 * condemned, and its pack was seen in the vault since the lease began.
 */
gboolean vk_session_may_refer(VkSession *session, const VkPackTable *table, guint32 slot);

/* Fails when somebody took the session for dead: a collector, or who ended its lease. */
gboolean vk_session_check_fence(VkSession *session, GError **error);

/* Waits for all packs under way. If one is lost, only the epoch says so. */
void vk_session_settle(VkSession *session);

/* Puts all open packs into the vault. Their names are durable after a sync. Settles on failure. */
gboolean vk_session_put_packs(VkSession *session, GError **error);

/*
 * Writes the hints of the session into the vault, if that can be. Hints at packs of a failed save
 * are kept as well: the next try finds their blocks.
 */
void vk_session_commit_hints(VkSession *session);

/* A VkSegmentFunc on a VkSession. */
gboolean vk_session_store_segment(gpointer session, const GPtrArray *slots, gboolean last,
				  VkPackId *ret_pack, guint32 *ret_slot, GError **error);

/*
 * Whether the address holds a block of that id. A pack whose table cannot be read does not: the
 * block is then stored again. Hints may name a pack before its writer has flushed its name, so what
 * refers to a pack adopts it.
 */
gboolean vk_worker_address_has_id(VkWorker *worker, const VkPackId *pack, guint32 slot,
				  const VkBlockId *id);

/* Looks for the block in the vault and in the worker's own packs. */
gboolean vk_worker_find_block(VkWorker *worker, const VkBlockId *id, VkPackId *ret_pack,
			      guint32 *ret_slot);

/* Saves COUNT blocks from FIRST on; appends their VkExtents to EXTENTS. */
gboolean vk_span_save(VkSave *save, VkWorker *worker, VkSourceReader *reader, guint32 first,
		      guint32 count, GArray *extents, GError **error);
