/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the ONTAP driver share. */
#pragma once

#include "array-driver.h"
#include "mounts.h"
#include "ontap-rest.h"

#include <glib.h>
#include <jansson.h>
#include <sys/stat.h>

/* How often a change is tried when the array does not say whether it was done. */
#define VK_ONTAP_TRIES 3

#define VK_ONTAP_NAME_PREFIX "virtkeep_"

/* Lists that hardly ever change (ontap-lists.c). */
typedef struct VkOntapLists VkOntapLists;

VkOntapLists *vk_ontap_lists_new(void);
void vk_ontap_lists_free(VkOntapLists *lists);

typedef struct VkOntap {
	VkArray base;
	VkOntapRest *rest;
	VkOntapLists *lists;
	VkWarn warn;
	char *svm; /* the only one that is looked at; nullable */
	char *run_dir;
	gint64 stale_sec; /* an older consistency group is the leftover of a killed run */
} VkOntap;

/* Where something lies on the array, and how the host reaches its snapshots. */
typedef struct VkOntapPlace {
	char *svm, *volume_name, *volume; /* the latter is the uuid */
	char *path;                       /* within the volume, without a slash at its beginning */
	char *root;                       /* of a file: the host's directory with .snapshot */
	char *below;                      /* and the path from there */
	char *lun;                        /* of a LUN: its uuid; NULL for files */
	guint64 size;                     /* and its size; bytes */
} VkOntapPlace;

/* How old a list may be. */
#define VK_ONTAP_KNOWN_SEC 300

/*
 * The list of URL. The array is asked if the list is unknown or older than OLDEST_SEC. New
 * reference; do not change it. Errors: see vk_ontap_list(). Threads: free.
 */
json_t *vk_ontap_known_list(VkOntap *ontap, const char *url, guint oldest_sec, GError **error);

/* To be called after a change of something in these lists. */
void vk_ontap_forget_lists(VkOntap *ontap);

/* The volumes that have a junction in SVM. As vk_ontap_known_list(). */
json_t *vk_ontap_name_space(VkOntap *ontap, const char *svm, GError **error);

typedef struct VkOntapLayer {
	char *original; /* a file's has no symbolic links */
	char *format;
	VkOntapPlace place;
} VkOntapLayer;

typedef struct VkOntapDisk {
	VkArrayDisk base;
	GPtrArray *layers; /* VkOntapLayer */
} VkOntapDisk;

/* Whether a volume (a record) can be snapshotted. */
gboolean vk_ontap_check_volume(const json_t *volume, GError **error);

/*
 * Finds the file or directory PATH, which is resolved. VK_ERROR_NOT_FOUND when it is not on this
 * array.
 */
gboolean vk_ontap_locate(VkOntap *ontap, const char *path, VkOntapPlace *ret, GError **error);
void vk_ontap_place_clear(VkOntapPlace *place);

/* The SVM that has one of the addresses of HOST. New string. VK_ERROR_NOT_FOUND when none has. */
char *vk_ontap_find_svm(VkOntap *ontap, const char *host, GError **error);

/* The mounts of this host. */
VkMounts *vk_ontap_load_mounts(GError **error);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkOntapPlace, vk_ontap_place_clear)

/* Everything that virtkeep made on the array (ontap-remove.c). */
GPtrArray *vk_ontap_list_snapshots(VkArray *array, const VkArrayDisk *disk, const char *vault_id,
				   const char *uuid, GError **error);
gboolean vk_ontap_remove_snapshot(VkArray *array, const json_t *handle, GError **error);

/* Removes the snapshot NAME of VOLUME if virtkeep made it. Succeeds if it is gone already. */
gboolean vk_ontap_drop_snapshot(VkOntap *ontap, const char *volume, const char *name,
				GError **error);

/* A part of a set (ontap-set.c). */
VkSetPart *vk_ontap_prepare(VkArray *array, const char *vault_id, const char *label,
			    const GPtrArray *disks, GError **error);
gboolean vk_ontap_snap(VkSetPart *part, GHashTable *members, gint64 deadline, GError **error);
gboolean vk_ontap_settle(VkSetPart *part, GError **error);
json_t *vk_ontap_part_copy(VkSetPart *part, const VkSetDisk *disk);
gboolean vk_ontap_keep(VkSetPart *part, const char *uuid, GError **error);
void vk_ontap_leave(VkSetPart *part, const char *uuid);
void vk_ontap_part_free(VkSetPart *part);

/* Copies (ontap-copy.c). */

VkSource *vk_ontap_open(VkArray *array, const json_t *copy, int *ret_file, GError **error);
gboolean vk_ontap_has(VkArray *array, const json_t *copy, gboolean *ret, GError **error);
guint64 vk_ontap_allocated(VkArray *array, const json_t *copy);
char *vk_ontap_reason(VkArray *array, const json_t *copy);
GPtrArray *vk_ontap_layers(VkArray *array, const json_t *copy, GError **error);
gboolean vk_ontap_layer_unchanged(VkArray *array, const json_t *copy, guint layer);
GPtrArray *vk_ontap_snapshots_of(VkArray *array, const json_t *copy, GError **error);

/* Restores of single files (ontap-restore.c). */
gboolean vk_ontap_can_clone(VkArray *array, const json_t *copy, guint layer, const char *place);
gboolean vk_ontap_clone(VkArray *array, const json_t *copy, guint layer, const char *path,
			gboolean *ret_done, GError **error);

/* Replication (ontap-mirror.c, ontap-replica.c). */
GPtrArray *vk_ontap_replications(VkArray *array, const GPtrArray *arrays, const json_t *copy,
				 GError **error);
gboolean vk_ontap_replicate(VkArray *array, const GPtrArray *arrays, const json_t *copy,
			    guint wait_sec, GError **error);
json_t *vk_ontap_replica(VkArray *array, const GPtrArray *arrays, const json_t *copy,
			 GError **error);
