/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch.h"

#include "catalog.h"
#include "errors.h"
#include "log.h"

#include <fnmatch.h>

/* How long answers from an old tree may hold up the word that it is old. */
#define DRAIN_USEC ((gint64)10 * G_USEC_PER_SEC)

struct VkWatchUse {
	VkWatch *watch;
	VkTree *tree;
	guint users; /* guarded by the watch's lock; the watch itself is one */
};

struct VkWatch {
	VkVault *vault;
	VkViewCache *cache;
	VkOnceLog *log;
	const char *guests; /* NULL: all */
	VkWatchCalls calls;
	gint64 period_usec;
	GThread *thread;

	/* Of the thread alone, or of vk_watch_new() before it runs. */
	VkInodes *inodes;
	guint64 stamp;
	gboolean failing; /* the last reading failed, and that was logged */

	GMutex lock;
	GCond changed;
	VkWatchUse *current;
	GHashTable *left_out; /* object names of damaged snapshots */
	gboolean dirty;       /* the tree must be built anew whatever the stamp says */
	gboolean stopping;
};

VkWatchUse *vk_watch_enter(VkWatch *watch)
{
	VkWatchUse *use;

	g_mutex_lock(&watch->lock);
	use = watch->current;
	use->users++;
	g_mutex_unlock(&watch->lock);
	return use;
}

const VkTree *vk_watch_tree(const VkWatchUse *use)
{
	return use->tree;
}

void vk_watch_leave(VkWatchUse *use)
{
	VkWatch *watch = use->watch;
	gboolean unused;

	g_mutex_lock(&watch->lock);
	unused = --use->users == 0;
	if (use != watch->current)
		g_cond_broadcast(&watch->changed);
	g_mutex_unlock(&watch->lock);
	if (!unused)
		return;
	vk_tree_free(use->tree);
	g_free(use);
}

void vk_watch_leave_out(VkWatch *watch, const VkSnapshotKey *key, const GError *why)
{
	char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);

	vk_once_log_warning(watch->log, why->message,
			    "a snapshot is left out: %s: run 'virtkeep verify' on the vault",
			    why->message);
	g_mutex_lock(&watch->lock);
	if (g_hash_table_add(watch->left_out, name)) {
		watch->dirty = TRUE;
		g_cond_broadcast(&watch->changed);
	}
	g_mutex_unlock(&watch->lock);
}

static gboolean is_left_out(VkWatch *watch, const VkSnapshotKey *key)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	gboolean found;

	g_mutex_lock(&watch->lock);
	found = g_hash_table_contains(watch->left_out, name);
	g_mutex_unlock(&watch->lock);
	return found;
}

static gboolean is_usable(void *data, const VkSnapshotKey *key, gboolean is_latest)
{
	VkWatch *watch = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshotSummary) summary = NULL;

	if (is_left_out(watch, key))
		return FALSE;
	if (!is_latest)
		return TRUE;
	summary = vk_catalog_summarize(watch->vault, key, &error);
	if (g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE))
		vk_watch_leave_out(watch, key, error);
	/* Trouble of another kind may pass: the snapshot stays in the list. */
	return summary || !(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE) ||
			    g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}

/* A guest that shares its name with another one fits by that name, or by the one that is shown. */
static gboolean is_wanted(const VkWatch *watch, const VkCatalogGuest *guest)
{
	return !watch->guests || fnmatch(watch->guests, guest->name, 0) == 0 ||
	       fnmatch(watch->guests, guest->view_name, 0) == 0;
}

static VkWatchUse *build(VkWatch *watch, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(watch->vault, error);
	VkWatchUse *use;

	if (!guests)
		return NULL;
	for (guint i = guests->len; i > 0; i--)
		if (!is_wanted(watch, g_ptr_array_index(guests, i - 1)))
			g_ptr_array_remove_index(guests, i - 1);
	use = g_new0(VkWatchUse, 1);
	use->watch = watch;
	use->tree = vk_tree_new(guests, watch->inodes, watch->cache, is_usable, watch);
	use->users = 1;
	return use;
}

VkWatch *vk_watch_new(VkVault *vault, VkViewCache *cache, VkOnceLog *log, const char *guests,
		      GError **error)
{
	g_autoptr(VkWatch) watch = g_new0(VkWatch, 1);

	watch->vault = vault;
	watch->cache = cache;
	watch->log = log;
	watch->guests = guests;
	watch->inodes = vk_inodes_new(VK_INODE_HASH_BITS);
	watch->left_out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_mutex_init(&watch->lock);
	g_cond_init(&watch->changed);
	if (!vk_catalog_stamp(vault, &watch->stamp, error))
		return NULL;
	watch->current = build(watch, error);
	return watch->current ? g_steal_pointer(&watch) : NULL;
}

