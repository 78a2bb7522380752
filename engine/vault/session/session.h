/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSession: a writer of one vault. Images are saved by share-nothing workers, each with its own
 * open pack; a snapshot appears by the commit and not before. One session may commit any number
 * of snapshots, each before the images of the next are saved. A session has a lease in the vault,
 * so that no garbage collection removes what it refers to. Memory is bounded by the workers, not by
 * the disks. Threads: one caller at a time; a vault may have any number of sessions at once, which
 * find each other's blocks.
 */
#pragma once

#include "snapshot.h"
#include "source.h"
#include "vault.h"

#include "progress.h"
#include "rate-limit.h"

#include <glib.h>

typedef struct VkSession VkSession;

/* A block as another vault has it stored. BYTES are borrowed from the reader. */
typedef struct VkStoredBlock {
	const void *bytes; /* unsealed */
	gsize length;
	guint8 compression;
} VkStoredBlock;

/*
 * What is known of the blocks of a source that is an image of another vault: they need not be
 * compressed again, and those whose ids the vault knows need not be read.
 */
typedef struct VkStoredCalls {
	/* The ids of COUNT blocks from FIRST on, which are all data. NULL: the other vault makes
	   ids in another way. */
	gboolean (*identify)(VkSourceReader *reader, guint32 first, guint32 count, VkBlockId *ret,
			     GError **error);
	/* BLOCK of the read that was completed last, until the next one is submitted. FALSE: it is
	   not known how it is stored. */
	gboolean (*find)(VkSourceReader *reader, guint32 block, VkStoredBlock *ret);
} VkStoredCalls;

typedef struct VkSaveStats {
	guint64 read;            /* bytes read from the source */
	guint64 fresh;           /* bytes of blocks that the vault did not have */
	guint64 stored;          /* bytes that they take in the packs */
	gboolean parent_damaged; /* the parent's map was damaged: everything was saved again, or
				    must be, without the changes that the source knows */
	gboolean was_cut;        /* the disk was made smaller and larger again, and has to be saved
				    without the changes that the source knows */
} VkSaveStats;

/* WORKERS 0 means one for each core. The vault must be open for writing and outlive the session. */
VkSession *vk_session_new(VkVault *vault, guint workers, GError **error);

/*
 * Checks that PARENT (nullable), whose images are going to be the parents of those to be saved, is
 * still listed. Unless a collector takes the session for dead, it stays readable until the commit.
 * To be called before the first save of each snapshot. VK_ERROR_BUSY: it was forgotten at this
 * moment.
 */
gboolean vk_session_check_parent(VkSession *session, const VkSnapshot *parent, GError **error);

/* Reads sources no faster than LIMIT (borrowed, nullable) allows, which sessions may share. */
void vk_session_set_limit(VkSession *session, VkRateLimit *limit);

/*
 * Opens the hints, and what is known to be damaged, unless that is done: a backup in which no block
 * has changed needs neither. Without hints all packs are looked at. A save does it before it looks
 * for its first block; who knows that it will may do it while nothing waits. Threads: free.
 * VK_ERROR_INTERRUPTED.
 */
gboolean vk_session_open_finders(VkSession *session, GError **error);

/*
 * Drops what was not committed: open packs vanish, finished ones stay, so the next try finds their
 * blocks. Takes NULL.
 */
void vk_session_free(VkSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSession, vk_session_free)

/*
 * Saves everything SOURCE has. With PARENT (nullable) unchanged blocks are not stored again, and
 * the map gets no entries for them. A source that knows its changes needs a PARENT of its size.
 * Then only the changes are read from the source, and from the parent's map only the runs that are
 * merged now and then. When it fails with a damaged parent, the source has to be opened without its
 * changes. STATS is added to. PROGRESS (nullable) awaits the source: see vk_progress_await(). Stops
 * on vk_interrupted().
 *
 * When a pack cannot be written, the images saved since the last commit are lost with it: the
 * commit refuses them. It refuses images that were saved before another commit as well. The session
 * itself can go on with another guest.
 */
VkImageRecord *vk_session_save(VkSession *session, VkSource *source, const VkImageRecord *parent,
			       VkSaveStats *stats, VkProgress *progress, GError **error);

/*
 * The same of an image of another vault. CALLS (nullable) are asked for what is known of its
 * blocks. PARENT is for a source that knows its changes.
 */
VkImageRecord *vk_session_save_stored(VkSession *session, VkSource *source,
				      const VkStoredCalls *calls, const VkImageRecord *parent,
				      VkSaveStats *stats, VkProgress *progress, GError **error);

/*
 * Makes SNAPSHOT appear: packs and their directories are durable first, then the object. Sets its
 * parent, the newest snapshot of its guest, and its time: the first free second at or after its
 * present time. Snapshots of the guest that are at most some seconds ahead come before it. On
 * failure nothing is listed, and the images have to be saved again. VK_ERROR_BUSY: somebody took
 * the session for dead.
 */
gboolean vk_session_commit(VkSession *session, VkSnapshot *snapshot, GError **error);

/*
 * The same for a snapshot of another vault: it keeps its time and its parent. VK_ERROR_EXISTS when
 * it is there already, or when another one of its guest has its time.
 */
gboolean vk_session_commit_replica(VkSession *session, VkSnapshot *snapshot, GError **error);

/*
 * Publishes the copies in the vault that a listed SNAPSHOT, which had none, has got by
 * vk_session_save(). VK_ERROR_EXISTS when another process has done that meanwhile; VK_ERROR_BUSY as
 * vk_session_commit().
 */
gboolean vk_session_commit_copies(VkSession *session, const VkSnapshot *snapshot, GError **error);
