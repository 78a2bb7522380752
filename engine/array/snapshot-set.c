/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "snapshot-set.h"

#include "array-driver.h"
#include "errors.h"
#include "json.h"

#include <string.h>

/* A step that is done once, by the first caller. */
typedef struct Step {
	gboolean done;
	GError *error; /* what came of it */
} Step;

typedef struct Member {
	char *uuid, *id;
	GPtrArray *disks; /* VkSetDisk */
	gint64 limit;     /* monotonic: until when it is held */
	gboolean kept;
} Member;

struct VkSnapshotSet {
	VkArrays *arrays; /* borrowed */
	char *vault_id, *label;
	GMutex mutex;        /* guards all that follows; also held during the steps */
	GHashTable *members; /* uuid -> Member */
	GPtrArray *left;     /* Member: the parts borrow from them still */
	GHashTable *parts;   /* VkArray -> VkSetPart */
	Step prepared, snapped, settled;
};

static void set_disk_free(gpointer data)
{
	VkSetDisk *disk = data;

	vk_array_disk_free(disk->disk);
	g_clear_error(&disk->trouble);
	g_free(disk->target);
	g_free(disk);
}

static void member_free(gpointer data)
{
	Member *member = data;

	g_ptr_array_unref(member->disks);
	g_free(member->uuid);
	g_free(member->id);
	g_free(member);
}

static void part_free(gpointer data)
{
	VkSetPart *part = data;

	part->array->ops->part_free(part);
}

VkSnapshotSet *vk_snapshot_set_new(VkArrays *arrays, const char *vault_id, const char *label)
{
	VkSnapshotSet *set = g_new0(VkSnapshotSet, 1);

	set->arrays = arrays;
	set->vault_id = g_strdup(vault_id);
	set->label = g_strdup(label);
	g_mutex_init(&set->mutex);
	set->members = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, member_free);
	set->left = g_ptr_array_new_with_free_func(member_free);
	set->parts = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, part_free);
	return set;
}

void vk_snapshot_set_free(VkSnapshotSet *set)
{
	if (!set)
		return;
	/* The parts borrow from the members. */
	g_hash_table_unref(set->parts);
	g_hash_table_unref(set->members);
	g_ptr_array_unref(set->left);
	g_clear_error(&set->prepared.error);
	g_clear_error(&set->snapped.error);
	g_clear_error(&set->settled.error);
	g_mutex_clear(&set->mutex);
	g_free(set->vault_id);
	g_free(set->label);
	g_free(set);
}

void vk_snapshot_set_join(VkSnapshotSet *set, const char *uuid, const char *id)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);
	Member *member = g_new0(Member, 1);

	member->uuid = g_strdup(uuid);
	member->id = g_strdup(id);
	member->limit = G_MAXINT64;
	member->disks = g_ptr_array_new_with_free_func(set_disk_free);
	g_hash_table_insert(set->members, member->uuid, member);
}

void vk_snapshot_set_add(VkSnapshotSet *set, const char *uuid, const char *target,
			 VkArrayDisk *disk)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);
	Member *member = g_hash_table_lookup(set->members, uuid);
	VkSetDisk *added = g_new0(VkSetDisk, 1);

	added->uuid = member->uuid;
	added->id = member->id;
	added->target = g_strdup(target);
	added->disk = disk;
	g_ptr_array_add(member->disks, added);
}

/* The disks of all members on each array: VkArray -> GPtrArray of VkSetDisk, borrowed. */
static GHashTable *sort_disks(VkSnapshotSet *set)
{
	GHashTable *sorted = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
						   (GDestroyNotify)g_ptr_array_unref);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, set->members);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Member *member = value;

		for (guint i = 0; i < member->disks->len; i++) {
			VkSetDisk *disk = g_ptr_array_index(member->disks, i);
			GPtrArray *disks = g_hash_table_lookup(sorted, disk->disk->array);

			if (!disks) {
				disks = g_ptr_array_new();
				g_hash_table_insert(sorted, disk->disk->array, disks);
			}
			g_ptr_array_add(disks, disk);
		}
	}
	return sorted;
}

