/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-copy.h"

#include "catalog.h"
#include "errors.h"
#include "last-snapshot.h"
#include "read-lease.h"
#include "session.h"

/* A copy from an array is compared only with the guest's last copy in the vault. */
static const VkImageRecord *find_parent(const VkSnapshot *last, const VkDiskRecord *disk)
{
	const VkDiskRecord *earlier = last ? vk_snapshot_find_disk(last, disk->target) : NULL;

	return earlier ? earlier->image : NULL;
}

static gboolean copy_disk(VkSession *session, VkArrays *arrays, VkDiskRecord *disk,
			  const VkSnapshot *last, VkProgress *progress, GError **error)
{
	g_autoptr(VkSource) source = vk_arrays_open(arrays, disk->image->array, error);
	VkSaveStats stats = {0};
	VkImageRecord *image;

	if (!source)
		return FALSE;
	if (source->size != disk->image->size)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "its copy on the array has another size than it had");
	image = vk_session_save(session, source, find_parent(last, disk), &stats, progress, error);
	if (!image)
		return FALSE;
	image->array = json_incref(disk->image->array);
	vk_image_record_free(disk->image);
	disk->image = image;
	disk->read = stats.read;
	disk->fresh = stats.fresh;
	disk->stored = stats.stored;
	return TRUE;
}

/*
 * Meanwhile a backup may have found that the snapshot's time on the array is over, and removed it
 * altogether. The copies of a forgotten one stay, for it may be listed again.
 */
static gboolean check_listed(VkVault *vault, const VkSnapshot *snapshot, GError **error)
{
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};
	g_autoptr(GPtrArray) listed = vk_catalog_list(vault, snapshot->uuid, error);
	g_autoptr(GPtrArray) all = NULL;

	if (!listed || vk_catalog_has_id(listed, snapshot->id))
		return listed != NULL;
	all = vk_catalog_list_all(vault, snapshot->uuid, error);
	if (!all)
		return FALSE;
	if (vk_catalog_has_id(all, snapshot->id))
		return vk_fail(error, VK_ERROR_NOT_FOUND, "it was forgotten while it was copied");
	vk_catalog_delete(vault, &key, NULL);
	return vk_fail(error, VK_ERROR_NOT_FOUND,
		       "its retention on the array ended while it was copied, and it was removed");
}

static void await_disks(const VkSnapshot *snapshot, VkProgress *progress)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		vk_progress_await(progress, disk->image->runs ? 0 : 1);
	}
}

gboolean vk_vault_copy(VkVault *vault, VkArrays *arrays, VkSnapshot *snapshot, guint workers,
		       VkProgress *progress, GError **error)
{
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};
	g_autoptr(VkReadLease) lease = NULL;
	g_autoptr(VkSession) session = NULL;
	g_autoptr(VkSnapshot) last = NULL;

	if (vk_snapshot_is_in_vault(snapshot))
		return TRUE;
	lease = vk_read_lease_begin(vault, &key, error);
	if (!lease || !vk_last_snapshot_load(vault, snapshot->uuid, &last, error))
		return FALSE;
	session = vk_session_new(vault, workers, error);
	if (!session || !vk_session_check_parent(session, last, error))
		return FALSE;
	await_disks(snapshot, progress);
	for (guint i = 0; i < snapshot->disks->len; i++) {
		VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (disk->image->runs || copy_disk(session, arrays, disk, last, progress, error))
			continue;
		g_prefix_error(error, "disk '%s': ", disk->target);
		return FALSE;
	}
	return vk_session_commit_copies(session, snapshot, error) &&
	       check_listed(vault, snapshot, error);
}
