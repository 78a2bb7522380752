/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The snapshot object: one guest at one instant. In the vault it is JSON (virtkeep-vault(5)
 * gives the members); here it is a struct. Immutable once published. The JSON is parsed with
 * bounds: what does not fit the format is VK_ERROR_DAMAGE.
 */
#pragma once

#include "run.h"

#include <glib.h>
#include <jansson.h>

/* An image, and where its copies lie: in the vault, on an array, or both. */
typedef struct VkImageRecord {
	guint64 size;      /* bytes */
	guint64 allocated; /* bytes in data blocks, at most */
	GPtrArray *runs;   /* VkRun, newest first, at most VK_RUNS_MAX; NULL: not in the vault */
	json_t *array;     /* how the array finds its copy; the vault only keeps it. NULL: none */
	guint64 epoch;     /* not stored: the session's, when it was saved; 0 when loaded */
} VkImageRecord;

/* One saved disk. Strings may be NULL where the member is optional. */
typedef struct VkDiskRecord {
	char *target;
	char *bus;
	char *format;      /* of the original: "raw", "qcow2", ... */
	char *source_type; /* of the original: "file", "block", "volume", "network" */
	char *source;      /* of the original, as shown to people: path or URL */
	guint64 inode;     /* of the original, where it is a local file; else 0 */
	char *mode;        /* "full", "compare", "incremental"; "array": taken there alone */
	char *reason;      /* why that mode, in words */
	char *bitmap;      /* dirty bitmap that a later run may build on; NULL */
	json_t *layout;    /* how the original was made, for the restore; an object, or NULL */
	guint64 read;      /* bytes read from the source */
	guint64 fresh;     /* bytes in blocks that the vault did not have ("new") */
	guint64 stored;    /* bytes that they took, compressed */
	VkImageRecord *image;
} VkDiskRecord;

/* A disk or device that was not saved. */
typedef struct VkSkipRecord {
	char *target;
	char *reason;
} VkSkipRecord;

/* A kernel, an initial RAM disk or a device tree has at most this many bytes. */
#define VK_BOOT_FILE_MAX (256u << 20)

/* Firmware state has at most this many: the largest flash of a machine type that QEMU knows. */
#define VK_FIRMWARE_FILE_MAX (64u << 20)

/* Firmware state and the like, one file each, saved as an image. */
typedef struct VkFileRecord {
	char *name; /* in the view: "nvram.fd", "tpm2-00.permall", "kernel", "initrd", "dtb" */
	char *role; /* "nvram", "tpm" or "boot" */
	char *path; /* of the original */
	guint32 mode;
	VkImageRecord *image;
} VkFileRecord;

/* No chain gets longer. */
#define VK_CHAIN_NUMBER_MAX G_MAXUINT32

typedef struct VkSnapshot {
	char *id;              /* 16 hex digits */
	char *uuid;            /* of the guest, lower case */
	char *name;            /* of the guest at that time */
	char *host;            /* host name */
	char *time;            /* TIME */
	char *group;           /* NULL: alone */
	char *label;           /* "daily", ...: which retention applies to copies on arrays; NULL */
	char *parent;          /* snapshot id, NULL for the first */
	guint64 number;        /* in the chain of the guest: see catalog-chain.h; 0: none */
	char *previous;        /* the snapshot before it in the chain, its id; NULL: not known */
	char *previous_sha256; /* of that one's object, in hex digits */
	char *consistency;     /* "application", "filesystem", "crash", "offline" */
	gboolean incomplete;   /* some of its disks could not be saved; they are in SKIPPED */
	guint64 pause_usec;
	guint64 skew_usec;     /* of its group: from the first to the last point in time */
	guint64 duration_usec; /* from its start until its commit; 0: not known */
	guint64 scratch;       /* bytes of scratch room for what the guest overwrote meanwhile */
	char *checkpoint;      /* of libvirt, at this instant: a later run may build on it; NULL */
	char *checkpoint_xml;  /* to define it again; NULL */
	char *tool;            /* "virtkeep 0.1.0" */
	char *state;           /* of the guest: "running", "paused", "shut off" */
	gboolean persistent;
	gboolean autostart;
	char *domain_xml;   /* inactive definition with security information */
	char *live_xml;     /* of the running guest, NULL when it was off */
	GPtrArray *disks;   /* VkDiskRecord */
	GPtrArray *skipped; /* VkSkipRecord */
	GPtrArray *files;   /* VkFileRecord */
} VkSnapshot;

