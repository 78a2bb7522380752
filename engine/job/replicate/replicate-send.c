/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replicate-send.h"

#include "replicate-plan.h"
#include "stored-source.h"

#include "errors.h"
#include "interrupt.h"
#include "log.h"

#include <string.h>

/* How many snapshots that both vaults list are tried as a base. */
#define BASES_MAX 4u

/* A snapshot as both vaults have it. */
typedef struct Base {
	VkSnapshot *from, *to;
} Base;

struct VkReplicaSender {
	VkVault *from, *to;
	guint workers;
	VkRateLimit *limit;
	VkSession *session; /* NULL until something is sent */
	Base base;          /* its members are NULL: there is none */
};

static void base_clear(Base *base)
{
	g_clear_pointer(&base->from, vk_snapshot_free);
	g_clear_pointer(&base->to, vk_snapshot_free);
}

VkReplicaSender *vk_replica_sender_new(VkVault *from, VkVault *to, guint workers,
				       VkRateLimit *limit)
{
	VkReplicaSender *sender = g_new0(VkReplicaSender, 1);

	sender->from = from;
	sender->to = to;
	sender->workers = workers;
	sender->limit = limit;
	return sender;
}

void vk_replica_sender_free(VkReplicaSender *sender)
{
	if (!sender)
		return;
	base_clear(&sender->base);
	vk_session_free(sender->session);
	g_free(sender);
}

static gboolean ensure_session(VkReplicaSender *sender, GError **error)
{
	if (sender->session)
		return TRUE;
	sender->session = vk_session_new(sender->to, sender->workers, error);
	if (sender->session)
		vk_session_set_limit(sender->session, sender->limit);
	return sender->session != NULL;
}

static gboolean load_base(VkReplicaSender *sender, const VkSnapshotKey *from,
			  const VkSnapshotKey *to)
{
	Base *base = &sender->base;

	base->from = vk_catalog_load(sender->from, from, NULL);
	base->to = base->from ? vk_catalog_load(sender->to, to, NULL) : NULL;
	if (!base->to)
		base_clear(base);
	return base->to != NULL;
}

/* Number I of the neighbours of number AT: those before it first, the nearest first. */
static const VkSnapshotKey *neighbour(const GPtrArray *keys, guint at, guint i)
{
	if (i < at)
		return g_ptr_array_index(keys, at - 1 - i);
	return i + 1 < keys->len ? g_ptr_array_index(keys, i + 1) : NULL;
}

/* The nearest snapshot that both vaults list. Without one, all is looked at. */
static void find_base(VkReplicaSender *sender, const VkSnapshotKey *key, const GPtrArray *from,
		      const GPtrArray *to)
{
	const VkSnapshotKey *other;
	guint at = 0, tries = 0;

	while (at < from->len && strcmp(((VkSnapshotKey *)from->pdata[at])->id, key->id) != 0)
		at++;
	for (guint i = 0; tries < BASES_MAX && (other = neighbour(from, at, i)); i++) {
		const VkSnapshotKey *there = vk_replica_find_key(to, other->id);

		if (other->forgotten || !there || there->forgotten)
			continue;
		tries++;
		if (load_base(sender, other, there))
			return;
	}
}

/* What both have of the image that was called NAME then. */
typedef struct Pair {
	const VkImageRecord *from, *to; /* NULL: they do not have the same */
} Pair;

static Pair make_pair(const VkImageRecord *from, const VkImageRecord *to, guint64 size)
{
	if (from && to && from->runs && to->runs && from->size == size && to->size == size)
		return (Pair){.from = from, .to = to};
	return (Pair){0};
}

static const VkImageRecord *image_of_file(const VkSnapshot *snapshot, const char *name)
{
	for (guint i = 0; i < snapshot->files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(snapshot->files, i);

		if (strcmp(file->name, name) == 0)
			return file->image;
	}
	return NULL;
}

static const VkImageRecord *image_of_disk(const VkSnapshot *snapshot, const char *target)
{
	const VkDiskRecord *disk = vk_snapshot_find_disk(snapshot, target);

	return disk ? disk->image : NULL;
}

static VkImageRecord *save(VkReplicaSender *sender, const VkImageRecord *image, const Pair *pair,
			   VkSaveStats *stats, VkProgress *progress, GError **error)
{
	g_autoptr(VkSource) source = vk_stored_source_new(sender->from, image, pair->from);

	return vk_session_save_stored(sender->session, source,
				      vk_stored_source_calls(sender->from, sender->to), pair->to,
				      stats, progress, error);
}

/* If the base is damaged in either vault, the image is looked at in whole. */
static VkImageRecord *send_image(VkReplicaSender *sender, const VkImageRecord *image, Pair pair,
				 VkSaveStats *stats, VkProgress *progress, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	VkImageRecord *record = save(sender, image, &pair, stats, progress, &trouble);

	if (!record && pair.from && !vk_interrupted() &&
	    (stats->parent_damaged || g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))) {
		stats->parent_damaged = FALSE;
		vk_progress_await(progress, 1);
		return save(sender, image, &(Pair){0}, stats, progress, error);
	}
	if (!record)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return record;
}

