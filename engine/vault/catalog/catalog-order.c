/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-priv.h"

#include "layout.h"
#include "checked-json.h"
#include "vault-parts.h"

#include "errors.h"
#include "timestamp.h"

#include <stdlib.h>
#include <string.h>

#define NOTE_SUFFIX "." VK_MARK_BEFORE

/* Clocks of hosts differ by less, and snapshots in quick succession are dated ahead by less. */
#define AHEAD_SEC 60

/* Clocks are some days ahead by mistake; one that falls back further lost its battery. */
#define FAR_BACK_SEC ((gint64)30 * 24 * 60 * 60)

/* The name of a note. New string. */
static char *note_object(const VkSnapshotKey *key, const char *time)
{
	return g_strdup_printf(VK_FOLDER_SNAPS "/%s/%s-%s" NOTE_SUFFIX "%s", key->uuid, key->time,
			       key->id, time);
}

gboolean vk_catalog_note_before(VkVault *vault, const VkSnapshotKey *key, const char *time,
				GError **error)
{
	g_autofree char *name = note_object(key, time);
	g_autoptr(json_t) object = json_pack("{s:s, s:s}", "id", key->id, "before", time);
	g_autoptr(GError) trouble = NULL;

	if (vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static const char *order_time(const VkSnapshotKey *key)
{
	return key->before ? key->before : key->time;
}

static gint64 to_seconds(const char *time)
{
	gint64 seconds = 0;

	return vk_time_parse(time, &seconds, NULL) ? seconds : 0;
}

static gint64 get_now(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

gint64 vk_snapshot_key_taken(const VkSnapshotKey *key)
{
	return key->taken;
}

gboolean vk_snapshot_key_is_ahead(const VkSnapshotKey *key)
{
	return to_seconds(order_time(key)) > get_now() + AHEAD_SEC;
}

void vk_catalog_warn_ahead(VkVault *vault, const VkSnapshotKey *newest, const char *guest)
{
	if (vault->warn && vk_snapshot_key_is_ahead(newest))
		vault->warn("the newest snapshot, '%s@%s', is dated in the future: a clock was "
			    "wrong when it was taken, or is now; the next backup will count as "
			    "newer than it",
			    guest, newest->time);
}

/* Returns whether that is news. */
static gboolean set_before(VkSnapshotKey *key, const char *time, gboolean is_noted)
{
	char *before;

	if (strcmp(time, order_time(key)) >= 0)
		return FALSE;
	before = g_strdup(time);
	g_free(key->before);
	key->before = before;
	key->is_noted = is_noted;
	return TRUE;
}

/* NAME may be the object of a note on one of the keys. */
static void take_note(GPtrArray *keys, guint first, const char *name)
{
	const char *suffix = strstr(name, NOTE_SUFFIX);
	const char *time = suffix ? suffix + strlen(NOTE_SUFFIX) : NULL;
	gint64 seconds;

	if (!time || !vk_time_parse(time, &seconds, NULL))
		return;
	for (guint i = first; i < keys->len; i++) {
		VkSnapshotKey *key = g_ptr_array_index(keys, i);
		gsize length = strlen(key->time);

		if ((gsize)(suffix - name) == length + 1 + strlen(key->id) &&
		    memcmp(name, key->time, length) == 0 && name[length] == '-' &&
		    memcmp(name + length + 1, key->id, strlen(key->id)) == 0)
			set_before(key, time, TRUE);
	}
}

/* *RET_PARENT: the id of the snapshot's parent, a new string, or NULL. FALSE: it cannot be read. */
static gboolean read_parent(const VkVault *vault, const VkSnapshotKey *key, gpointer *ret_parent)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autoptr(json_t) object = vk_checked_json_get(vault->store, name, NULL);

	*ret_parent = g_strdup(vk_json_optional_string(object, "parent"));
	return object != NULL;
}

/*
 * The keys from FIRST on whose parent the snapshot PARENT is are newer. Returns whether it is news.
 */
static gboolean place_before_children(GPtrArray *keys, guint first, VkSnapshotKey *parent,
				      const GPtrArray *parents)
{
	gboolean moved = FALSE;

	for (guint i = first; i < keys->len; i++) {
		const char *id = g_ptr_array_index(parents, i - first);

		if (g_strcmp0(id, parent->id) == 0)
			moved = set_before(parent, order_time(g_ptr_array_index(keys, i)), FALSE) ||
				moved;
	}
	return moved;
}

static gint compare_keys(gconstpointer a, gconstpointer b)
{
	const VkSnapshotKey *left = *(const VkSnapshotKey *const *)a;
	const VkSnapshotKey *right = *(const VkSnapshotKey *const *)b;
	int order = strcmp(order_time(left), order_time(right));

	if (order == 0)
		order = !left->before - !right->before;
	if (order == 0)
		order = strcmp(left->time, right->time);
	return order ? order : strcmp(left->id, right->id);
}

static void sort_keys(GPtrArray *keys, guint first)
{
	if (first < keys->len)
		qsort(keys->pdata + first, keys->len - first, sizeof(gpointer), compare_keys);
}

/* Of ordered keys the number of the first from FIRST on that is dated in the future. */
static guint find_ahead(const GPtrArray *keys, guint first)
{
	guint ahead = keys->len;

	while (ahead > first && vk_snapshot_key_is_ahead(g_ptr_array_index(keys, ahead - 1)))
		ahead--;
	return ahead;
}

static gboolean has_id(const GPtrArray *keys, guint first, const char *id)
{
	for (guint i = first; i < keys->len; i++)
		if (g_strcmp0(((const VkSnapshotKey *)g_ptr_array_index(keys, i))->id, id) == 0)
			return TRUE;
	return FALSE;
}

/*
 * Reads the parents of the snapshots that are newer than one dated in the future, from number AHEAD
 * on: they are the newest of the others, because each backup takes the latest snapshot as its
 * parent. Returns whether there are any.
 */
static gboolean read_children(const VkVault *vault, const GPtrArray *keys, guint first, guint ahead,
			      GPtrArray *parents)
{
	gboolean any = FALSE;

	for (guint i = ahead; i > first; i--) {
		gpointer *parent = &g_ptr_array_index(parents, i - 1 - first);

		if (!read_parent(vault, g_ptr_array_index(keys, i - 1), parent))
			continue;
		if (!has_id(keys, ahead, *parent))
			break;
		any = TRUE;
	}
	return any;
}

/*
 * Moves each of the ordered keys that is dated in the future until it stands before its children.
 */
static void place_by_parents(const VkVault *vault, GPtrArray *keys, guint first)
{
	g_autoptr(GPtrArray) parents = g_ptr_array_new_with_free_func(g_free);
	guint ahead = find_ahead(keys, first);
	gboolean moved = TRUE;

	g_ptr_array_set_size(parents, (gint)(keys->len - first));
	if (ahead == keys->len || !read_children(vault, keys, first, ahead, parents))
		return;
	for (guint i = ahead; i < keys->len; i++)
		read_parent(vault, g_ptr_array_index(keys, i),
			    &g_ptr_array_index(parents, i - first));
	while (moved) {
		moved = FALSE;
		for (guint i = ahead; i < keys->len; i++) {
			VkSnapshotKey *key = g_ptr_array_index(keys, i);

			if (vk_snapshot_key_is_ahead(key))
				moved = place_before_children(keys, first, key, parents) || moved;
		}
	}
	sort_keys(keys, first);
}

/*
 * Which of the COUNT dates can be believed: none in the future by this host's clock, unless most
 * are: then this clock is wrong. And none far before an earlier one that can be believed.
 */
static gboolean *find_plausible(const gint64 *dates, guint count)
{
	gboolean *plausible = g_new(gboolean, count);
	gint64 latest = get_now() + AHEAD_SEC;
	gint64 newest = 0;
	guint n_ahead = 0;

	for (guint i = 0; i < count; i++)
		n_ahead += dates[i] > latest ? 1 : 0;
	for (guint i = 0; i < count; i++) {
		plausible[i] = (dates[i] <= latest || n_ahead > count / 2) &&
			       dates[i] > newest - FAR_BACK_SEC;
		if (plausible[i])
			newest = MAX(newest, dates[i]);
	}
	return plausible;
}

/*
 * Leaves of the AGREED, the plausible ones, the most in whose order no clock goes back: the longest
 * ascending subsequence of the dates, or one of the longest.
 */
static void keep_agreed(const gint64 *dates, gboolean *agreed, guint count)
{
	g_autofree guint *ends = g_new(guint, count);      /* by length: who ends it earliest */
	g_autofree guint *previous = g_new0(guint, count); /* the one before it there */
	guint longest = 0, last = 0;

	for (guint i = 0; i < count; i++) {
		guint low = 0, high = longest;

		if (!agreed[i])
			continue;
		while (low < high) {
			guint middle = low + (high - low) / 2;

			if (dates[ends[middle]] <= dates[i])
				low = middle + 1;
			else
				high = middle;
		}
		ends[low] = i;
		previous[i] = low > 0 ? ends[low - 1] : i;
		if (low == longest) {
			longest++;
			last = i;
		}
	}
	memset(agreed, 0, count * sizeof(*agreed));
	for (; longest > 0; longest--, last = previous[last])
		agreed[last] = TRUE;
}

/* From the keys' order, which is known, and their dates, some of which may be wrong. */
static void date_keys(GPtrArray *keys, guint first)
{
	guint count = keys->len - first;
	g_autofree gint64 *dates = g_new(gint64, count);
	g_autofree gboolean *agreed = NULL;
	gint64 bound = 0; /* when the next one was taken that can be believed */

	for (guint i = 0; i < count; i++)
		dates[i] = to_seconds(((VkSnapshotKey *)g_ptr_array_index(keys, first + i))->time);
	agreed = find_plausible(dates, count);
	keep_agreed(dates, agreed, count);
	for (guint i = count; i > 0; i--) {
		VkSnapshotKey *key = g_ptr_array_index(keys, first + i - 1);

		if (agreed[i - 1])
			bound = dates[i - 1];
		key->taken = bound ? bound : MAX(dates[i - 1], get_now());
	}
}

void vk_catalog_order(VkVault *vault, GPtrArray *keys, guint first, const GPtrArray *names)
{
	for (guint i = 0; i < names->len; i++)
		take_note(keys, first, g_ptr_array_index(names, i));
	if (keys->len == first)
		return;
	sort_keys(keys, first);
	place_by_parents(vault, keys, first);
	date_keys(keys, first);
}
