/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of volumes: made, found, marked and removed by their names and comments. */
#include "errors.h"
#include "json.h"
#include "ontap-snapshot.h"
#include "timestamp.h"

#include <string.h>

#define COMMENT_WORD  "virtkeep"
#define UNLISTED_WORD "unlisted"
#define FIELDS        "uuid,name,comment,owners,expiry_time"

char *vk_ontap_new_name(const char *vault_id)
{
	g_autofree char *now = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);

	return g_strdup_printf(VK_ONTAP_NAME_PREFIX "%.*s_%s_%08x", VK_ARRAY_VAULT_DIGITS, vault_id,
			       now, g_random_int());
}

char *vk_ontap_comment(const char *vault_id, const char *guest, const char *id,
		       gboolean is_unlisted)
{
	g_autofree char *of = guest ? g_strdup_printf(" %s %s", guest, id) : g_strdup("");

	return g_strdup_printf(COMMENT_WORD " %s%s%s", vault_id, of,
			       is_unlisted ? " " UNLISTED_WORD : "");
}

/* What the comment of one of our snapshots says. */
typedef struct Mark {
	char *vault, *guest, *id; /* the latter two are NULL when it has several guests */
	gboolean is_unlisted;
} Mark;

static void mark_clear(Mark *mark)
{
	g_free(mark->vault);
	g_free(mark->guest);
	g_free(mark->id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Mark, mark_clear)

/* FALSE when RECORD is not our snapshot. */
static gboolean read_mark(const json_t *record, Mark *ret)
{
	const char *name = vk_json_optional_string(record, "name");
	const char *comment = vk_json_optional_string(record, "comment");
	g_auto(GStrv) words = g_strsplit(comment ? comment : "", " ", -1);
	guint count = g_strv_length(words);

	*ret = (Mark){0};
	if (!name || !g_str_has_prefix(name, VK_ONTAP_NAME_PREFIX) || count < 2 ||
	    strcmp(words[0], COMMENT_WORD) != 0 ||
	    strncmp(name + strlen(VK_ONTAP_NAME_PREFIX), words[1], VK_ARRAY_VAULT_DIGITS) != 0)
		return FALSE;
	ret->is_unlisted = strcmp(words[count - 1], UNLISTED_WORD) == 0;
	count -= ret->is_unlisted;
	if (count != 2 && count != 4)
		return FALSE;
	ret->vault = g_strdup(words[1]);
	ret->guest = count == 4 ? g_strdup(words[2]) : NULL;
	ret->id = count == 4 ? g_strdup(words[3]) : NULL;
	return TRUE;
}

static char *snapshots_path(const char *volume)
{
	return g_strdup_printf("/api/storage/volumes/%s/snapshots", volume);
}

gboolean vk_ontap_find_snapshot(VkOntap *ontap, const char *volume, const char *name,
				gint64 deadline, json_t **ret, GError **error)
{
	g_autofree char *path = snapshots_path(volume);
	g_autofree char *url = vk_ontap_url(path, "name", name, "fields", FIELDS, NULL);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) records = vk_ontap_list(ontap->rest, url, deadline, &trouble);
	gsize index;
	json_t *record;

	*ret = NULL;
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	if (!records) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	json_array_foreach (records, index, record)
		if (g_strcmp0(vk_json_optional_string(record, "name"), name) == 0)
			*ret = json_incref(record);
	return TRUE;
}

gboolean vk_ontap_take_snapshot(VkOntap *ontap, const char *volume, const json_t *body,
				gint64 deadline, GError **error)
{
	g_autofree char *path = snapshots_path(volume);
	g_autofree char *url = vk_ontap_url(path, VK_ONTAP_AT_ONCE, NULL);
	const char *name = vk_json_optional_string(body, "name");

	for (guint tries = 1;; tries++) {
		g_autoptr(GError) trouble = NULL;
		g_autoptr(json_t) found = NULL;
		g_auto(VkOntapReply) reply = {0};

		/* The name is new: a snapshot that has it was made by an earlier try. */
		if (vk_ontap_change(ontap->rest, "POST", url, json_deep_copy(body), deadline,
				    &reply, &trouble) ||
		    reply.code == VK_ONTAP_NAME_TAKEN)
			return TRUE;
		if (reply.is_unsure &&
		    !vk_ontap_find_snapshot(ontap, volume, name,
					    vk_ontap_look_deadline(ontap->rest, deadline), &found,
					    error))
			return FALSE;
		if (found)
			return TRUE;
		if (!reply.is_unsure || tries >= VK_ONTAP_TRIES ||
		    g_get_monotonic_time() >= deadline) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
	}
}

