/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The snapshot of a consistency group has two phases: from the start on the array holds all writes
 * to the volumes, at the commit it lets them go. It ends by itself without a commit.
 */
#include "errors.h"
#include "json.h"
#include "ontap-group.h"
#include "ontap-snapshot.h"

/* All releases accept these. After that time the array lifts the fence by itself. */
#define FENCE_SECONDS_MIN 5
#define FENCE_SECONDS_MAX 30

static gboolean find_started(VkOntapGroup *group, gint64 deadline, GError **error)
{
	g_autofree char *path = g_strdup_printf(VK_ONTAP_GROUPS "/%s/snapshots", group->uuid);
	g_autofree char *url =
		vk_ontap_url(path, "name", group->wanted, "fields", "uuid,name", NULL);
	g_autoptr(json_t) records =
		vk_ontap_list(group->ontap->rest, url,
			      vk_ontap_look_deadline(group->ontap->rest, deadline), error);
	const char *uuid = vk_json_optional_string(json_array_get(records, 0), "uuid");

	if (uuid && g_uuid_string_is_valid(uuid))
		group->snapshot = g_strdup(uuid);
	return records != NULL;
}

static gboolean await_started(VkOntapGroup *group, gint64 deadline, GError **error)
{
	gint64 pause = 0;

	do {
		if (!find_started(group, deadline, error))
			return FALSE;
	} while (!group->snapshot && vk_ontap_wait(&pause, deadline));
	return TRUE;
}

static char *start_url(const VkOntapGroup *group, gint64 deadline)
{
	gint64 left_us = deadline - g_get_monotonic_time();
	gint64 left = (left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
	g_autofree char *fence =
		g_strdup_printf("%d", (int)CLAMP(left, FENCE_SECONDS_MIN, FENCE_SECONDS_MAX));
	g_autofree char *path = g_strdup_printf(VK_ONTAP_GROUPS "/%s/snapshots", group->uuid);

	return vk_ontap_url(path, "action", "start", "action_timeout", fence, "return_records",
			    "true", VK_ONTAP_WHILE_HELD, NULL);
}

gboolean vk_ontap_group_start(VkOntapGroup *group, const json_t *body, gint64 deadline,
			      GError **error)
{
	g_autofree char *url = start_url(group, deadline);
	gboolean was_unsure = FALSE;

	group->wanted = g_strdup(vk_json_optional_string(body, "name"));
	for (guint tries = 1;; tries++) {
		g_autoptr(GError) trouble = NULL;
		g_auto(VkOntapReply) reply = {0};
		gboolean done = vk_ontap_change(group->ontap->rest, "POST", url,
						json_deep_copy(body), deadline, &reply, &trouble);
		/* What is in the way of a second try is the first one, which got no answer. */
		gboolean is_begun = was_unsure && (reply.code == VK_ONTAP_GROUP_BUSY ||
						   reply.code == VK_ONTAP_GROUP_NAME_TAKEN);

		was_unsure = was_unsure || reply.is_unsure;
		if (done)
			group->snapshot = vk_ontap_uuid_in_reply(&reply);
		if (!group->snapshot && (done || reply.is_unsure) &&
		    !find_started(group, deadline, error))
			return FALSE;
		if (is_begun && !await_started(group, deadline, error))
			return FALSE;
		if (group->snapshot)
			return TRUE;
		if (done)
			return vk_fail(error, VK_ERROR_FAILED,
				       "the array does not know the snapshot '%s' it has started",
				       group->wanted);
		if (!reply.is_unsure || tries >= VK_ONTAP_TRIES ||
		    g_get_monotonic_time() >= deadline) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
	}
}

/* Only the commit lets the snapshots of the volumes be seen. */
static gboolean is_committed(VkOntapGroup *group, gint64 deadline, gboolean *ret, GError **error)
{
	deadline = vk_ontap_look_deadline(group->ontap->rest, deadline);
	*ret = TRUE;
	for (guint i = 0; *ret && i < group->volumes->len; i++) {
		g_autoptr(json_t) found = NULL;

		if (!vk_ontap_find_snapshot(group->ontap, g_ptr_array_index(group->volumes, i),
					    group->wanted, deadline, &found, error))
			return FALSE;
		*ret = found != NULL;
	}
	return TRUE;
}

/*
 * The result of a commit without an answer: the job of it may be under way, so that a second one
 * finds nothing that was started. The fence goes in any case, and so the guests may.
 */
static void leave_open(VkOntapGroup *group, gint64 deadline, GError *trouble)
{
	gboolean is_done = FALSE;

	if (is_committed(group, deadline, &is_done, NULL) && is_done)
		g_error_free(trouble);
	else
		group->open = trouble;
}

static gboolean commit(VkOntapGroup *group, gint64 deadline, GError **error)
{
	g_autofree char *path =
		g_strdup_printf(VK_ONTAP_GROUPS "/%s/snapshots/%s", group->uuid, group->snapshot);
	g_autofree char *url = vk_ontap_url(path, "action", "commit", VK_ONTAP_WHILE_HELD, NULL);
	gboolean was_unsure = FALSE;

	for (guint tries = 1;; tries++) {
		g_autoptr(GError) trouble = NULL;
		g_auto(VkOntapReply) reply = {0};

		if (vk_ontap_change(group->ontap->rest, "PATCH", url, NULL, deadline, &reply,
				    &trouble))
			return TRUE;
		was_unsure = was_unsure || reply.is_unsure;
		/* The fence may still be up, which nothing but a commit lifts. */
		if (reply.is_unsure && tries < VK_ONTAP_TRIES && g_get_monotonic_time() < deadline)
			continue;
		if (reply.is_unsure || (was_unsure && reply.code == VK_ONTAP_NOT_STARTED)) {
			leave_open(group, deadline, g_steal_pointer(&trouble));
			return TRUE;
		}
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
}

gboolean vk_ontap_group_commit(VkOntapGroup *group, gint64 deadline, GError **error)
{
	/* Why a start has failed need not have kept it from being one. */
	if (!group->snapshot && !find_started(group, deadline, error))
		return FALSE;
	return group->snapshot
		       ? commit(group, deadline, error)
		       : vk_fail(error, VK_ERROR_FAILED,
				 "the array has not started the snapshot '%s'", group->wanted);
}

gboolean vk_ontap_group_settle(VkOntapGroup *group, GError **error)
{
	gint64 deadline = vk_ontap_deadline(group->ontap->rest, G_MAXUINT), pause = 0;
	gboolean is_done = !group->open;

	while (!is_done) {
		if (!is_committed(group, deadline, &is_done, error))
			return FALSE;
		if (!is_done && !vk_ontap_wait(&pause, deadline))
			return vk_fail(error, VK_ERROR_FAILED,
				       "the array has not made the snapshot '%s': %s",
				       group->wanted, group->open->message);
	}
	g_clear_error(&group->open);
	return TRUE;
}
