/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists and removes what virtkeep made on the array: snapshots, and leftovers of killed runs. */
#include "ontap-group.h"
#include "ontap-lun.h"
#include "ontap-snapshot.h"

/* The place of each volume of DISK, once. Borrowed. */
static GPtrArray *places_of(const VkOntapDisk *disk)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *places = g_ptr_array_new();

	for (guint i = 0; i < disk->layers->len; i++) {
		VkOntapLayer *layer = g_ptr_array_index(disk->layers, i);

		if (g_hash_table_add(seen, layer->place.volume))
			g_ptr_array_add(places, &layer->place);
	}
	return places;
}

GPtrArray *vk_ontap_list_snapshots(VkArray *array, const VkArrayDisk *base, const char *vault_id,
				   const char *uuid, GError **error)
{
	VkOntap *ontap = (VkOntap *)array;
	g_autoptr(GPtrArray) found =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_snapshot_free);
	g_autoptr(GPtrArray) places = places_of((const VkOntapDisk *)base);

	for (guint i = 0; i < places->len; i++) {
		VkOntapPlace *place = g_ptr_array_index(places, i);
		g_autoptr(GPtrArray) one = g_ptr_array_new();

		g_ptr_array_add(one, place);
		if (!vk_ontap_list_volume(ontap, place->volume, vault_id, uuid, found, error) ||
		    !vk_ontap_list_groups(ontap, one, found, error) ||
		    (place->lun &&
		     !vk_ontap_list_clones(ontap, place->svm, place->volume_name, found, error)))
			return NULL;
	}
	return g_steal_pointer(&found);
}

gboolean vk_ontap_drop_snapshot(VkOntap *ontap, const char *volume, const char *name,
				GError **error)
{
	gboolean was_there;

	if (!vk_ontap_delete_snapshot(ontap, volume, name, &was_there, error))
		return FALSE;
	if (was_there)
		vk_ontap_group_tidy(ontap, volume, name);
	return TRUE;
}

gboolean vk_ontap_remove_snapshot(VkArray *array, const json_t *handle, GError **error)
{
	const char *volume, *name;

	if (json_object_get(handle, VK_ONTAP_CLONE))
		return vk_ontap_remove_clone((VkOntap *)array, handle, error);
	if (json_object_get(handle, VK_ONTAP_GROUP))
		return vk_ontap_remove_group((VkOntap *)array, handle, error);
	return vk_ontap_read_handle(handle, &volume, &name, error) &&
	       vk_ontap_drop_snapshot((VkOntap *)array, volume, name, error);
}
