/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SnapMirror and SnapVault. Relationships are found from the volumes that copies lie in. They live
 * on the cluster of the destination: each of the configuration is asked.
 */
#include "errors.h"
#include "json.h"
#include "ontap-path.h"
#include "ontap-relation.h"
#include "ontap-snapshot.h"
#include "interrupt.h"

#include <string.h>

#define POLL_US (G_USEC_PER_SEC / 2)
/* A transfer that was asked for shows by then. */
#define BEGINS_WITHIN_US ((gint64)10 * G_USEC_PER_SEC)

/* A transfer is under way: no other one need be begun. */
#define UPDATE_FAILED 13303844
#define IN_PROGRESS   "Another transfer is in progress"

static char *find_kind(VkOntap *destination, const json_t *record)
{
	const char *type = vk_json_nested_string(record, "policy", "type");
	const char *name = vk_json_nested_string(record, "policy", "name");
	g_autofree char *url = vk_ontap_url("/api/snapmirror/policies", "name", name ? name : "",
					    "fields", "retention", NULL);
	g_autoptr(json_t) policies = NULL;
	const json_t *rules;

	if (g_strcmp0(type, "async") != 0)
		return g_strdup(type);
	/* REST knows no vaults: those are what has rules of how many to keep. */
	policies = vk_ontap_known_list(destination, url, VK_ONTAP_KNOWN_SEC, NULL);
	rules = json_object_get(json_array_get(policies, 0), "retention");
	return g_strdup(json_array_size(rules) ? "vault" : "mirror");
}

static char *find_reason(const json_t *record)
{
	const json_t *reasons = json_object_get(record, "unhealthy_reason");
	g_autoptr(GString) text = g_string_new(NULL);
	gsize index;
	json_t *reason;

	json_array_foreach (reasons, index, reason) {
		const char *message = vk_json_optional_string(reason, "message");

		if (message)
			g_string_append_printf(text, "%s%s", text->len ? "; " : "", message);
	}
	return text->len ? g_strdup(text->str) : NULL;
}

/* Our snapshots at the destination. */
static GPtrArray *find_snapshots(VkOntap *destination, const char *path)
{
	g_autoptr(json_t) volume = vk_ontap_volume_of(destination, path, NULL);
	g_autofree char *base = g_strdup_printf("/api/storage/volumes/%s/snapshots",
						vk_json_optional_string(volume, "uuid"));
	g_autofree char *url = vk_ontap_url(base, "name", VK_ONTAP_NAME_PREFIX "*", "fields",
					    "name", "order_by", "create_time", NULL);
	g_autoptr(json_t) records = volume ? vk_ontap_list(destination->rest, url, 0, NULL) : NULL;
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	gsize index;
	json_t *record;

	json_array_foreach (records, index, record)
		g_ptr_array_add(found, g_strdup(vk_json_optional_string(record, "name")));
	return found;
}

static void fill_transfer(const json_t *record, VkReplication *ret)
{
	const json_t *transfer = json_object_get(record, "transfer");
	const json_t *bytes = json_object_get(transfer, "bytes_transferred");

	ret->transfer_state = g_strdup(vk_json_optional_string(transfer, "state"));
	ret->transfer_end = g_strdup(vk_json_optional_string(transfer, "end_time"));
	ret->transfer_bytes = (guint64)MAX(json_integer_value(bytes), 0);
}

static VkReplication *replication_new(const VkOntapSearch *search)
{
	VkReplication *replication = g_new0(VkReplication, 1);

	replication->array = g_strdup(search->source->base.name);
	replication->source = g_strdup(search->path);
	replication->lag = -1;
	replication->snapshots = g_ptr_array_new_with_free_func(g_free);
	return replication;
}

static VkReplication *read_relationship(const VkOntapSearch *search, VkOntap *destination,
					const json_t *record)
{
	VkReplication *replication = replication_new(search);
	guint64 lag;

	replication->destination = g_strdup(vk_json_nested_string(record, "destination", "path"));
	replication->at = g_strdup(destination->base.name);
	replication->kind = find_kind(destination, record);
	replication->state = g_strdup(vk_json_optional_string(record, "state"));
	replication->is_healthy = json_is_true(json_object_get(record, "healthy"));
	replication->reason = find_reason(record);
	if (vk_ontap_parse_duration(vk_json_optional_string(record, "lag_time"), &lag))
		replication->lag = (gint64)lag;
	replication->exported = g_strdup(vk_json_optional_string(record, "exported_snapshot"));
	fill_transfer(record, replication);
	if (replication->destination) {
		g_ptr_array_unref(replication->snapshots);
		replication->snapshots = find_snapshots(destination, replication->destination);
	}
	return replication;
}

