/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A layer as it stands in a copy of the ONTAP driver. Threads: free. */
#pragma once

#include "ontap-priv.h"

#include <glib.h>
#include <jansson.h>
#include <sys/stat.h>

/* How a volume was taken, in copies. */
#define VK_ONTAP_BY_GROUP "group" /* fenced together with the others */
#define VK_ONTAP_ALONE    "alone" /* the only one of its set, or one after another */

/* The entry of a copy for LAYER, whose original was found to be INFO at the instant. */
json_t *vk_ontap_layer_to_json(const VkOntapLayer *layer, const char *snapshot_name,
			       const char *how, const struct stat *info);

/* The strings are borrowed from the copy; those of places are VkOntapPlace's. */
typedef struct VkOntapStored {
	const char *svm, *volume, *volume_name, *snapshot, *how, *path;
	const char *root, *below; /* of a file */
	const char *lun;          /* of a LUN; NULL for files */
	const char *format, *original;
	guint64 inode, size, mtime_ns, allocated;
} VkOntapStored;

/* VK_ERROR_DAMAGE when it is not a layer, or does not lie in a snapshot of virtkeep. */
gboolean vk_ontap_read_layer(const json_t *copy, guint number, VkOntapStored *ret, GError **error);

/* Where the host reads a file. New string. */
char *vk_ontap_path_of(const VkOntapStored *layer);
