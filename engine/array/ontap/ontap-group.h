/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consistency groups: volumes of one SVM that are fenced and taken together. Only for the ONTAP
 * driver. Threads: a group is its caller's, all else is free.
 */
#pragma once

#include "ontap-priv.h"

#include <glib.h>

typedef struct VkOntapGroup VkOntapGroup;

/*
 * The group that has just the VOLUMES (VkOntapPlace, borrowed for the call, of one SVM): an
 * existing one, or a new one named NAME. *RET is NULL when there can be none.
 */
gboolean vk_ontap_group_form(VkOntap *ontap, const GPtrArray *volumes, const char *name,
			     VkOntapGroup **ret, GError **error);

/* The array holds all writes from here until the commit, or until DEADLINE, or a little longer. */
gboolean vk_ontap_group_start(VkOntapGroup *group, const json_t *body, gint64 deadline,
			      GError **error);
/*
 * Lets the writes go. TRUE also when it is unknown whether the array made the snapshot: the array
 * lets writes go by itself, and vk_ontap_group_settle() finds out.
 */
gboolean vk_ontap_group_commit(VkOntapGroup *group, gint64 deadline, GError **error);

/* Waits until the result of the commit is known. To be called before the group is freed. */
gboolean vk_ontap_group_settle(VkOntapGroup *group, GError **error);

/* The member that only the handle of a consistency group has. */
#define VK_ONTAP_GROUP "consistency_group"

/*
 * Adds the groups that are leftovers of killed runs around VOLUMES (VkOntapPlace, of one SVM, at
 * least one) to FOUND (VkArraySnapshot).
 */
gboolean vk_ontap_list_groups(VkOntap *ontap, const GPtrArray *volumes, GPtrArray *found,
			      GError **error);
/* Removes one of these by its handle. Succeeds if it is gone already. */
gboolean vk_ontap_remove_group(VkOntap *ontap, const json_t *handle, GError **error);

/*
 * To be called once the snapshot NAME of VOLUME (a uuid) is gone: with the last of them it also
 * removes the group's snapshot, which is empty then. Best effort.
 */
void vk_ontap_group_tidy(VkOntap *ontap, const char *volume, const char *name);

/* Removes the group if virtkeep made it; its volumes and their snapshots stay. Best effort. */
void vk_ontap_group_free(VkOntapGroup *group);

/* What the files of groups share. */

#define VK_ONTAP_GROUPS "/api/application/consistency-groups"

struct VkOntapGroup {
	VkOntap *ontap;
	char *uuid;
	gboolean is_ours;
	GPtrArray *volumes;      /* char*: uuids */
	char *snapshot, *wanted; /* uuid of the one that was started, and its name */
	GError *open;            /* why it is not known whether that was committed */
};

/* The uuid of a new object. New string; NULL when the reply does not have it. */
char *vk_ontap_uuid_in_reply(const VkOntapReply *reply);