static void wait_for_readers(VkWatch *watch, VkWatchUse *old)
{
	gint64 deadline = g_get_monotonic_time() + DRAIN_USEC;

	g_mutex_lock(&watch->lock);
	while (old->users > 1 && !watch->stopping)
		if (!g_cond_wait_until(&watch->changed, &watch->lock, deadline))
			break;
	g_mutex_unlock(&watch->lock);
}

static void tell(VkWatch *watch, const VkTree *before, const VkTree *after)
{
	g_autoptr(GArray) changes = vk_tree_diff(before, after);

	for (guint i = 0; i < changes->len; i++) {
		const VkTreeChange *change = &g_array_index(changes, VkTreeChange, i);

		if (change->name)
			watch->calls.entry(watch->calls.data, change->ino, change->name);
		else
			watch->calls.inode(watch->calls.data, change->ino);
	}
}

static gboolean renew(VkWatch *watch, GError **error)
{
	VkWatchUse *fresh = build(watch, error);
	VkWatchUse *old;

	if (!fresh)
		return FALSE;
	g_mutex_lock(&watch->lock);
	old = watch->current;
	watch->current = fresh;
	g_mutex_unlock(&watch->lock);
	wait_for_readers(watch, old);
	/* Only this thread replaces trees, so FRESH stays while this runs. */
	tell(watch, old->tree, fresh->tree);
	vk_watch_leave(old);
	return TRUE;
}

static gboolean look(VkWatch *watch, GError **error)
{
	gboolean dirty;
	guint64 stamp;

	g_mutex_lock(&watch->lock);
	dirty = watch->dirty;
	watch->dirty = FALSE;
	g_mutex_unlock(&watch->lock);
	if (!vk_catalog_stamp(watch->vault, &stamp, error))
		return FALSE;
	if (stamp == watch->stamp && !dirty)
		return TRUE;
	if (!renew(watch, error))
		return FALSE;
	watch->stamp = stamp;
	return TRUE;
}

static void note_trouble(VkWatch *watch, const GError *error)
{
	if (error && !watch->failing)
		vk_log_warning("cannot read the catalogue, new snapshots will not appear: %s",
			       error->message);
	else if (!error && watch->failing)
		vk_log_info("the catalogue can be read again");
	watch->failing = error != NULL;
}

/* Returns FALSE when the thread is to end. */
static gboolean wait_period(VkWatch *watch)
{
	gint64 deadline = g_get_monotonic_time() + watch->period_usec;
	gboolean going;

	g_mutex_lock(&watch->lock);
	while (!watch->stopping)
		if (!g_cond_wait_until(&watch->changed, &watch->lock, deadline))
			break;
	going = !watch->stopping;
	g_mutex_unlock(&watch->lock);
	return going;
}

static void *run(void *data)
{
	VkWatch *watch = data;

	while (wait_period(watch)) {
		g_autoptr(GError) error = NULL;

		if (!look(watch, &error)) {
			g_mutex_lock(&watch->lock);
			watch->dirty = TRUE;
			g_mutex_unlock(&watch->lock);
		}
		note_trouble(watch, error);
	}
	return NULL;
}

void vk_watch_start(VkWatch *watch, const VkWatchCalls *calls, guint period_msec)
{
	watch->calls = *calls;
	watch->period_usec = (gint64)period_msec * 1000;
	watch->thread = g_thread_new("watch", run, watch);
}

void vk_watch_stop(VkWatch *watch)
{
	if (!watch || !watch->thread)
		return;
	g_mutex_lock(&watch->lock);
	watch->stopping = TRUE;
	g_cond_broadcast(&watch->changed);
	g_mutex_unlock(&watch->lock);
	g_clear_pointer(&watch->thread, g_thread_join);
}

void vk_watch_free(VkWatch *watch)
{
	if (!watch)
		return;
	vk_watch_stop(watch);
	if (watch->current)
		vk_watch_leave(watch->current);
	g_hash_table_unref(watch->left_out);
	vk_inodes_free(watch->inodes);
	g_cond_clear(&watch->changed);
	g_mutex_clear(&watch->lock);
	g_free(watch);
}
