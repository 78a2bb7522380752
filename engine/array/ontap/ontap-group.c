/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Consistency groups: found or made for a set, removed again, and leftovers of killed runs. */
#include "errors.h"
#include "json.h"
#include "ontap-group.h"
#include "timestamp.h"

#include <string.h>

#define VOLUMES_MAX 80

/* The volumes and their snapshots stay. */
static gboolean delete_group(VkOntap *ontap, const char *uuid, GError **error)
{
	g_autofree char *path = g_strdup_printf(VK_ONTAP_GROUPS "/%s", uuid);
	g_autofree char *url = vk_ontap_url(path, VK_ONTAP_AT_ONCE, NULL);
	g_auto(VkOntapReply) reply = {0};

	return vk_ontap_change(ontap->rest, "DELETE", url, NULL, 0, &reply, error);
}

void vk_ontap_group_free(VkOntapGroup *group)
{
	if (!group)
		return;
	if (group->is_ours)
		delete_group(group->ontap, group->uuid, NULL);
	g_ptr_array_unref(group->volumes);
	g_clear_error(&group->open);
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
	g_autofree char *url = vk_ontap_url(VK_ONTAP_GROUPS, "svm.name", svm, "name", name,
					    "fields", "uuid,name,volumes.uuid", NULL);
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

/* The uuid of a new object, which replies have in one place or another. New string; or NULL. */
char *vk_ontap_uuid_in_reply(const VkOntapReply *reply)
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

/*
 * Whether virtkeep made the group and no run uses it any more: its name has the time when it was
 * made.
 */
static gboolean is_stale(const VkOntap *ontap, const char *name)
{
	g_auto(GStrv) parts = g_strsplit(name, "_", -1);
	gint64 made;

	return g_str_has_prefix(name, VK_ONTAP_NAME_PREFIX) && g_strv_length(parts) == 4 &&
	       vk_time_parse(parts[2], &made, NULL) &&
	       made + ontap->stale_sec < g_get_real_time() / G_USEC_PER_SEC;
}

static gboolean remove_leftover(VkOntap *ontap, const char *svm, const char *name, GError **error)
{
	g_autoptr(json_t) record = NULL;

	if (!find_group(ontap, svm, name, &record, error) ||
	    (record && !delete_group(ontap, uuid_of(record), error)))
		return FALSE;
	vk_ontap_forget_lists(ontap);
	return TRUE;
}

/*
 * Which group each of VOLUMES (VkOntapPlace, of one SVM) is in. The answer is not older than
 * OLDEST_SEC: uuid -> name; new strings.
 */
static GHashTable *find_memberships(VkOntap *ontap, const GPtrArray *volumes, guint oldest_sec,
				    GError **error)
{
	const VkOntapPlace *first = g_ptr_array_index(volumes, 0);
	g_autoptr(GString) uuids = g_string_new(NULL);
	g_autoptr(json_t) records = NULL;
	g_autofree char *url = NULL;
	GHashTable *found;
	gsize index;
	json_t *record;

	for (guint i = 0; i < volumes->len; i++) {
		const VkOntapPlace *place = g_ptr_array_index(volumes, i);

		g_string_append_printf(uuids, "%s%s", i > 0 ? "|" : "", place->volume);
	}
	url = vk_ontap_url("/api/storage/volumes", "svm.name", first->svm, "uuid", uuids->str,
			   "fields", "uuid,consistency_group.name", NULL);
	records = vk_ontap_known_list(ontap, url, oldest_sec, error);
	if (!records)
		return NULL;
	found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	json_array_foreach (records, index, record) {
		const char *group = vk_json_nested_string(record, "consistency_group", "name");

		if (uuid_of(record) && group)
			g_hash_table_insert(found, g_strdup(uuid_of(record)), g_strdup(group));
	}
	return found;
}

/* Removes leftovers of killed runs around the volumes, which are in no group then. */
static gboolean remove_stale(VkOntap *ontap, const char *svm, GHashTable *memberships,
			     GError **error)
{
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, memberships);
	while (g_hash_table_iter_next(&iter, NULL, &name)) {
		if (!is_stale(ontap, name))
			continue;
		if (!remove_leftover(ontap, svm, name, error))
			return FALSE;
		g_hash_table_iter_remove(&iter);
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

/* The same of one that may be in the making. */
static gboolean await_group(VkOntap *ontap, const char *svm, const char *name, json_t **ret,
			    GError **error)
{
	gint64 deadline = vk_ontap_look_deadline(ontap->rest, 0), pause = 0;

	do {
		if (!find_group(ontap, svm, name, ret, error))
			return FALSE;
	} while (!*ret && vk_ontap_wait(&pause, deadline));
	return TRUE;
}

static gboolean make_group(VkOntap *ontap, const GPtrArray *volumes, const char *svm,
			   const char *name, VkOntapGroup **ret, GError **error)
{
	g_autofree char *url =
		vk_ontap_url(VK_ONTAP_GROUPS, "return_records", "true", VK_ONTAP_AT_ONCE, NULL);
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
	uuid = vk_ontap_uuid_in_reply(&reply);
	if (!uuid && !await_group(ontap, svm, name, &record, error))
		return FALSE;
	if (uuid || record)
		*ret = group_new(ontap, uuid ? uuid : uuid_of(record), volumes, TRUE);
	return TRUE;
}

/* The group that all VOLUMES are in; "" for none at all. NULL: not all are in the same. */
static const char *common_group(const GPtrArray *volumes, GHashTable *memberships)
{
	const char *common = NULL;

	for (guint i = 0; i < volumes->len; i++) {
		const VkOntapPlace *place = g_ptr_array_index(volumes, i);
		const char *group = g_hash_table_lookup(memberships, place->volume);

		if (!group)
			group = "";
		if (common && strcmp(group, common) != 0)
			return NULL;
		common = group;
	}
	return common;
}

gboolean vk_ontap_group_form(VkOntap *ontap, const GPtrArray *volumes, const char *name,
			     VkOntapGroup **ret, GError **error)
{
	const char *svm = ((const VkOntapPlace *)g_ptr_array_index(volumes, 0))->svm;
	g_autoptr(GHashTable) memberships = NULL;
	g_autoptr(json_t) record = NULL;
	const char *common;

	*ret = NULL;
	if (volumes->len > VOLUMES_MAX)
		return TRUE;
	memberships = find_memberships(ontap, volumes, 0, error);
	if (!memberships || !remove_stale(ontap, svm, memberships, error))
		return FALSE;
	common = common_group(volumes, memberships);
	if (volumes->len < 2 || !common)
		return TRUE;
	if (!*common)
		return make_group(ontap, volumes, svm, name, ret, error);
	if (!find_group(ontap, svm, common, &record, error))
		return FALSE;
	/*
	 * A group with more volumes would also snapshot these. A group that virtkeep made is of
	 * another run.
	 */
	if (record && has_just(record, volumes) && !g_str_has_prefix(common, VK_ONTAP_NAME_PREFIX))
		*ret = group_new(ontap, uuid_of(record), volumes, FALSE);
	return TRUE;
}

/* The leftover of a killed run: its name says that virtkeep made it, and when. */
static void add_leftover(VkOntap *ontap, const char *svm, const char *name, GPtrArray *found)
{
	json_t *handle = json_pack("{s:s, s:s}", "svm", svm, VK_ONTAP_GROUP, name);
	VkArraySnapshot *leftover = vk_array_snapshot_new(&ontap->base, name, handle, name);

	leftover->kind = "consistency group";
	leftover->is_unlisted = TRUE;
	g_ptr_array_add(found, leftover);
}

gboolean vk_ontap_list_groups(VkOntap *ontap, const GPtrArray *volumes, GPtrArray *found,
			      GError **error)
{
	const char *svm = ((const VkOntapPlace *)g_ptr_array_index(volumes, 0))->svm;
	g_autoptr(GHashTable) memberships =
		find_memberships(ontap, volumes, VK_ONTAP_KNOWN_SEC, error);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer name;

	if (!memberships)
		return FALSE;
	g_hash_table_iter_init(&iter, memberships);
	while (g_hash_table_iter_next(&iter, NULL, &name))
		if (is_stale(ontap, name) && g_hash_table_add(seen, name))
			add_leftover(ontap, svm, name, found);
	return TRUE;
}

gboolean vk_ontap_remove_group(VkOntap *ontap, const json_t *handle, GError **error)
{
	const char *svm, *name;

	return vk_json_string(handle, "svm", &svm, error) &&
	       vk_json_string(handle, VK_ONTAP_GROUP, &name, error) &&
	       (is_stale(ontap, name) ||
		vk_fail(error, VK_ERROR_BUSY, "the consistency group '%s' may be in use", name)) &&
	       remove_leftover(ontap, svm, name, error);
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
	g_autofree char *path = g_strdup_printf(VK_ONTAP_GROUPS "/%s/snapshots", group);
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