/* Puts the image that the other vault has in the place of *IMAGE. */
static gboolean replace_image(VkReplicaSender *sender, VkImageRecord **image, Pair pair,
			      VkSaveStats *stats, VkProgress *progress, GError **error)
{
	VkImageRecord *record = send_image(sender, *image, pair, stats, progress, error);

	if (!record)
		return FALSE;
	/* The first vault may know better what is in it. */
	record->allocated = (*image)->allocated;
	vk_image_record_free(*image);
	*image = record;
	return TRUE;
}

static gboolean send_disk(VkReplicaSender *sender, VkDiskRecord *disk, VkSaveStats *stats,
			  VkProgress *progress, GError **error)
{
	const Base *base = &sender->base;
	VkSaveStats own = {0};
	Pair pair = {0};

	if (base->from)
		pair = make_pair(image_of_disk(base->from, disk->target),
				 image_of_disk(base->to, disk->target), disk->image->size);
	if (!replace_image(sender, &disk->image, pair, &own, progress, error)) {
		g_prefix_error(error, "disk '%s': ", disk->target);
		return FALSE;
	}
	g_clear_pointer(&disk->bitmap, g_free);
	disk->read = own.read;
	disk->fresh = own.fresh;
	disk->stored = own.stored;
	stats->read += own.read;
	stats->fresh += own.fresh;
	stats->stored += own.stored;
	return TRUE;
}

static gboolean send_file(VkReplicaSender *sender, VkFileRecord *file, VkSaveStats *stats,
			  VkProgress *progress, GError **error)
{
	const Base *base = &sender->base;
	Pair pair = {0};

	if (base->from)
		pair = make_pair(image_of_file(base->from, file->name),
				 image_of_file(base->to, file->name), file->image->size);
	if (replace_image(sender, &file->image, pair, stats, progress, error))
		return TRUE;
	g_prefix_error(error, "file '%s': ", file->name);
	return FALSE;
}

static gboolean send_images(VkReplicaSender *sender, VkSnapshot *snapshot, VkSaveStats *stats,
			    VkProgress *progress, GError **error)
{
	vk_progress_await(progress, (int)(snapshot->disks->len + snapshot->files->len));
	for (guint i = 0; i < snapshot->disks->len; i++)
		if (!send_disk(sender, g_ptr_array_index(snapshot->disks, i), stats, progress,
			       error))
			return FALSE;
	for (guint i = 0; i < snapshot->files->len; i++)
		if (!send_file(sender, g_ptr_array_index(snapshot->files, i), stats, progress,
			       error))
			return FALSE;
	return TRUE;
}

/* When clocks were wrong, the first vault knows that it was committed before one dated earlier. */
static gboolean note_order(VkReplicaSender *sender, const VkSnapshotKey *key, GError **error)
{
	return !key->is_noted || vk_catalog_note_before(sender->to, key, key->before, error);
}

/*
 * Finds what is to be the base of the snapshot KEY. It is checked under the lease that the images
 * are saved with.
 */
static gboolean take_base(VkReplicaSender *sender, const VkSnapshotKey *key, const GPtrArray *from,
			  const GPtrArray *to, GError **error)
{
	Base *base = &sender->base;
	g_autoptr(GError) trouble = NULL;

	if (base->from && strcmp(base->from->uuid, key->uuid) != 0)
		base_clear(base);
	if (!base->from)
		find_base(sender, key, from, to);
	if (vk_session_check_parent(sender->session, base->to, &trouble))
		return TRUE;
	base_clear(base);
	/* It was forgotten a moment ago. */
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_replica_send(VkReplicaSender *sender, const VkSnapshotKey *key, const GPtrArray *from,
			 const GPtrArray *to, VkProgress *progress, VkSaveStats *stats,
			 gboolean *ret_on_array, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(sender->from, key, error);
	g_autoptr(VkSnapshot) replica = NULL;

	*ret_on_array = snapshot && !vk_snapshot_is_in_vault(snapshot);
	if (!snapshot || *ret_on_array)
		return snapshot != NULL;
	replica = vk_catalog_load(sender->from, key, error);
	if (!replica || !ensure_session(sender, error) ||
	    !take_base(sender, key, from, to, error) ||
	    !send_images(sender, replica, stats, progress, error))
		return FALSE;
	/* No backup into the other vault may build on what belongs to this one. */
	g_clear_pointer(&replica->checkpoint, g_free);
	g_clear_pointer(&replica->checkpoint_xml, g_free);
	if (!note_order(sender, key, error) ||
	    !vk_session_commit_replica(sender->session, replica, error))
		return FALSE;
	base_clear(&sender->base);
	sender->base = (Base){.from = g_steal_pointer(&snapshot), .to = g_steal_pointer(&replica)};
	return TRUE;
}
