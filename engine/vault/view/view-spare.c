/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view-spare.h"

#include "catalog.h"
#include "log.h"
#include "read-lease.h"
#include "spare-image.h"
#include "vault-image.h"

#include <string.h>

/* An image of a snapshot, to be found in other vaults. */
typedef struct Search {
	const VkSnapshot *snapshot;
	const VkImageRecord *record;
	const char *url;
	const VkOtherVaults *others;
	VkSnapshot *found; /* as another vault has it; NULL: not looked for, or not there */
	VkReadLease *lease;
} Search;

/* The record of the same disk or file in FOUND, if the vault has it; else NULL. */
static const VkImageRecord *find_record(const Search *search, const VkSnapshot *found)
{
	const VkSnapshot *snapshot = search->snapshot;
	const VkImageRecord *record = NULL;

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		const VkDiskRecord *same = vk_snapshot_find_disk(found, disk->target);

		if (disk->image == search->record && same)
			record = same->image;
	}
	for (guint i = 0; i < snapshot->files->len && i < found->files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(snapshot->files, i);
		const VkFileRecord *same = g_ptr_array_index(found->files, i);

		if (file->image == search->record && strcmp(file->name, same->name) == 0)
			record = same->image;
	}
	return record && record->runs && record->size == search->record->size ? record : NULL;
}

static VkImage *open_in(Search *search, VkVault *vault)
{
	const VkSnapshotKey key = {.uuid = search->snapshot->uuid,
				   .time = search->snapshot->time,
				   .id = search->snapshot->id};
	g_autoptr(VkReadLease) lease = vk_read_lease_begin(vault, &key, NULL);
	g_autoptr(VkSnapshot) found = lease ? vk_catalog_load(vault, &key, NULL) : NULL;
	const VkImageRecord *record = found ? find_record(search, found) : NULL;
	VkImage *image = record ? vk_vault_image_open(vault, record, NULL) : NULL;

	if (!image)
		return NULL;
	vk_log_warning("the snapshot '%s@%s' is damaged in the vault '%s': what is lost there is "
		       "read from '%s'",
		       search->snapshot->name, key.time, search->url, vk_vault_url(vault));
	search->found = g_steal_pointer(&found);
	search->lease = g_steal_pointer(&lease);
	return image;
}

static VkImage *open_spare(gpointer user)
{
	Search *search = user;
	VkImage *image = NULL;

	for (guint i = 0; !image && i < search->others->count; i++) {
		VkVault *vault = search->others->get(search->others->user, i);

		if (vault && vk_vault_may_read_blocks(vault, NULL))
			image = open_in(search, vault);
	}
	return image;
}

static void free_search(gpointer user)
{
	Search *search = user;

	vk_snapshot_free(search->found);
	vk_read_lease_end(search->lease);
	g_free(search);
}

VkImage *vk_view_add_spare(VkImage *image, const VkSnapshot *snapshot, const VkImageRecord *record,
			   const char *url, const VkOtherVaults *others)
{
	static const VkSpareCalls calls = {.open = open_spare, .free = free_search};
	Search *search = g_new0(Search, 1);

	search->snapshot = snapshot;
	search->record = record;
	search->url = url;
	search->others = others;
	return vk_spare_image_new(image, &calls, search);
}
