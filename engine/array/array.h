/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkArrays: storage that takes snapshots by itself, in a time that does not depend on bytes. Each
 * sort of storage has a driver (array-driver.h). Jobs, the mount and the restore see this
 * interface. Words:
 *
 *   layer   one image of a disk: the first, or a backing file behind it
 *   volume  where layers lie; some storage snapshots it as a whole
 *   copy    a disk within array snapshots: a JSON object that the vault keeps for the driver
 *
 * Threads: free, but for new and free.
 */
#pragma once

#include "copy-reader.h"
#include "log.h"
#include "settings.h"
#include "source.h"

#include <glib.h>
#include <jansson.h>

typedef struct VkArrays VkArrays;

/* They are made in array-drivers.h. */
void vk_arrays_free(VkArrays *arrays);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkArrays, vk_arrays_free)

/* Whether any of them snapshots whole volumes, so that guests may have to be held together. */
gboolean vk_arrays_have_volumes(const VkArrays *arrays);

/*
 * An image: a file or device that the host opens by its path, or one in a pool, which the storage
 * alone opens.
 */
typedef struct VkArrayLayer {
	char *path;         /* NULL: it is in a pool */
	char *pool, *image; /* else both are NULL */
	char *format;       /* QEMU's name for it */
} VkArrayLayer;

VkArrayLayer *vk_array_layer_new(const char *path, const char *format);
VkArrayLayer *vk_array_layer_new_in_pool(const char *pool, const char *image, const char *format);
void vk_array_layer_free(VkArrayLayer *layer);

/* A disk that lies on an array, and where. */
typedef struct VkArrayDisk VkArrayDisk;

/*
 * Finds the array of a disk whose LAYERS (VkArrayLayer, the image first) are borrowed for the call.
 * VK_ERROR_FAILED says why none can snapshot it.
 */
VkArrayDisk *vk_arrays_probe(VkArrays *arrays, const GPtrArray *layers, GError **error);
void vk_array_disk_free(VkArrayDisk *disk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkArrayDisk, vk_array_disk_free)

/*
 * The names (char*) of the volumes that a snapshot of the disk includes. Guests that share one have
 * to be held together. Borrowed; empty when the disk can be taken alone.
 */
const GPtrArray *vk_array_disk_volumes(const VkArrayDisk *disk);

/*
 * What the disk of COPY holds. Its array is read, or else a replica on another array that the host
 * has mounted.
 */
VkSource *vk_arrays_open(VkArrays *arrays, const json_t *copy, GError **error);

/*
 * The same as an image, which all share that have it open at a time. Its fd is set if a plain file
 * holds the disk.
 */
VkImage *vk_arrays_open_image(VkArrays *arrays, const json_t *copy, GError **error);

/* The reader by which a vault reads its copies on ARRAYS, which must outlive it. */
VkCopyReader vk_arrays_reader(VkArrays *arrays);

/*
 * FALSE only when it is known that no array of the configuration has a replica of COPY.
 */
gboolean vk_arrays_may_have_replica(VkArrays *arrays, const json_t *copy);

/* Whether the array still has COPY. FALSE with an error when that cannot be known. */
gboolean vk_arrays_has(VkArrays *arrays, const json_t *copy, gboolean *ret, GError **error);

/* How much room the copy needs on the array, at most; bytes. */
guint64 vk_arrays_allocated(VkArrays *arrays, const json_t *copy);

/* How it was taken, in words. New string. */
char *vk_arrays_reason(VkArrays *arrays, const json_t *copy);

/* The layers of a copy, the image first. Returns VkArrayLayer with the paths of the originals. */
GPtrArray *vk_arrays_layers(VkArrays *arrays, const json_t *copy, GError **error);

/* Whether the original of LAYER is still the one that was taken, unchanged. */
gboolean vk_arrays_layer_unchanged(VkArrays *arrays, const json_t *copy, guint layer);

