/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "expire.h"

#include "catalog.h"
#include "disk-on-array.h"
#include "errors.h"
#include "log.h"
#include "retention.h"
#include "timestamp.h"

#include <string.h>

#define DAY_SEC ((gint64)24 * 60 * 60)

/* Snapshots of guests that were taken together have times that differ by no more. */
#define TOGETHER_SEC 60

typedef struct {
	VkVault *vault;
	VkArrays *arrays;
	const VkSettings *settings;
	const char *label;
	guint64 left;   /* so many are to be kept yet */
	gint64 too_old; /* what was taken before may go; seconds since 1970 */
	/* VkSnapshotKey, borrowed: those that at most a replica has */
	GPtrArray *replicated;
} Expiry;

/* How many the settings keep; 0: nothing is to be removed. */
static gboolean get_count(const VkSettings *settings, const char *label, guint64 *ret,
			  GError **error)
{
	const char *text = vk_settings_get(settings, "array", "NTAP_SNAPSHOT_RETENTIONS");
	const char *no_delete = vk_settings_get(settings, "array", "NTAP_SNAPSHOT_NODELETE");
	g_autoptr(GPtrArray) retentions = NULL;

	*ret = 0;
	if (!text || !label || strcmp(no_delete, "Y") == 0)
		return TRUE;
	retentions = vk_retentions_parse(text, error);
	if (!retentions)
		return FALSE;
	*ret = vk_retentions_count(retentions, label);
	return TRUE;
}

static gint64 dated(const VkSnapshotKey *key)
{
	gint64 seconds = 0;

	return vk_time_parse(key->time, &seconds, NULL) ? seconds : 0;
}

/*
 * By what it says or by what others say: where a clock was wrong, the later, unless that is to
 * come.
 */
static gboolean is_young(const Expiry *expiry, const VkSnapshotKey *key)
{
	gint64 seconds = dated(key);

	return vk_snapshot_key_taken(key) > expiry->too_old ||
	       (seconds > expiry->too_old && seconds <= g_get_real_time() / G_USEC_PER_SEC);
}

/* Whether so many newer ones of its guest are listed that the settings do not keep SNAPSHOT. */
static gboolean is_surplus(const Expiry *expiry, const VkSnapshotKey *key,
			   const VkSnapshot *snapshot, gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) keys = NULL;
	guint64 left = 0;

	*ret = FALSE;
	if (!get_count(expiry->settings, snapshot->label, &left, error))
		return FALSE;
	if (left == 0 || is_young(expiry, key))
		return TRUE;
	keys = vk_catalog_list(expiry->vault, key->uuid, error);
	for (guint i = keys ? keys->len : 0; left > 0 && i > 0; i--) {
		const VkSnapshotKey *other = g_ptr_array_index(keys, i - 1);
		g_autoptr(VkSnapshot) newer = NULL;

		if (strcmp(other->id, key->id) == 0)
			return TRUE;
		newer = vk_catalog_load(expiry->vault, other, NULL);
		if (newer && vk_snapshot_is_on_array(newer) &&
		    g_strcmp0(newer->label, snapshot->label) == 0)
			left--;
	}
	*ret = left == 0;
	return keys != NULL;
}

/* Whether it can be read, now or later, without the array's own copies. */
static gboolean is_elsewhere(const Expiry *expiry, const VkSnapshot *snapshot)
{
	gboolean elsewhere = TRUE;

	for (guint i = 0; elsewhere && i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		elsewhere = disk->image->runs || !disk->image->array ||
			    vk_arrays_may_have_replica(expiry->arrays, disk->image->array);
	}
	return elsewhere;
}

/*
 * Whether the snapshot OTHER needs ARRAY: one that is elsewhere is listed on when it does no more.
 */
