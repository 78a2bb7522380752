/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heal-replica.h"

#include "catalog.h"
#include "map-walk.h"
#include "slot-set.h"
#include "vault-image.h"
#include "vault-parts.h"

#include "interrupt.h"

#include <string.h>

typedef struct Search {
	VkVault *vault, *other;
	VkHealer *healer;
	VkHasher *ids;
	VkSlotSet *missing;
	guint8 *buf; /* a block */
} Search;

/* FALSE: nothing is missing any more. */
static gboolean look_what_is_missing(Search *search)
{
	g_autoptr(GArray) missing = vk_healer_missing(search->healer);

	vk_slot_set_free(search->missing);
	search->missing = vk_slot_set_new();
	for (guint i = 0; i < missing->len; i++) {
		const VkMissingSlot *place = &g_array_index(missing, VkMissingSlot, i);

		vk_slot_set_add(search->missing, &place->pack, place->slot, 1);
	}
	return missing->len > 0;
}

static gboolean offer_block(const Search *search, VkImage *image, guint32 block, GError **error)
{
	guint64 offset = (guint64)block << VK_BLOCK_LOG2;
	VkHashed hashed = {.data = search->buf,
			   .length = (gsize)MIN(VK_BLOCK_SIZE, image->size - offset)};

	if (!vk_image_read(image, offset, search->buf, hashed.length, NULL))
		return TRUE;
	vk_hasher_run(search->ids, &hashed, 1);
	vk_healer_offer(search->healer, &hashed);
	return !vk_healer_is_full(search->healer) || vk_healer_put(search->healer, error);
}

static gboolean look_in_extent(const Search *search, VkImage *image, const VkExtent *extent,
			       GError **error)
{
	VkSlots slots;

	if (extent->kind != VK_EXTENT_DATA ||
	    !vk_slot_set_of_pack(search->missing, &extent->pack, &slots))
		return TRUE;
	for (guint32 i = 0; i < extent->count; i++)
		if (vk_slots_have(&slots, extent->slot + i) &&
		    !offer_block(search, image, extent->first + i, error))
			return FALSE;
	return TRUE;
}

/* What is behind a damaged page of the map is not looked for. */
static gboolean look_in_image(const Search *search, const VkImageRecord *here,
			      const VkImageRecord *there, GError **error)
{
	g_autoptr(VkImage) image = NULL;
	g_autoptr(VkMap) map = NULL;
	g_autoptr(VkMapWalk) walk = NULL;
	gboolean present;
	VkExtent extent;

	if (!here->runs || !there || !there->runs || here->size != there->size)
		return TRUE;
	image = vk_vault_image_open(search->other, there, NULL);
	map = vk_map_new(search->vault->blocks, here->runs, vk_blocks_of_size(here->size));
	walk = vk_map_walk_new(map);
	while (image && vk_map_walk_next(walk, &extent, &present, NULL) && extent.count > 0) {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!look_in_extent(search, image, &extent, error))
			return FALSE;
	}
	return TRUE;
}

static const VkImageRecord *find_file(const VkSnapshot *snapshot, const char *name)
{
	for (guint i = 0; i < snapshot->files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(snapshot->files, i);

		if (strcmp(file->name, name) == 0)
			return file->image;
	}
	return NULL;
}

static gboolean look_in_snapshot(const Search *search, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(VkSnapshot) here = vk_catalog_load(search->vault, key, NULL);
	g_autoptr(VkSnapshot) there = here ? vk_catalog_load(search->other, key, NULL) : NULL;

	if (!there)
		return TRUE;
	for (guint i = 0; i < here->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(here->disks, i);
		const VkDiskRecord *same = vk_snapshot_find_disk(there, disk->target);

		if (!look_in_image(search, disk->image, same ? same->image : NULL, error))
			return FALSE;
	}
	for (guint i = 0; i < here->files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(here->files, i);

		if (!look_in_image(search, file->image, find_file(there, file->name), error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_heal_from_replica(VkVault *vault, VkHealer *healer, VkHasher *ids, VkVault *other,
			      GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);
	Search search = {.vault = vault, .other = other, .healer = healer, .ids = ids};
	gboolean done = keys != NULL;

	search.buf = g_malloc(VK_BLOCK_SIZE);
	for (guint i = 0; done && i < keys->len && look_what_is_missing(&search); i++)
		done = look_in_snapshot(&search, g_ptr_array_index(keys, i), error);
	vk_slot_set_free(search.missing);
	g_free(search.buf);
	return done;
}
