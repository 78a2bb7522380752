/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replica-note.h"

#include "checked-json.h"
#include "layout.h"
#include "log.h"
#include "snapshot.h"
#include "vault-parts.h"
#include "vault-room.h"

#include <string.h>

#define NOTE_PREFIX "replicated-"
#define IDS_MAX     (1u << 20)

struct VkReplicaNote {
	VkVault *vault;
	const VkVault *other;
	char *folder;       /* of the guest */
	GHashTable *ids;    /* of snapshots, a set */
	GPtrArray *objects; /* that a new note replaces */
	gboolean is_changed;
};

static gboolean take_ids(VkReplicaNote *note, const json_t *object)
{
	json_t *ids;
	gsize i;
	json_t *id;

	if (!object || !vk_json_array(object, "snapshots", &ids, NULL) ||
	    json_array_size(ids) > IDS_MAX)
		return FALSE;
	json_array_foreach (ids, i, id)
		if (json_is_string(id) && vk_is_snapshot_id(json_string_value(id)))
			g_hash_table_add(note->ids, g_strdup(json_string_value(id)));
	return TRUE;
}

static void load_object(VkReplicaNote *note, const char *name)
{
	char *object = g_strconcat(note->folder, "/", name, NULL);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) json = vk_checked_json_get(note->vault->store, object, &trouble);

	if (!take_ids(note, json) && note->vault->warn)
		note->vault->warn("a note of what was replicated cannot be read, so forgotten "
				  "snapshots may come back: '%s': %s",
				  object, trouble ? trouble->message : "it is no note");
	g_ptr_array_add(note->objects, object);
}

VkReplicaNote *vk_replica_note_load(VkVault *vault, const VkVault *other, const char *uuid,
				    const GPtrArray *names)
{
	VkReplicaNote *note = g_new0(VkReplicaNote, 1);
	g_autofree char *prefix = g_strconcat(NOTE_PREFIX, vk_vault_id(other), "-", NULL);

	note->vault = vault;
	note->other = other;
	note->folder = g_strconcat(VK_FOLDER_SNAPS "/", uuid, NULL);
	note->ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	note->objects = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < names->len; i++)
		if (g_str_has_prefix(g_ptr_array_index(names, i), prefix))
			load_object(note, g_ptr_array_index(names, i));
	return note;
}

void vk_replica_note_free(VkReplicaNote *note)
{
	if (!note)
		return;
	g_free(note->folder);
	g_hash_table_unref(note->ids);
	g_ptr_array_unref(note->objects);
	g_free(note);
}

gboolean vk_replica_note_has(const VkReplicaNote *note, const char *snapshot_id)
{
	return g_hash_table_contains(note->ids, snapshot_id);
}

void vk_replica_note_add(VkReplicaNote *note, const char *snapshot_id)
{
	if (g_hash_table_add(note->ids, g_strdup(snapshot_id)))
		note->is_changed = TRUE;
}

void vk_replica_note_prune(VkReplicaNote *note, GHashTable *keep)
{
	GHashTableIter iter;
	gpointer id;

	g_hash_table_iter_init(&iter, note->ids);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		if (!g_hash_table_contains(keep, id))
			g_hash_table_iter_remove(&iter);
}

static json_t *to_json(const VkReplicaNote *note)
{
	g_autoptr(GList) ids = g_list_sort(g_hash_table_get_keys(note->ids), (GCompareFunc)strcmp);
	json_t *array = json_array();

	for (const GList *id = ids; id; id = id->next)
		json_array_append_new(array, json_string(id->data));
	return json_pack("{s:s, s:o}", "vault", vk_vault_id(note->other), "snapshots", array);
}

/* The new one is there: one of these that stays says nothing wrong. */
static void delete_replaced(VkReplicaNote *note)
{
	VkStore *store = note->vault->store;

	for (guint i = 0; i < note->objects->len; i++) {
		g_autoptr(GError) trouble = NULL;

		if (!store->ops->delete (store, g_ptr_array_index(note->objects, i), &trouble))
			vk_log_debug("an old note stays, ignoring: %s", trouble->message);
	}
	g_ptr_array_set_size(note->objects, 0);
}

gboolean vk_replica_note_put(VkReplicaNote *note, GError **error)
{
	g_autoptr(json_t) object = NULL;
	char *name;

	if (!note->is_changed)
		return TRUE;
	object = to_json(note);
	name = g_strdup_printf("%s/" NOTE_PREFIX "%s-%08x%08x", note->folder,
			       vk_vault_id(note->other), g_random_int(), g_random_int());
	if (!vk_vault_put_json(note->vault, name, object, VK_PUT_NOW, error)) {
		g_free(name);
		return FALSE;
	}
	delete_replaced(note);
	g_ptr_array_add(note->objects, name);
	note->is_changed = FALSE;
	return TRUE;
}
