/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver is: the implementation behind array.h. For drivers and for the table of them.
 * Drivers embed the structs below as the first member of theirs.
 */
#pragma once

#include "array.h"

#include <glib.h>

#define VK_ARRAY_VAULT_DIGITS 8  /* of the vault's id, in names */
#define VK_ARRAY_LAYERS_MAX   64 /* of a disk */

typedef struct VkArray VkArray;
typedef struct VkSetPart VkSetPart;

/* A disk of a guest in a set, which owns it. */
typedef struct VkSetDisk {
	const char *uuid, *id; /* of the guest, and of its snapshot; borrowed */
	char *target;
	VkArrayDisk *disk;
	GError *trouble; /* why it could not be taken, while others could */
} VkSetDisk;

typedef struct VkArrayOps {
	/* VK_ERROR_NOT_FOUND when LAYERS do not lie on the array: another one is asked. */
	VkArrayDisk *(*probe)(VkArray *array, const GPtrArray *layers, GError **error);
	void (*disk_free)(VkArrayDisk *disk);

	/*
	 * A driver's part of a set. The steps are described in snapshot-set.h. DISKS: VkSetDisk,
	 * borrowed. What concerns one disk alone does not fail a step: it is the disk's trouble,
	 * and later steps skip the disk.
	 */
	VkSetPart *(*prepare)(VkArray *array, const char *vault_id, const char *label,
			      const GPtrArray *disks, GError **error);
	/*
	 * MEMBERS: the uuids of the guests that are held until DEADLINE (monotonic, microseconds).
	 */
	gboolean (*snap)(VkSetPart *part, GHashTable *members, gint64 deadline, GError **error);
	gboolean (*settle)(VkSetPart *part, GError **error);
	json_t *(*copy)(VkSetPart *part, const VkSetDisk *disk);
	gboolean (*keep)(VkSetPart *part, const char *uuid, GError **error);
	void (*leave)(VkSetPart *part, const char *uuid);
	void (*part_free)(VkSetPart *part);

	/*
	 * As in array.h. COPY and the handles are this array's. *RET_FILE is -1 before. It becomes
	 * a new descriptor of the file that the source reads, if the file holds just what the disk
	 * does.
	 */
	VkSource *(*open)(VkArray *array, const json_t *copy, int *ret_file, GError **error);
	gboolean (*has)(VkArray *array, const json_t *copy, gboolean *ret, GError **error);
	guint64 (*allocated)(VkArray *array, const json_t *copy);
	char *(*reason)(VkArray *array, const json_t *copy);
	GPtrArray *(*layers)(VkArray *array, const json_t *copy, GError **error);
	gboolean (*layer_unchanged)(VkArray *array, const json_t *copy, guint layer);
	gboolean (*can_clone)(VkArray *array, const json_t *copy, guint layer,
			      const char *directory);
	gboolean (*clone)(VkArray *array, const json_t *copy, guint layer, const char *path,
			  gboolean *ret_done, GError **error);
	GPtrArray *(*snapshots_of)(VkArray *array, const json_t *copy, GError **error);
	GPtrArray *(*list)(VkArray *array, const VkArrayDisk *disk, const char *vault_id,
			   const char *uuid, GError **error);
	gboolean (*remove)(VkArray *array, const json_t *handle, GError **error);
	gboolean (*set_listed)(VkArray *array, const json_t *handle, gboolean listed,
			       GError **error);

	/*
	 * NULL if the driver does not replicate. ARRAYS: all VkArray of the configuration,
	 * borrowed.
	 */
	GPtrArray *(*replications)(VkArray *array, const GPtrArray *arrays, const json_t *copy,
				   GError **error);
	gboolean (*replicate)(VkArray *array, const GPtrArray *arrays, const json_t *copy,
			      guint wait_sec, GError **error);
	/* The copy as another array has it. VK_ERROR_NOT_FOUND when it is known that none does. */
	json_t *(*replica)(VkArray *array, const GPtrArray *arrays, const json_t *copy,
			   GError **error);

	void (*free)(VkArray *array);
} VkArrayOps;

/* What has to be known of a driver before one of its operations is called. */
typedef enum {
	/* It snapshots whole volumes: guests that share one are held together. */
	VK_ARRAY_SNAPS_VOLUMES = 1 << 0,
	/*
	 * It is there without a section, by the name of the driver, and finds its disks by a trial.
	 */
	VK_ARRAY_IS_BUILT_IN = 1 << 1,
	/* It is asked for disks whose layers have paths. */
	VK_ARRAY_PROBES_PATHS = 1 << 2,
	/* It is asked for disks whose layers are in pools. */
	VK_ARRAY_PROBES_POOLS = 1 << 3,
} VkArrayCapabilities;

typedef struct VkArrayDriver {
	const char *name; /* as "driver" of a section [array NAME] says it */
	/*
	 * The array of that section; all is borrowed, SETTINGS and WARN (of array.h) until the
	 * free. Contacts nothing.
	 */
	VkArray *(*create)(const VkSettings *settings, const char *name, VkWarn warn,
			   GError **error);
	VkArrayCapabilities capabilities;
} VkArrayDriver;

/*
 * The arrays of the sections [array NAME] of SETTINGS, and those of built-in drivers. DRIVERS,
 * which end with NULL, are borrowed for good. VK_ERROR_USAGE for a section whose driver is not one
 * of them.
 */
VkArrays *vk_arrays_new_of(const VkArrayDriver *const *drivers, const VkSettings *settings,
			   VkWarn warn, GError **error);

struct VkArray {
	const VkArrayDriver *driver; /* set by array.c */
	const VkArrayOps *ops;
	char *name;
	/*
	 * Only for array-copy.c: it did not answer, and readers do not ask it until then;
	 * monotonic.
	 */
	_Atomic gint64 silent_until;
};

struct VkArrayDisk {
	VkArray *array;
	GPtrArray *volumes; /* char* */
};

struct VkSetPart {
	VkArray *array;
};

/* How many layers COPY has; 0 when it has none or too many. */
guint vk_array_count_layers(const json_t *copy);

/* A new snapshot of ARRAY. Takes HANDLE over; the strings are copied. */
VkArraySnapshot *vk_array_snapshot_new(const VkArray *array, const char *title, json_t *handle,
				       const char *id);

/*
 * For the operation "open": the source of the raw file FD, which it takes over, even when it fails.
 */
VkSource *vk_array_open_file(int fd, const char *path, int *ret_file, GError **error);