/* The owner that keeps RECORD from being removed. New string; NULL: none. */
static char *find_owners(const json_t *record)
{
	const json_t *owners = json_object_get(record, "owners");
	g_autoptr(GString) text = g_string_new(NULL);
	gsize index;
	json_t *owner;

	json_array_foreach (owners, index, owner) {
		const char *name = json_string_value(owner);

		if (name && !g_str_has_suffix(name, "dependent"))
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", name);
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static gboolean refuse_held(const json_t *record, const char *name, GError **error)
{
	g_autofree char *owners = find_owners(record);

	return !owners || vk_fail(error, VK_ERROR_BUSY,
				  "the array snapshot '%s' is in use by %s: it stays until that "
				  "ends",
				  name, owners);
}

/* The URL of one snapshot, and nothing but one. New string. */
static char *snapshot_url(const char *volume, const json_t *record, GError **error)
{
	const char *uuid = vk_json_optional_string(record, "uuid");
	g_autofree char *path = NULL;

	if (!uuid || !g_uuid_string_is_valid(uuid)) {
		vk_fail(error, VK_ERROR_FAILED, "the array sent a snapshot without a uuid");
		return NULL;
	}
	path = g_strdup_printf("/api/storage/volumes/%s/snapshots/%s", volume, uuid);
	return vk_ontap_url(path, VK_ONTAP_AT_ONCE, NULL);
}

gboolean vk_ontap_change_snapshot(VkOntap *ontap, const char *volume, const json_t *record,
				  const json_t *body, GError **error)
{
	g_autofree char *url = snapshot_url(volume, record, error);
	g_auto(VkOntapReply) first = {0};
	g_auto(VkOntapReply) second = {0};
	g_autoptr(GError) trouble = NULL;

	if (!url)
		return FALSE;
	if (vk_ontap_change(ontap->rest, "PATCH", url, json_deep_copy(body), 0, &first, &trouble))
		return TRUE;
	if (first.is_unsure)
		return vk_ontap_change(ontap->rest, "PATCH", url, json_deep_copy(body), 0, &second,
				       error);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean delete_record(VkOntap *ontap, const char *volume, const char *name,
			      const json_t *record, GError **error)
{
	g_autofree char *url = snapshot_url(volume, record, error);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) left = NULL;
	g_auto(VkOntapReply) reply = {0};

	if (!url)
		return FALSE;
	if (vk_ontap_change(ontap->rest, "DELETE", url, NULL, 0, &reply, &trouble))
		return TRUE;
	if (reply.is_unsure && vk_ontap_find_snapshot(ontap, volume, name, 0, &left, NULL) && !left)
		return TRUE;
	if (reply.code == VK_ONTAP_IS_LOCKED || reply.code == VK_ONTAP_HAS_OWNER) {
		const char *expiry = vk_json_optional_string(record, "expiry_time");

		return vk_fail(
			error, VK_ERROR_BUSY,
			"the array snapshot '%s' is locked%s%s: it stays until that ends (%s)",
			name, expiry ? " until " : "", expiry ? expiry : "", trouble->message);
	}
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_ontap_delete_snapshot(VkOntap *ontap, const char *volume, const char *name,
				  gboolean *ret_was_there, GError **error)
{
	g_autoptr(json_t) record = NULL;
	g_auto(Mark) mark = {0};

	*ret_was_there = FALSE;
	if (!vk_ontap_find_snapshot(ontap, volume, name, 0, &record, error))
		return FALSE;
	if (!record)
		return TRUE;
	*ret_was_there = TRUE;
	if (!read_mark(record, &mark))
		return vk_fail(error, VK_ERROR_FAILED,
			       "the array snapshot '%s' does not have the name and comment of a "
			       "snapshot of virtkeep: "
			       "it is left alone",
			       name);
	return refuse_held(record, name, error) &&
	       delete_record(ontap, volume, name, record, error);
}

json_t *vk_ontap_handle(const char *volume, const char *name)
{
	return json_pack("{s:o, s:o}", "volume", vk_json_new_string(volume), "snapshot",
			 vk_json_new_string(name));
}

gboolean vk_ontap_read_handle(const json_t *handle, const char **ret_volume, const char **ret_name,
			      GError **error)
{
	if (!vk_json_string(handle, "volume", ret_volume, error) ||
	    !vk_json_string(handle, "snapshot", ret_name, error))
		return FALSE;
	return (g_uuid_string_is_valid(*ret_volume) &&
		g_str_has_prefix(*ret_name, VK_ONTAP_NAME_PREFIX)) ||
	       vk_fail(error, VK_ERROR_DAMAGE, "'%s' is not an array snapshot of virtkeep",
		       *ret_name);
}

/* When it was made, by its name. */
static gint64 time_of_name(const char *name)
{
	gsize start = strlen(VK_ONTAP_NAME_PREFIX) + VK_ARRAY_VAULT_DIGITS + 1;
	g_autofree char *text =
		strlen(name) > start ? g_strndup(name + start, strcspn(name + start, "_")) : NULL;
	gint64 seconds = 0;

	return text && vk_time_parse(text, &seconds, NULL) ? seconds : 0;
}

VkArraySnapshot *vk_ontap_snapshot_of_record(VkOntap *ontap, const char *volume,
					     const json_t *record)
{
	const char *name = vk_json_optional_string(record, "name");
	VkArraySnapshot *snapshot;
	g_auto(Mark) mark = {0};

	if (!read_mark(record, &mark))
		return NULL;
	snapshot =
		vk_array_snapshot_new(&ontap->base, name, vk_ontap_handle(volume, name), mark.id);
	snapshot->is_unlisted = mark.is_unlisted;
	snapshot->time = mark.id ? 0 : time_of_name(name);
	return snapshot;
}

static gboolean may_belong(const json_t *record, const char *vault_id, const char *uuid)
{
	g_auto(Mark) mark = {0};

	return read_mark(record, &mark) && strcmp(mark.vault, vault_id) == 0 &&
	       (!mark.guest || strcmp(mark.guest, uuid) == 0);
}

gboolean vk_ontap_list_volume(VkOntap *ontap, const char *volume, const char *vault_id,
			      const char *uuid, GPtrArray *found, GError **error)
{
	g_autofree char *path = snapshots_path(volume);
	g_autofree char *names =
		g_strdup_printf(VK_ONTAP_NAME_PREFIX "%.*s_*", VK_ARRAY_VAULT_DIGITS, vault_id);
	g_autofree char *url = vk_ontap_url(path, "name", names, "fields", FIELDS, NULL);
	g_autoptr(json_t) records = vk_ontap_list(ontap->rest, url, 0, error);
	gsize index;
	json_t *record;

	json_array_foreach (records, index, record)
		if (may_belong(record, vault_id, uuid))
			g_ptr_array_add(found, vk_ontap_snapshot_of_record(ontap, volume, record));
	return records != NULL;
}

/* The word "unlisted" goes from its comment or comes to it, all else of which stays. */
gboolean vk_ontap_set_listed(VkArray *array, const json_t *handle, gboolean listed, GError **error)
{
	VkOntap *ontap = (VkOntap *)array;
	g_autoptr(json_t) record = NULL;
	g_autoptr(json_t) body = NULL;
	g_autofree char *comment = NULL;
	const char *volume, *name;
	g_auto(Mark) mark = {0};

	if (!vk_ontap_read_handle(handle, &volume, &name, error) ||
	    !vk_ontap_find_snapshot(ontap, volume, name, 0, &record, error))
		return FALSE;
	if (!record || !read_mark(record, &mark))
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "the array has no snapshot '%s' of virtkeep", name);
	if (mark.is_unlisted == !listed)
		return TRUE;
	comment = vk_ontap_comment(mark.vault, mark.guest, mark.id, !listed);
	body = json_pack("{s:s}", "comment", comment);
	return vk_ontap_change_snapshot(ontap, volume, record, body, error);
}