static gboolean needs(const Expiry *expiry, const VkSnapshotKey *other,
		      const VkArraySnapshot *array, gboolean *ret, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(expiry->vault, other, error);
	gboolean surplus = FALSE;

	if (!snapshot)
		return FALSE;
	*ret = vk_array_disk_lies_in(expiry->arrays, snapshot, array);
	if (*ret && is_elsewhere(expiry, snapshot) &&
	    !is_surplus(expiry, other, snapshot, &surplus, error))
		return FALSE;
	*ret = *ret && !surplus;
	return TRUE;
}

static gboolean is_shared(const Expiry *expiry, const VkSnapshotKey *key,
			  const VkArraySnapshot *array, gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) keys = NULL;

	*ret = FALSE;
	if (array->id) /* it is this guest's alone */
		return TRUE;
	keys = vk_catalog_list_all(expiry->vault, NULL, error);
	for (guint i = 0; keys && !*ret && i < keys->len; i++) {
		const VkSnapshotKey *other = g_ptr_array_index(keys, i);

		if (strcmp(other->id, key->id) != 0 &&
		    ABS(dated(other) - dated(key)) <= TOGETHER_SEC &&
		    !needs(expiry, other, array, ret, error))
			return FALSE;
	}
	return keys != NULL;
}

static gboolean remove_copy(const Expiry *expiry, const VkSnapshotKey *key, const json_t *copy,
			    GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_snapshots_of(expiry->arrays, copy, error);

	for (guint i = 0; found && i < found->len; i++) {
		const VkArraySnapshot *array = g_ptr_array_index(found, i);
		gboolean shared = FALSE;

		if (!is_shared(expiry, key, array, &shared, error) ||
		    (!shared && !vk_arrays_remove(expiry->arrays, array, error)))
			return FALSE;
	}
	return found != NULL;
}

/* So that later runs come back to what the array does not let go now. */
static gboolean mark_unlisted(const Expiry *expiry, const json_t *copy, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_snapshots_of(expiry->arrays, copy, error);

	for (guint i = 0; found && i < found->len; i++) {
		g_autoptr(GError) trouble = NULL;

		if (vk_arrays_set_listed(expiry->arrays, g_ptr_array_index(found, i), FALSE,
					 &trouble) ||
		    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			continue;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	return found != NULL;
}

/* Where it is listed still, or others share it, settling takes the mark off again. */
static gboolean mark_all_unlisted(const Expiry *expiry, const VkSnapshot *snapshot, GError **error)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (disk->image->array && !mark_unlisted(expiry, disk->image->array, error))
			return FALSE;
	}
	return TRUE;
}

/*
 * Arrays may take minutes to answer, and a copy into the vault does not wait for us: it is looked
 * for last. What may be there is not given up because that could not be read just now.
 */
static gboolean take_off_list(const Expiry *expiry, const VkSnapshotKey *key, VkSnapshot *snapshot,
			      gboolean *ret_stays, GError **error)
{
	*ret_stays = is_elsewhere(expiry, snapshot);
	if (*ret_stays)
		return TRUE;
	if (!mark_all_unlisted(expiry, snapshot, error) ||
	    !vk_catalog_load_copies(expiry->vault, snapshot, error))
		return FALSE;
	*ret_stays = vk_snapshot_is_in_vault(snapshot);
	return *ret_stays || vk_catalog_delete(expiry->vault, key, error);
}

/* The catalogue first: what is listed can be read. */
static gboolean expire(const Expiry *expiry, const VkSnapshotKey *key, VkSnapshot *snapshot,
		       GError **error)
{
	gboolean stays;

	if (!take_off_list(expiry, key, snapshot, &stays, error))
		return FALSE;
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (disk->image->array && !remove_copy(expiry, key, disk->image->array, error))
			return FALSE;
	}
	return TRUE;
}

/* Of layers on several volumes some may be left where the whole is gone. */
static gboolean has_part(const Expiry *expiry, const json_t *copy)
{
	g_autoptr(GPtrArray) layers = vk_arrays_layers(expiry->arrays, copy, NULL);
	g_autoptr(GPtrArray) found = layers && layers->len > 1
					     ? vk_arrays_snapshots_of(expiry->arrays, copy, NULL)
					     : NULL;

	return found && found->len > 0;
}

