/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots of volumes. The array snapshots volumes as a whole. virtkeep names its snapshots
 *
 *   virtkeep_<vault 8>_<TIME>_<random 8>
 *
 * and their comments are "virtkeep <vault>[ <guest uuid> <snapshot id>][ unlisted]". The guest is
 * in there if it is the only one. The last word is there as long as no snapshot that lies in it is
 * listed. A snapshot with another name or comment is never changed or removed. Only for the ONTAP
 * driver. Threads: free.
 */
#pragma once

#include "ontap-priv.h"

#include <glib.h>
#include <jansson.h>

/* New strings. GUEST and ID are NULL when several guests share the snapshot. */
char *vk_ontap_new_name(const char *vault_id);
char *vk_ontap_comment(const char *vault_id, const char *guest, const char *id,
		       gboolean is_unlisted);

/*
 * The snapshot NAME of VOLUME (a uuid). DEADLINE is that of vk_ontap_list(). *RET, a new
 * reference, is NULL when there is none, or not even the volume.
 */
gboolean vk_ontap_find_snapshot(VkOntap *ontap, const char *volume, const char *name,
				gint64 deadline, json_t **ret, GError **error);

/*
 * Takes a snapshot. After a broken connection it looks whether there is one, so it never takes a
 * second.
 */
gboolean vk_ontap_take_snapshot(VkOntap *ontap, const char *volume, const json_t *body,
				gint64 deadline, GError **error);

/* PATCHes the snapshot of RECORD with BODY; twice if need be. */
gboolean vk_ontap_change_snapshot(VkOntap *ontap, const char *volume, const json_t *record,
				  const json_t *body, GError **error);

/*
 * Removes the snapshot NAME of VOLUME. *RET_WAS_THERE: whether there was one. VK_ERROR_FAILED when
 * virtkeep did not make it, VK_ERROR_BUSY when the array keeps it.
 */
gboolean vk_ontap_delete_snapshot(VkOntap *ontap, const char *volume, const char *name,
				  gboolean *ret_was_there, GError **error);

/*
 * Adds the snapshots of the vault on VOLUME that belong to the guest UUID, or may do so, to FOUND.
 */
gboolean vk_ontap_list_volume(VkOntap *ontap, const char *volume, const char *vault_id,
			      const char *uuid, GPtrArray *found, GError **error);

gboolean vk_ontap_set_listed(VkArray *array, const json_t *handle, gboolean listed, GError **error);

/* The handle of a snapshot. New reference. */
json_t *vk_ontap_handle(const char *volume, const char *name);

/* Borrowed from HANDLE. VK_ERROR_DAMAGE when it is not the handle of a snapshot of virtkeep. */
gboolean vk_ontap_read_handle(const json_t *handle, const char **ret_volume, const char **ret_name,
			      GError **error);

/* A VkArraySnapshot of RECORD on VOLUME. NULL when virtkeep did not make it. */
VkArraySnapshot *vk_ontap_snapshot_of_record(VkOntap *ontap, const char *volume,
					     const json_t *record);
