/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consistency groups. Their snapshot has two phases: from the start on the array holds all writes
 * to the volumes, at the commit it lets them go. It ends by itself when nobody commits.
 */
#include "errors.h"
#include "json.h"
#include "ontap-priv.h"
#include "timestamp.h"

#include <string.h>

#define GROUPS      "/api/application/consistency-groups"
#define VOLUMES_MAX 80
/* What all releases take; within it the array lifts a fence that nobody lifts. */
#define FENCE_SECONDS_MIN 5
#define FENCE_SECONDS_MAX 30
/* A group of ours that is older was left by a run that was killed. */
#define STALE_SECONDS 600

struct VkOntapGroup {
	VkOntap *ontap;
	char *uuid;
	gboolean is_ours;
	GPtrArray *volumes;      /* char*: uuids */
	char *snapshot, *wanted; /* uuid of the one that was started, and its name */
};

void vk_ontap_group_free(VkOntapGroup *group)
{
	if (!group)
		return;
	if (group->is_ours) {
		g_autofree char *path = g_strdup_printf(GROUPS "/%s", group->uuid);
		g_autofree char *url = vk_ontap_url(path, VK_ONTAP_AT_ONCE, NULL);
		g_auto(VkOntapReply) reply = {0};

		vk_ontap_change(group->ontap->rest, "DELETE", url, NULL, 0, &reply, NULL);
	}
	g_ptr_array_unref(group->volumes);
	g_free(group->uuid);
	g_free(group->snapshot);
	g_free(group->wanted);
	g_free(group);
}

static const char *uuid_of(const json_t *record)
{
	return vk_json_optional_string(record, "uuid");
}

/* The group NAME of SVM; *RET, a new reference, is NULL when there is none. */
static gboolean find_group(VkOntap *ontap, const char *svm, const char *name, json_t **ret,
			   GError **error)
{
	g_autofree char *url = vk_ontap_url(GROUPS, "svm.name", svm, "name", name, "fields",
					    "uuid,name,volumes.uuid", NULL);
	g_autoptr(json_t) records = vk_ontap_list(ontap->rest, url, 0, error);
	const char *uuid;

	*ret = NULL;
	if (!records)
		return FALSE;
	uuid = uuid_of(json_array_get(records, 0));
	if (json_array_size(records) == 1 && uuid && g_uuid_string_is_valid(uuid))
		*ret = json_incref(json_array_get(records, 0));
	return TRUE;
}

/* The uuid of what was made is told in one place or another, or nowhere. New string. */
static char *uuid_in_reply(const VkOntapReply *reply)
{
	const json_t *record = json_array_get(json_object_get(reply->body, "records"), 0);
	const char *uuid = vk_json_optional_string(record, "uuid");
	const char *tail = reply->location ? strrchr(reply->location, '/') : NULL;

	if (uuid && g_uuid_string_is_valid(uuid))
		return g_strdup(uuid);
	return tail && g_uuid_string_is_valid(tail + 1) ? g_strdup(tail + 1) : NULL;
}

static VkOntapGroup *group_new(VkOntap *ontap, const char *uuid, const GPtrArray *volumes,
			       gboolean is_ours)
{
	VkOntapGroup *group = g_new0(VkOntapGroup, 1);

	group->ontap = ontap;
	group->uuid = g_strdup(uuid);
	group->is_ours = is_ours;
	group->volumes = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < volumes->len; i++) {
		const VkOntapPlace *place = g_ptr_array_index(volumes, i);

		g_ptr_array_add(group->volumes, g_strdup(place->volume));
	}
	return group;
}

static gboolean has_just(const json_t *record, const GPtrArray *volumes)
{
	const json_t *members = json_object_get(record, "volumes");
	guint matches = 0;
	gsize index;
	json_t *member;

	json_array_foreach (members, index, member) {
		const char *uuid = vk_json_optional_string(member, "uuid");

		for (guint i = 0; i < volumes->len; i++) {
			const VkOntapPlace *place = g_ptr_array_index(volumes, i);

			matches += g_strcmp0(uuid, place->volume) == 0;
		}
	}
	return matches == volumes->len && json_array_size(members) == volumes->len;
}