/* Calls WHAT for each volume that COPY lies in. */
static gboolean each_volume(VkOntap *source, const GPtrArray *arrays, const json_t *copy,
			    gboolean (*what)(const VkOntapSearch *search, gpointer data,
					     GError **error),
			    gpointer data, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint count = (guint)json_array_size(json_object_get(copy, "layers"));

	for (guint i = 0; i < count; i++) {
		g_autofree char *path = NULL;
		VkOntapStored layer;

		if (!vk_ontap_read_layer(copy, i, &layer, error))
			return FALSE;
		path = g_strdup_printf("%s:%s", layer.svm, layer.volume_name);
		VkOntapSearch search = {.arrays = arrays,
					.source = source,
					.snapshot = layer.snapshot,
					.path = path};
		if (g_hash_table_add(seen, g_strdup(path)) && !what(&search, data, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean add_relationship(const VkOntapSearch *search, VkOntap *destination,
				 const json_t *record, gpointer data, GError **error)
{
	g_ptr_array_add(data, read_relationship(search, destination, record));
	return TRUE;
}

/* What the source knows of a destination that is in no section. */
static gboolean add_unreachable(const VkOntapSearch *search, GPtrArray *found, GError **error)
{
	g_autofree char *url = vk_ontap_url(VK_ONTAP_RELATIONSHIPS, "list_destinations_only",
					    "true", "source.path", search->path, "fields",
					    "destination.path,destination.cluster.name", NULL);
	g_autoptr(json_t) records = vk_ontap_list(search->source->rest, url, 0, error);
	gsize index;
	json_t *record;

	json_array_foreach (records, index, record) {
		VkReplication *replication = replication_new(search);
		const json_t *destination = json_object_get(record, "destination");
		const char *cluster = vk_json_nested_string(destination, "cluster", "name");

		replication->destination =
			g_strdup(vk_json_nested_string(record, "destination", "path"));
		replication->reason = g_strdup_printf(
			"its cluster '%s' is not in the configuration: add a section [array NAME]",
			cluster ? cluster : "?");
		g_ptr_array_add(found, replication);
	}
	return records != NULL;
}

static void add_missing(const VkOntapSearch *search, GPtrArray *found)
{
	VkReplication *replication = replication_new(search);

	replication->advice =
		g_strdup_printf("snapmirror create -source-path %s -destination-path SVM:VOLUME "
				"-policy MirrorAndVault",
				search->path);
	g_ptr_array_add(found, replication);
}

/* A cluster that does not answer: the others are reported all the same. */
static void add_silent(const VkOntapSearch *search, const VkOntap *destination,
		       const GError *trouble, GPtrArray *found)
{
	VkReplication *replication = replication_new(search);

	replication->at = g_strdup(destination->base.name);
	replication->reason = g_strdup(trouble->message);
	g_ptr_array_add(found, replication);
}

static gboolean add_volume(const VkOntapSearch *search, gpointer data, GError **error)
{
	GPtrArray *found = data;
	guint count = 0, before = found->len;

	for (guint i = 0; i < search->arrays->len; i++) {
		VkArray *array = g_ptr_array_index(search->arrays, i);
		g_autoptr(GError) trouble = NULL;

		if (array->ops == search->source->base.ops &&
		    !vk_ontap_visit(search, (VkOntap *)array, add_relationship, found, &count,
				    &trouble))
			add_silent(search, (VkOntap *)array, trouble, found);
	}
	if (count == 0 && !add_unreachable(search, found, error))
		return FALSE;
	if (found->len == before)
		add_missing(search, found);
	return TRUE;
}

GPtrArray *vk_ontap_replications(VkArray *array, const GPtrArray *arrays, const json_t *copy,
				 GError **error)
{
	g_autoptr(GPtrArray) found =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_replication_free);

	return each_volume((VkOntap *)array, arrays, copy, add_volume, found, error)
		       ? g_steal_pointer(&found)
		       : NULL;
}

/*
 * Asks for a transfer of the snapshot. *RET_IS_OTHER is TRUE when another transfer is under
 * way, which need not bring it.
 */
static gboolean begin(VkOntap *destination, const char *uuid, const char *snapshot,
		      gboolean *ret_is_other, GError **error)
{
	g_autofree char *url = g_strdup_printf(VK_ONTAP_RELATIONSHIPS "/%s/transfers", uuid);
	g_autoptr(GError) trouble = NULL;
	g_auto(VkOntapReply) reply = {0};

	*ret_is_other = FALSE;
	/* If it was begun, the state shows it. */
	if (vk_ontap_change(destination->rest, "POST", url,
			    json_pack("{s:s}", "source_snapshot", snapshot), 0, &reply, &trouble) ||
	    reply.is_unsure)
		return TRUE;
	*ret_is_other = reply.code == UPDATE_FAILED && strstr(trouble->message, IN_PROGRESS);
	if (*ret_is_other)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean is_under_way(const char *state)
{
	return g_strcmp0(state, "transferring") == 0 || g_strcmp0(state, "queued") == 0;
}

static gboolean pause_before(gint64 deadline, GError **error)
{
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (g_get_monotonic_time() >= deadline)
		return vk_fail(error, VK_ERROR_BUSY, "its transfer is still running");
	g_usleep(POLL_US);
	return TRUE;
}

/*
 * The relationship once nothing is under way on it. The end of a transfer called BEFORE (nullable)
 * still stands there for a while after the next was asked for. New reference.
 */
static json_t *await_end(VkOntap *destination, const char *uuid, const char *before,
			 gint64 deadline, GError **error)
{
	gint64 begun = g_get_monotonic_time();
	g_autofree char *path = g_strconcat(VK_ONTAP_RELATIONSHIPS "/", uuid, NULL);
	g_autofree char *url = vk_ontap_url(path, "fields", VK_ONTAP_RELATION_FIELDS, NULL);

	for (;;) {
		g_autoptr(json_t) record = vk_ontap_get(destination->rest, url, error);
		gboolean is_old =
			g_strcmp0(vk_json_nested_string(record, "transfer", "uuid"), before) == 0 &&
			g_get_monotonic_time() - begun < BEGINS_WITHIN_US;

		if (!record)
			return NULL;
		if (!is_old && !is_under_way(vk_json_nested_string(record, "transfer", "state")))
			return g_steal_pointer(&record);
		if (!pause_before(deadline, error))
			return NULL;
	}
}

static gboolean judge_transfer(const json_t *record, GError **error)
{
	const char *state = vk_json_nested_string(record, "transfer", "state");
	g_autofree char *reason = find_reason(record);

	return g_strcmp0(state, "success") == 0 ||
	       vk_fail(error, VK_ERROR_FAILED, "its transfer ended as '%s'%s%s",
		       state ? state : "none", reason ? ": " : "", reason ? reason : "");
}

static gboolean has_arrived(VkOntap *destination, const char *path, const char *snapshot,
			    const char *policy, GError **error)
{
	g_autoptr(json_t) volume = vk_ontap_volume_of(destination, path, error);
	const char *uuid = vk_json_optional_string(volume, "uuid");
	g_autoptr(json_t) found = NULL;

	if (!volume || !vk_ontap_find_snapshot(destination, uuid, snapshot, 0, &found, error))
		return FALSE;
	return found || vk_fail(error, VK_ERROR_FAILED,
				"the snapshot did not arrive: its label has no rule in the policy "
				"'%s'",
				policy ? policy : "?");
}

/* The snapshot along one relationship, after what is under way there. */
static gboolean transfer(VkOntap *destination, const json_t *record, const char *snapshot,
			 guint wait_sec, GError **error)
{
	const char *uuid = vk_json_optional_string(record, "uuid");
	gint64 deadline = g_get_monotonic_time() + (gint64)wait_sec * G_USEC_PER_SEC;
	g_autofree char *before = g_strdup(vk_json_nested_string(record, "transfer", "uuid"));
	g_autoptr(json_t) ended = NULL;
	gboolean is_other = TRUE;

	while (is_other) {
		if (!begin(destination, uuid, snapshot, &is_other, error))
			return FALSE;
		if (wait_sec == 0)
			return TRUE;
		g_clear_pointer(&ended, json_decref);
		ended = await_end(destination, uuid, is_other ? NULL : before, deadline, error);
		/* What is in the way need not show as a transfer. */
		if (!ended || (is_other && !pause_before(deadline, error)))
			return FALSE;
		g_free(before);
		before = g_strdup(vk_json_nested_string(ended, "transfer", "uuid"));
	}
	return judge_transfer(ended, error) &&
	       has_arrived(destination, vk_json_nested_string(record, "destination", "path"),
			   snapshot, vk_json_nested_string(record, "policy", "name"), error);
}

/* What the caller of vk_ontap_replicate() wants. */
typedef struct Order {
	guint wait_sec;
	guint count; /* relationships of the volume */
} Order;

static gboolean update(const VkOntapSearch *search, VkOntap *destination, const json_t *record,
		       gpointer data, GError **error)
{
	const Order *order = data;
	const char *uuid = vk_json_optional_string(record, "uuid");
	const char *path = vk_json_nested_string(record, "destination", "path");

	if (!uuid || !g_uuid_string_is_valid(uuid) || !path)
		return vk_fail(error, VK_ERROR_FAILED, "the array sent an incomplete relationship");
	if (transfer(destination, record, search->snapshot, order->wait_sec, error))
		return TRUE;
	g_prefix_error(error, "the relationship from '%s' to '%s': ", search->path, path);
	return FALSE;
}

static gboolean update_volume(const VkOntapSearch *search, gpointer data, GError **error)
{
	Order *order = data;
	g_autoptr(GError) first = NULL;

	order->count = 0;
	for (guint i = 0; i < search->arrays->len; i++) {
		VkArray *array = g_ptr_array_index(search->arrays, i);

		/* One that does not answer need not be the one that has a relationship. */
		if (array->ops == search->source->base.ops)
			vk_ontap_visit(search, (VkOntap *)array, update, order, &order->count,
				       first ? NULL : &first);
	}
	if (first) {
		g_propagate_error(error, g_steal_pointer(&first));
		return FALSE;
	}
	return order->count > 0 ||
	       vk_fail(error, VK_ERROR_NOT_FOUND,
		       "the volume '%s' is not replicated to an array of the configuration",
		       search->path);
}

gboolean vk_ontap_replicate(VkArray *array, const GPtrArray *arrays, const json_t *copy,
			    guint wait_sec, GError **error)
{
	Order order = {.wait_sec = wait_sec};

	return each_volume((VkOntap *)array, arrays, copy, update_volume, &order, error);
}