static gboolean prepare(VkSnapshotSet *set, GError **error)
{
	g_autoptr(GHashTable) sorted = sort_disks(set);
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, sorted);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		VkArray *array = key;
		VkSetPart *part =
			array->ops->prepare(array, set->vault_id, set->label, value, error);

		if (!part)
			return FALSE;
		g_hash_table_insert(set->parts, array, part);
	}
	return TRUE;
}

/*
 * Until when all members are held. A member that was resumed earlier does not count: it fails
 * alone.
 */
static gint64 find_deadline(const VkSnapshotSet *set)
{
	gint64 now = g_get_monotonic_time(), deadline = G_MAXINT64;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, set->members);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Member *member = value;

		if (member->limit > now)
			deadline = MIN(deadline, member->limit);
	}
	return deadline;
}

static gboolean snap(VkSnapshotSet *set, GError **error)
{
	gint64 deadline = find_deadline(set);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, set->parts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		VkSetPart *part = value;

		if (!part->array->ops->snap(part, set->members, deadline, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean settle(VkSnapshotSet *set, GError **error)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, set->parts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		VkSetPart *part = value;

		if (!part->array->ops->settle(part, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean do_once(VkSnapshotSet *set, Step *step,
			gboolean (*what)(VkSnapshotSet *set, GError **error), GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);

	if (!step->done)
		what(set, &step->error);
	step->done = TRUE;
	if (step->error)
		g_propagate_error(error, g_error_copy(step->error));
	return !step->error;
}

gboolean vk_snapshot_set_prepare(VkSnapshotSet *set, GError **error)
{
	return do_once(set, &set->prepared, prepare, error);
}

void vk_snapshot_set_bound(VkSnapshotSet *set, const char *uuid, gint64 limit)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);
	Member *member = g_hash_table_lookup(set->members, uuid);

	member->limit = limit;
}

gboolean vk_snapshot_set_snap(VkSnapshotSet *set, GError **error)
{
	return do_once(set, &set->snapped, snap, error);
}

gboolean vk_snapshot_set_settle(VkSnapshotSet *set, GError **error)
{
	return do_once(set, &set->settled, settle, error);
}

gboolean vk_snapshot_set_check(VkSnapshotSet *set, const char *uuid, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);
	const Member *member = g_hash_table_lookup(set->members, uuid);

	for (guint i = 0; i < member->disks->len; i++) {
		const VkSetDisk *disk = g_ptr_array_index(member->disks, i);

		if (disk->trouble) {
			g_propagate_error(error, g_error_copy(disk->trouble));
			g_prefix_error(error, "disk '%s': ", disk->target);
			return FALSE;
		}
	}
	return TRUE;
}

json_t *vk_snapshot_set_copy(VkSnapshotSet *set, const char *uuid, const char *target)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);
	const Member *member = g_hash_table_lookup(set->members, uuid);

	for (guint i = 0; i < member->disks->len; i++) {
		const VkSetDisk *disk = g_ptr_array_index(member->disks, i);
		VkArray *array = disk->disk->array;
		json_t *copy;

		if (strcmp(disk->target, target) != 0)
			continue;
		copy = array->ops->copy(g_hash_table_lookup(set->parts, array), disk);
		json_object_set_new(copy, "array", vk_json_new_string(array->name));
		return copy;
	}
	g_assert_not_reached();
}

gboolean vk_snapshot_set_keep(VkSnapshotSet *set, const char *uuid, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);
	Member *member = g_hash_table_lookup(set->members, uuid);
	GHashTableIter iter;
	gpointer value;

	/* Even when a mark stays: its snapshot is listed. */
	member->kept = TRUE;
	g_hash_table_iter_init(&iter, set->parts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		VkSetPart *part = value;

		if (!part->array->ops->keep(part, uuid, error))
			return FALSE;
	}
	return TRUE;
}

void vk_snapshot_set_leave(VkSnapshotSet *set, const char *uuid)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&set->mutex);
	Member *member = g_hash_table_lookup(set->members, uuid);
	GHashTableIter iter;
	gpointer value;

	if (!member)
		return;
	g_hash_table_iter_init(&iter, set->parts);
	while (!member->kept && g_hash_table_iter_next(&iter, NULL, &value)) {
		VkSetPart *part = value;

		part->array->ops->leave(part, uuid);
	}
	g_hash_table_steal(set->members, uuid);
	g_ptr_array_add(set->left, member);
}
