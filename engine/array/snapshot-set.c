/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "snapshot-set.h"

#include "array-driver.h"
#include "errors.h"
#include "json.h"

#include <string.h>

/* A step that is done once, whoever comes first. */
typedef struct Step {
	gboolean done;
	GError *error; /* what came of it */
} Step;

typedef struct Member {
	char *uuid, *id;
	GPtrArray *disks; /* VkShotDisk */
	gint64 limit;     /* monotonic: until when it is held */
	gboolean kept;
} Member;

struct VkTake {
	VkArrays *arrays; /* borrowed */
	char *vault_id, *label;
	GMutex mutex;        /* guards all that follows; held during the steps, too */
	GHashTable *members; /* uuid -> Member */
	GPtrArray *left;     /* Member: the shots borrow from them still */
	GHashTable *shots;   /* VkArray -> VkShot */
	Step prepared, shot, settled;
};

static void shot_disk_free(gpointer data)
{
	VkShotDisk *disk = data;

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

static void shot_free(gpointer data)
{
	VkShot *shot = data;

	shot->array->ops->shot_free(shot);
}

VkTake *vk_take_new(VkArrays *arrays, const char *vault_id, const char *label)
{
	VkTake *take = g_new0(VkTake, 1);

	take->arrays = arrays;
	take->vault_id = g_strdup(vault_id);
	take->label = g_strdup(label);
	g_mutex_init(&take->mutex);
	take->members = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, member_free);
	take->left = g_ptr_array_new_with_free_func(member_free);
	take->shots = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, shot_free);
	return take;
}

void vk_take_free(VkTake *take)
{
	if (!take)
		return;
	/* The shots borrow from the members. */
	g_hash_table_unref(take->shots);
	g_hash_table_unref(take->members);
	g_ptr_array_unref(take->left);
	g_clear_error(&take->prepared.error);
	g_clear_error(&take->shot.error);
	g_clear_error(&take->settled.error);
	g_mutex_clear(&take->mutex);
	g_free(take->vault_id);
	g_free(take->label);
	g_free(take);
}

void vk_take_join(VkTake *take, const char *uuid, const char *id)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);
	Member *member = g_new0(Member, 1);

	member->uuid = g_strdup(uuid);
	member->id = g_strdup(id);
	member->limit = G_MAXINT64;
	member->disks = g_ptr_array_new_with_free_func(shot_disk_free);
	g_hash_table_insert(take->members, member->uuid, member);
}

void vk_take_add(VkTake *take, const char *uuid, const char *target, VkArrayDisk *disk)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);
	Member *member = g_hash_table_lookup(take->members, uuid);
	VkShotDisk *added = g_new0(VkShotDisk, 1);

	added->uuid = member->uuid;
	added->id = member->id;
	added->target = g_strdup(target);
	added->disk = disk;
	g_ptr_array_add(member->disks, added);
}

/* The disks of all members on each array: VkArray -> GPtrArray of VkShotDisk, borrowed. */
static GHashTable *sort_disks(VkTake *take)
{
	GHashTable *sorted = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
						   (GDestroyNotify)g_ptr_array_unref);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, take->members);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Member *member = value;

		for (guint i = 0; i < member->disks->len; i++) {
			VkShotDisk *disk = g_ptr_array_index(member->disks, i);
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

static gboolean prepare(VkTake *take, GError **error)
{
	g_autoptr(GHashTable) sorted = sort_disks(take);
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, sorted);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		VkArray *array = key;
		VkShot *shot =
			array->ops->prepare(array, take->vault_id, take->label, value, error);

		if (!shot)
			return FALSE;
		g_hash_table_insert(take->shots, array, shot);
	}
	return TRUE;
}

/* Until when all are held, but for those who had to go on already: they fail alone. */
static gint64 find_deadline(const VkTake *take)
{
	gint64 now = g_get_monotonic_time(), deadline = G_MAXINT64;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, take->members);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Member *member = value;

		if (member->limit > now)
			deadline = MIN(deadline, member->limit);
	}
	return deadline;
}

static gboolean shoot(VkTake *take, GError **error)
{
	gint64 deadline = find_deadline(take);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, take->shots);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		VkShot *shot = value;

		if (!shot->array->ops->shoot(shot, take->members, deadline, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean settle(VkTake *take, GError **error)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, take->shots);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		VkShot *shot = value;

		if (!shot->array->ops->settle(shot, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean do_once(VkTake *take, Step *step, gboolean (*what)(VkTake *take, GError **error),
			GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);

	if (!step->done)
		what(take, &step->error);
	step->done = TRUE;
	if (step->error)
		g_propagate_error(error, g_error_copy(step->error));
	return !step->error;
}

gboolean vk_take_prepare(VkTake *take, GError **error)
{
	return do_once(take, &take->prepared, prepare, error);
}

void vk_take_bound(VkTake *take, const char *uuid, gint64 limit)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);
	Member *member = g_hash_table_lookup(take->members, uuid);

	member->limit = limit;
}

gboolean vk_take_shoot(VkTake *take, GError **error)
{
	return do_once(take, &take->shot, shoot, error);
}

gboolean vk_take_settle(VkTake *take, GError **error)
{
	return do_once(take, &take->settled, settle, error);
}

gboolean vk_take_check(VkTake *take, const char *uuid, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);
	const Member *member = g_hash_table_lookup(take->members, uuid);

	for (guint i = 0; i < member->disks->len; i++) {
		const VkShotDisk *disk = g_ptr_array_index(member->disks, i);

		if (disk->trouble) {
			g_propagate_error(error, g_error_copy(disk->trouble));
			g_prefix_error(error, "disk '%s': ", disk->target);
			return FALSE;
		}
	}
	return TRUE;
}

json_t *vk_take_copy(VkTake *take, const char *uuid, const char *target)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);
	const Member *member = g_hash_table_lookup(take->members, uuid);

	for (guint i = 0; i < member->disks->len; i++) {
		const VkShotDisk *disk = g_ptr_array_index(member->disks, i);
		VkArray *array = disk->disk->array;
		json_t *copy;

		if (strcmp(disk->target, target) != 0)
			continue;
		copy = array->ops->copy(g_hash_table_lookup(take->shots, array), disk);
		json_object_set_new(copy, "array", vk_json_new_string(array->name));
		return copy;
	}
	g_assert_not_reached();
}

gboolean vk_take_keep(VkTake *take, const char *uuid, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);
	Member *member = g_hash_table_lookup(take->members, uuid);
	GHashTableIter iter;
	gpointer value;

	/* Even when a mark stays: its snapshot is listed. */
	member->kept = TRUE;
	g_hash_table_iter_init(&iter, take->shots);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		VkShot *shot = value;

		if (!shot->array->ops->keep(shot, uuid, error))
			return FALSE;
	}
	return TRUE;
}

void vk_take_leave(VkTake *take, const char *uuid)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&take->mutex);
	Member *member = g_hash_table_lookup(take->members, uuid);
	GHashTableIter iter;
	gpointer value;

	if (!member)
		return;
	g_hash_table_iter_init(&iter, take->shots);
	while (!member->kept && g_hash_table_iter_next(&iter, NULL, &value)) {
		VkShot *shot = value;

		shot->array->ops->leave(shot, uuid);
	}
	g_hash_table_steal(take->members, uuid);
	g_ptr_array_add(take->left, member);
}