/* An empty snapshot with its arrays and a new random id. Free with vk_snapshot_free(). */
VkSnapshot *vk_snapshot_new(void);
void vk_snapshot_free(VkSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSnapshot, vk_snapshot_free)

VkDiskRecord *vk_disk_record_new(void);
void vk_disk_record_free(VkDiskRecord *disk);
VkFileRecord *vk_file_record_new(void);
void vk_file_record_free(VkFileRecord *file);
VkSkipRecord *vk_skip_record_new(const char *target, const char *reason);
void vk_skip_record_free(VkSkipRecord *skip);
VkImageRecord *vk_image_record_new(guint64 size); /* in the vault, no runs at first */
/*
 * On an array alone. ALLOCATED is as the array counts it: what exceeds the image's blocks is cut.
 * Takes COPY over.
 */
VkImageRecord *vk_image_record_new_on_array(guint64 size, guint64 allocated, json_t *copy);
void vk_image_record_free(VkImageRecord *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkImageRecord, vk_image_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDiskRecord, vk_disk_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkFileRecord, vk_file_record_free)

/* The hex digits of a snapshot's id, and whether TEXT is one. */
#define VK_SNAPSHOT_ID_LENGTH 16
gboolean vk_is_snapshot_id(const char *text);

/* Whether a file of swtpm has that name: "tpm2-00.permall" and the like. */
gboolean vk_is_tpm_state(const char *name);

/* TRUE for a UUID in lower case, the only form that a vault has. */
gboolean vk_uuid_is_stored_form(const char *text);

/* The disk with that target, or NULL. Borrowed. */
const VkDiskRecord *vk_snapshot_find_disk(const VkSnapshot *snapshot, const char *target);

/* Where the copies are, "reflink, vault". New string. */
char *vk_image_copies_text(const VkImageRecord *image);

/* Whether all its disks have a copy in the vault; whether any has one on an array. */
gboolean vk_snapshot_is_in_vault(const VkSnapshot *snapshot);
gboolean vk_snapshot_is_on_array(const VkSnapshot *snapshot);

/* The consistency, and whether disks are missing, in words: "crash, incomplete". New string. */
char *vk_snapshot_grade(const VkSnapshot *snapshot);

/* "GUEST@TIME". New string. */
char *vk_snapshot_reference(const VkSnapshot *snapshot);

/* The stored form, and back. vk_snapshot_from_json() refuses what is out of bounds. */
json_t *vk_snapshot_to_json(const VkSnapshot *snapshot);
VkSnapshot *vk_snapshot_from_json(const json_t *object, GError **error);

/*
 * The copies that a snapshot got in the vault after it was taken, as an object of its own: stored,
 * and put into SNAPSHOT. A copy that is there already stays.
 */
json_t *vk_snapshot_copies_to_json(const VkSnapshot *snapshot);
gboolean vk_snapshot_add_copies(VkSnapshot *snapshot, const json_t *object, GError **error);

/*
 * The form for programs: {snapshot, guest, uuid, time, group, label, consistency, incomplete,
 * pause_ms, host, id, parent, state, skew_ms, duration_ms, scratch, checkpoint, disks[]: {target,
 * size, mode, reason, read, new, stored, bitmap, format, source, copies[]: "vault" or the array's
 * name}, skipped[]: {target, reason}, files[]: {name, role, size}}. New reference.
 */
json_t *vk_snapshot_to_report(const VkSnapshot *snapshot);