/* Whether the layer can be cloned to PLACE: a directory, or a device. Changes nothing. */
gboolean vk_arrays_can_clone(VkArrays *arrays, const json_t *copy, guint layer, const char *place);

/*
 * Brings the layer back into the existing empty file PATH, in O(1). The file may get another inode.
 * If PATH is the device that was taken, it is overwritten in place. *RET_DONE is FALSE when PATH is
 * out of the storage's reach: then the layer has to be copied.
 */
gboolean vk_arrays_clone(VkArrays *arrays, const json_t *copy, guint layer, const char *path,
			 gboolean *ret_done, GError **error);

/* An array snapshot as a whole: it is removed at once. */
typedef struct VkArraySnapshot {
	char *array;          /* its name in the configuration, or "reflink" */
	const char *kind;     /* for people: "array snapshot", or what else was left; static */
	char *title;          /* for people */
	json_t *handle;       /* what the driver knows it by */
	char *id;             /* of the guest's snapshot; NULL when several share it */
	gint64 time;          /* of one that several share, seconds since 1970; else 0 */
	gboolean is_unlisted; /* it has the mark of one whose snapshot is not listed */
} VkArraySnapshot;

void vk_array_snapshot_free(VkArraySnapshot *snapshot);

/* The array snapshots that COPY lies in. Returns VkArraySnapshot*, owned by the array. */
GPtrArray *vk_arrays_snapshots_of(VkArrays *arrays, const json_t *copy, GError **error);

/*
 * The array snapshots of the vault on the volumes of DISK that belong to the guest UUID, or may do
 * so; and the leftovers of killed runs there.
 */
GPtrArray *vk_arrays_list(VkArrays *arrays, const VkArrayDisk *disk, const char *vault_id,
			  const char *uuid, GError **error);

/* Succeeds if it is gone already. */
gboolean vk_arrays_remove(VkArrays *arrays, const VkArraySnapshot *snapshot, GError **error);

/* How a volume is replicated to another array. Strings are nullable but for the first two. */
typedef struct VkReplication {
	char *array;  /* of the volume, by its name in the configuration */
	char *source; /* the volume */
	char *destination;
	char *at;             /* the array of the destination, if it is in the configuration */
	char *kind, *state;   /* "mirror", "vault", ...; in the array's words */
	gboolean is_healthy;  /* as the array sees it */
	char *reason;         /* why it is not */
	gint64 lag;           /* seconds; negative: unknown */
	char *transfer_state; /* of the last transfer, in the array's words */
	char *transfer_end;   /* ISO 8601 */
	guint64 transfer_bytes;
	char *exported;       /* the snapshot that readers of the destination see */
	GPtrArray *snapshots; /* char*: virtkeep's snapshots at the destination, oldest first */
	char *advice;         /* without a destination: the command that makes one */
} VkReplication;

void vk_replication_free(VkReplication *replication);

/*
 * How the volumes of COPY are replicated. A volume that is not replicated has an entry with advice.
 * An array that does not answer has an entry with the reason. Returns VkReplication; empty for
 * storage that does not replicate.
 */
GPtrArray *vk_arrays_replications(VkArrays *arrays, const json_t *copy, GError **error);

/*
 * Has the snapshots that COPY lies in transferred along all relationships, and waits WAIT_SEC for
 * that (0: not at all). VK_ERROR_BUSY when it takes longer, VK_ERROR_NOT_FOUND when a volume is not
 * replicated. The wait ends on vk_interrupted().
 */
gboolean vk_arrays_replicate(VkArrays *arrays, const json_t *copy, guint wait_sec, GError **error);

/*
 * Marks the array snapshot as unlisted, or removes that mark because its snapshot is listed now.
 * VK_ERROR_NOT_FOUND when the array does not have it any more.
 */
gboolean vk_arrays_set_listed(VkArrays *arrays, const VkArraySnapshot *snapshot, gboolean listed,
			      GError **error);