/* Whether the array still has the snapshot's copies: a removal may have stopped midway. */
static gboolean is_there(const Expiry *expiry, const VkSnapshot *snapshot, gboolean *ret_all,
			 gboolean *ret_any, GError **error)
{
	*ret_all = TRUE;
	*ret_any = FALSE;
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		const json_t *copy = disk->image->array;
		gboolean has = FALSE;

		if (!copy)
			continue;
		if (!vk_arrays_has(expiry->arrays, copy, &has, error))
			return FALSE;
		*ret_all = *ret_all && has;
		*ret_any = *ret_any || has || has_part(expiry, copy);
	}
	return TRUE;
}

static gboolean apply(Expiry *expiry, VkSnapshotKey *key, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(expiry->vault, key, NULL);
	gboolean all = FALSE, any = FALSE;

	/* One that cannot be read is the business of verify. */
	if (!snapshot || !vk_snapshot_is_on_array(snapshot) ||
	    g_strcmp0(snapshot->label, expiry->label) != 0)
		return TRUE;
	if (!is_there(expiry, snapshot, &all, &any, error))
		return FALSE;
	if (expiry->left > 0) {
		expiry->left -= all ? 1 : 0;
		return TRUE;
	}
	if (is_young(expiry, key))
		return TRUE;
	if (any)
		return expire(expiry, key, snapshot, error);
	if (!vk_snapshot_is_in_vault(snapshot))
		g_ptr_array_add(expiry->replicated, key);
	return TRUE;
}

/* Replicas go by age, and each is a question to all arrays: the oldest that is left ends it. */
static gboolean forget_lost(const Expiry *expiry, GError **error)
{
	gboolean is_left = FALSE;

	for (guint i = expiry->replicated->len; !is_left && i > 0; i--) {
		const VkSnapshotKey *key = g_ptr_array_index(expiry->replicated, i - 1);
		g_autoptr(VkSnapshot) snapshot = vk_catalog_load(expiry->vault, key, NULL);

		if (snapshot && !take_off_list(expiry, key, snapshot, &is_left, error))
			return FALSE;
	}
	return TRUE;
}

/* From the newest on. */
static gboolean apply_to(Expiry *expiry, const GPtrArray *keys, GError **error)
{
	for (guint i = keys->len; i > 0; i--) {
		VkSnapshotKey *key = g_ptr_array_index(keys, i - 1);
		g_autoptr(GError) trouble = NULL;

		if (apply(expiry, key, &trouble))
			continue;
		if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
		/* What is held or locked does not keep older ones. */
		vk_log_warning("%s", trouble->message);
	}
	return TRUE;
}

gboolean vk_expire_copies(VkVault *vault, VkArrays *arrays, const VkSettings *settings,
			  const char *uuid, const char *label, GError **error)
{
	gint64 age_days =
		(gint64)vk_settings_get_uint(settings, "array", "NTAP_SNAPSHOT_RETENTION_AGE");
	Expiry expiry = {
		.vault = vault,
		.arrays = arrays,
		.settings = settings,
		.label = label,
		.too_old = G_MAXINT64,
	};
	g_autoptr(GPtrArray) replicated = g_ptr_array_new();
	g_autoptr(GPtrArray) keys = NULL;

	expiry.replicated = replicated;
	if (age_days)
		expiry.too_old = g_get_real_time() / G_USEC_PER_SEC - age_days * DAY_SEC;
	if (!get_count(settings, label, &expiry.left, error))
		return FALSE;
	if (expiry.left == 0)
		return TRUE;
	keys = vk_catalog_list(vault, uuid, error);
	return keys && apply_to(&expiry, keys, error) && forget_lost(&expiry, error);
}