/* Whether it is a group of ours that nobody uses any more: its name tells when it was made. */
static gboolean is_stale(const char *name)
{
	g_auto(GStrv) parts = g_strsplit(name, "_", -1);
	gint64 made;

	return g_str_has_prefix(name, VK_ONTAP_NAME_PREFIX) && g_strv_length(parts) == 4 &&
	       vk_time_parse(parts[2], &made, NULL) &&
	       made + STALE_SECONDS < g_get_real_time() / G_USEC_PER_SEC;
}

/* Removes what killed runs have left around the volumes; they are in no group then. */
static gboolean remove_stale(VkOntap *ontap, const GPtrArray *volumes, GError **error)
{
	for (guint i = 0; i < volumes->len; i++) {
		VkOntapPlace *place = g_ptr_array_index(volumes, i);
		g_autoptr(json_t) record = NULL;
		VkOntapGroup *stale;

		if (!place->group || !is_stale(place->group))
			continue;
		if (!find_group(ontap, place->svm, place->group, &record, error))
			return FALSE;
		stale = record ? group_new(ontap, uuid_of(record), volumes, TRUE) : NULL;
		vk_ontap_group_free(stale);
		g_clear_pointer(&place->group, g_free);
	}
	return TRUE;
}

static json_t *group_body(const GPtrArray *volumes, const char *svm, const char *name)
{
	json_t *members = json_array();

	for (guint i = 0; i < volumes->len; i++) {
		const VkOntapPlace *place = g_ptr_array_index(volumes, i);

		json_array_append_new(members,
				      json_pack("{s:s, s:{s:s}}", "name", place->volume_name,
						"provisioning_options", "action", "add"));
	}
	return json_pack("{s:s, s:{s:s}, s:o}", "name", name, "svm", "name", svm, "volumes",
			 members);
}

