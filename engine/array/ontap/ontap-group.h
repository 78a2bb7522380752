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
 * existing one, or one of ours named NAME. *RET is NULL when there can be none.
 */
gboolean vk_ontap_group_form(VkOntap *ontap, const GPtrArray *volumes, const char *name,
			     VkOntapGroup **ret, GError **error);

/* The array holds all writes from here until the commit, or until DEADLINE, or a little longer. */
gboolean vk_ontap_group_start(VkOntapGroup *group, const json_t *body, gint64 deadline,
			      GError **error);
/* TRUE, too, when that is not known, since the array lets them go by itself: it is settled later. */
gboolean vk_ontap_group_commit(VkOntapGroup *group, gint64 deadline, GError **error);

/* Waits for what came of the commit, if that is not known. To be called before the group is freed. */
gboolean vk_ontap_group_settle(VkOntapGroup *group, GError **error);

/* The member of a handle that tells a consistency group from a snapshot. */
#define VK_ONTAP_GROUP "consistency_group"

/*
 * The groups that killed runs have left around VOLUMES (VkOntapPlace, of one SVM, at least one), added
 * to FOUND (VkArraySnapshot). One of these removed, by its handle: fine if it is gone already.
 */
gboolean vk_ontap_list_groups(VkOntap *ontap, const GPtrArray *volumes, GPtrArray *found,
			      GError **error);
gboolean vk_ontap_remove_group(VkOntap *ontap, const json_t *handle, GError **error);

/*
 * To be called once the snapshot NAME of VOLUME (a uuid) is gone: the last one takes the group's
 * snapshot with it, which holds nothing any more. Best effort.
 */
void vk_ontap_group_tidy(VkOntap *ontap, const char *volume, const char *name);

/* Removes the group if it is ours; its volumes and their snapshots stay. Best effort. */
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

/* The uuid of what was made is told in one place or another, or nowhere. New string. */
char *vk_ontap_uuid_in_reply(const VkOntapReply *reply);