static gboolean make_group(VkOntap *ontap, const GPtrArray *volumes, const char *svm,
			   const char *name, VkOntapGroup **ret, GError **error)
{
	g_autofree char *url =
		vk_ontap_url(GROUPS, "return_records", "true", VK_ONTAP_AT_ONCE, NULL);
	g_autofree char *uuid = NULL;
	g_autoptr(json_t) record = NULL;
	g_autoptr(GError) trouble = NULL;
	g_auto(VkOntapReply) reply = {0};

	/* The name is new: a group of that name is what this has made, whatever came back. */
	if (!vk_ontap_change(ontap->rest, "POST", url, group_body(volumes, svm, name), 0, &reply,
			     &trouble) &&
	    !reply.is_unsure) {
		/* Refused, by its role or for the volumes' sake: they are taken one by one. */
		if (reply.code)
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	uuid = uuid_in_reply(&reply);
	if (!uuid && !find_group(ontap, svm, name, &record, error))
		return FALSE;
	if (uuid || record)
		*ret = group_new(ontap, uuid ? uuid : uuid_of(record), volumes, TRUE);
	return TRUE;
}

gboolean vk_ontap_group_form(VkOntap *ontap, const GPtrArray *volumes, const char *name,
			     VkOntapGroup **ret, GError **error)
{
	const VkOntapPlace *first = g_ptr_array_index(volumes, 0);
	g_autoptr(json_t) record = NULL;

	*ret = NULL;
	if (!remove_stale(ontap, volumes, error))
		return FALSE;
	if (volumes->len < 2 || volumes->len > VOLUMES_MAX)
		return TRUE;
	for (guint i = 1; i < volumes->len; i++) {
		const VkOntapPlace *place = g_ptr_array_index(volumes, i);

		if (g_strcmp0(place->group, first->group) != 0)
			return TRUE;
	}
	if (!first->group)
		return make_group(ontap, volumes, first->svm, name, ret, error);
	if (!find_group(ontap, first->svm, first->group, &record, error))
		return FALSE;
	/* One that has more volumes would take these, too, and one of ours is another run's. */
	if (record && has_just(record, volumes) &&
	    !g_str_has_prefix(first->group, VK_ONTAP_NAME_PREFIX))
		*ret = group_new(ontap, uuid_of(record), volumes, FALSE);
	return TRUE;
}

static gboolean find_started(VkOntapGroup *group, gint64 deadline, GError **error)
{
	g_autofree char *path = g_strdup_printf(GROUPS "/%s/snapshots", group->uuid);
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

gboolean vk_ontap_group_start(VkOntapGroup *group, const json_t *body, gint64 deadline,
			      GError **error)
{
	gint64 left_us = deadline - g_get_monotonic_time();
	gint64 left = (left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
	g_autofree char *fence =
		g_strdup_printf("%d", (int)CLAMP(left, FENCE_SECONDS_MIN, FENCE_SECONDS_MAX));
	g_autofree char *path = g_strdup_printf(GROUPS "/%s/snapshots", group->uuid);
	g_autofree char *url = vk_ontap_url(path, "action", "start", "action_timeout", fence,
					    "return_records", "true", VK_ONTAP_AT_ONCE, NULL);

	group->wanted = g_strdup(vk_json_optional_string(body, "name"));
	for (guint tries = 1;; tries++) {
		g_autoptr(GError) trouble = NULL;
		g_auto(VkOntapReply) reply = {0};
		gboolean done = vk_ontap_change(group->ontap->rest, "POST", url,
						json_deep_copy(body), deadline, &reply, &trouble);

		if (done)
			group->snapshot = uuid_in_reply(&reply);
		if (!group->snapshot && (done || reply.is_unsure) &&
		    !find_started(group, deadline, error))
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

static gboolean commit(VkOntapGroup *group, gint64 deadline, GError **error)
{
	g_autofree char *path =
		g_strdup_printf(GROUPS "/%s/snapshots/%s", group->uuid, group->snapshot);
	g_autofree char *url = vk_ontap_url(path, "action", "commit", NULL);

	for (guint tries = 1;; tries++) {
		g_autoptr(GError) trouble = NULL;
		gboolean is_done = FALSE;
		g_auto(VkOntapReply) reply = {0};

		if (vk_ontap_change(group->ontap->rest, "PATCH", url, NULL, deadline, &reply,
				    &trouble))
			return TRUE;
		/* The fence may still be up, which nothing but a commit lifts. */
		if (reply.is_unsure && tries < VK_ONTAP_TRIES && g_get_monotonic_time() < deadline)
			continue;
		/* A second commit finds nothing that was started: the first one was it, or none. */
		if ((reply.is_unsure || reply.code == VK_ONTAP_NOT_STARTED) &&
		    !is_committed(group, deadline, &is_done, error))
			return FALSE;
		if (is_done)
			return TRUE;
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

/* The only record of a collection. Its uuid, a new string; NULL when it is not the only one. */
static char *only_uuid(VkOntap *ontap, const char *url)
{
	g_autoptr(json_t) records = vk_ontap_list(ontap->rest, url, 0, NULL);
	const char *uuid = uuid_of(json_array_get(records, 0));

	return json_array_size(records) == 1 && uuid && g_uuid_string_is_valid(uuid)
		       ? g_strdup(uuid)
		       : NULL;
}

/* New string; NULL: it is in none. */
static char *group_of_volume(VkOntap *ontap, const char *volume)
{
	g_autofree char *url = vk_ontap_url("/api/storage/volumes", "uuid", volume, "fields",
					    "consistency_group.uuid", NULL);
	g_autoptr(json_t) records = vk_ontap_list(ontap->rest, url, 0, NULL);
	const char *uuid =
		uuid_of(json_object_get(json_array_get(records, 0), "consistency_group"));

	return uuid && g_uuid_string_is_valid(uuid) ? g_strdup(uuid) : NULL;
}

void vk_ontap_group_tidy(VkOntap *ontap, const char *volume, const char *name)
{
	g_autofree char *group = group_of_volume(ontap, volume);
	g_autofree char *path = g_strdup_printf(GROUPS "/%s/snapshots", group);
	g_autofree char *url = vk_ontap_url(path, "name", name, "fields", "uuid,name", NULL);
	g_autofree char *others = vk_ontap_url("/api/storage/volumes/*/snapshots", "name", name,
					       "fields", "uuid", NULL);
	g_autofree char *snapshot = group ? only_uuid(ontap, url) : NULL;
	g_autoptr(json_t) left = snapshot ? vk_ontap_list(ontap->rest, others, 0, NULL) : NULL;
	g_autofree char *one = g_strdup_printf("%s/%s", path, snapshot);
	g_autofree char *one_url = vk_ontap_url(one, VK_ONTAP_AT_ONCE, NULL);
	g_auto(VkOntapReply) reply = {0};

	if (left && json_array_size(left) == 0)
		vk_ontap_change(ontap->rest, "DELETE", one_url, NULL, 0, &reply, NULL);
}
