/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard-watch-priv.h"

#define NO_DEADLINE G_MAXINT64

typedef struct {
	VkWatchlist *list;
	gpointer guest;
	VkHold held;
	gint64 deadline;      /* none when its release has begun */
	VkHold overdue;       /* what RELEASING releases */
	GThread *releasing;   /* NULL: not begun */
	gboolean is_released; /* RELEASING is through */
	gboolean is_leaving;  /* and frees the entry itself */
} Entry;

struct VkWatchlist {
	VkWatchedFunc release, fix;
	GDestroyNotify free_guest;
	GThread *thread; /* waits for the deadlines */
	GMutex mutex;    /* guards what follows, and the entries */
	GCond changed;
	GHashTable *entries; /* uuid -> Entry */
	guint leaving;       /* entries that are no more among these */
	gboolean is_ending;
};

static void entry_free(gpointer data)
{
	Entry *entry = data;

	if (entry->releasing)
		g_thread_join(entry->releasing);
	entry->list->free_guest(entry->guest);
	g_free(entry);
}

/* The thread of an entry that is leaving is not joined. */
static void end_leaving(Entry *entry)
{
	VkWatchlist *list = entry->list;

	entry_free(entry);
	g_mutex_lock(&list->mutex);
	list->leaving--;
	g_cond_broadcast(&list->changed);
	g_mutex_unlock(&list->mutex);
}

static gpointer run_release(gpointer data)
{
	Entry *entry = data;
	VkWatchlist *list = entry->list;
	gboolean is_leaving;

	list->release(entry->guest, entry->overdue);
	g_mutex_lock(&list->mutex);
	entry->is_released = TRUE;
	is_leaving = entry->is_leaving;
	g_cond_broadcast(&list->changed);
	g_mutex_unlock(&list->mutex);
	if (is_leaving)
		end_leaving(entry);
	return NULL;
}

static void begin_release_locked(Entry *entry)
{
	/* A later hold of the guest has a deadline of its own. */
	entry->deadline = NO_DEADLINE;
	entry->overdue = entry->held;
	entry->is_released = FALSE;
	entry->releasing = g_thread_new("release", run_release, entry);
}

/* Whether the guest is being released still. */
static gboolean is_releasing_locked(Entry *entry)
{
	if (entry->releasing && entry->is_released)
		g_thread_join(g_steal_pointer(&entry->releasing));
	return entry->releasing != NULL;
}

/* Releases who is held too long. Returns when the next one is. */
static gint64 check_deadlines_locked(VkWatchlist *list)
{
	gint64 now = g_get_monotonic_time(), next = NO_DEADLINE;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, list->entries);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Entry *entry = value;

		if (!entry->held || is_releasing_locked(entry))
			continue;
		if (now >= entry->deadline)
			begin_release_locked(entry);
		else
			next = MIN(next, entry->deadline);
	}
	return next;
}

static gpointer run_watch(gpointer data)
{
	VkWatchlist *list = data;

	g_mutex_lock(&list->mutex);
	while (!list->is_ending) {
		gint64 next = check_deadlines_locked(list);

		if (next == NO_DEADLINE)
			g_cond_wait(&list->changed, &list->mutex);
		else
			g_cond_wait_until(&list->changed, &list->mutex, next);
	}
	g_mutex_unlock(&list->mutex);
	return NULL;
}

VkWatchlist *vk_watchlist_new(VkWatchedFunc release, GDestroyNotify free_guest)
{
	VkWatchlist *list = g_new0(VkWatchlist, 1);

	list->release = release;
	list->free_guest = free_guest;
	list->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_mutex_init(&list->mutex);
	g_cond_init(&list->changed);
	list->thread = g_thread_new("deadlines", run_watch, list);
	return list;
}

/* What is being released frees itself later. */
static void drop(VkWatchlist *list, const char *uuid, gboolean even_held)
{
	Entry *entry;

	g_mutex_lock(&list->mutex);
	entry = g_hash_table_lookup(list->entries, uuid);
	if (entry && entry->held && !even_held)
		entry = NULL;
	if (entry)
		g_hash_table_remove(list->entries, uuid);
	if (entry && is_releasing_locked(entry)) {
		entry->is_leaving = TRUE;
		list->leaving++;
		g_clear_pointer(&entry->releasing, g_thread_unref);
		entry = NULL;
	}
	g_mutex_unlock(&list->mutex);
	if (entry)
		entry_free(entry);
}

void vk_watchlist_add(VkWatchlist *list, const char *uuid, gpointer guest)
{
	Entry *entry = g_new0(Entry, 1);

	entry->list = list;
	entry->guest = guest;
	entry->deadline = NO_DEADLINE;
	drop(list, uuid, TRUE);
	g_mutex_lock(&list->mutex);
	g_hash_table_insert(list->entries, g_strdup(uuid), entry);
	g_mutex_unlock(&list->mutex);
}

gpointer vk_watchlist_find(VkWatchlist *list, const char *uuid)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&list->mutex);
	Entry *entry = g_hash_table_lookup(list->entries, uuid);

	return entry ? entry->guest : NULL;
}

void vk_watchlist_hold(VkWatchlist *list, const char *uuid, VkHold hold, gint64 deadline)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&list->mutex);
	Entry *entry = g_hash_table_lookup(list->entries, uuid);

	if (!entry)
		return;
	entry->held = hold;
	entry->deadline = deadline;
	g_cond_broadcast(&list->changed);
}

void vk_watchlist_released(VkWatchlist *list, const char *uuid)
{
	vk_watchlist_hold(list, uuid, VK_HOLD_NONE, NO_DEADLINE);
}

void vk_watchlist_remove(VkWatchlist *list, const char *uuid)
{
	drop(list, uuid, FALSE);
}

static gpointer run_fix(gpointer data)
{
	Entry *entry = data;

	if (entry->releasing)
		g_thread_join(g_steal_pointer(&entry->releasing));
	entry->list->fix(entry->guest, entry->held);
	entry_free(entry);
	return NULL;
}

static void fix_all(VkWatchlist *list)
{
	g_autoptr(GPtrArray) threads = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, list->entries);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_ptr_array_add(threads, g_thread_new("fix", run_fix, value));
	for (guint i = 0; i < threads->len; i++)
		g_thread_join(g_ptr_array_index(threads, i));
}

void vk_watchlist_end(VkWatchlist *list, VkWatchedFunc fix)
{
	g_mutex_lock(&list->mutex);
	list->is_ending = TRUE;
	g_cond_broadcast(&list->changed);
	g_mutex_unlock(&list->mutex);
	g_thread_join(list->thread);
	list->fix = fix;
	fix_all(list);
	g_mutex_lock(&list->mutex);
	while (list->leaving > 0)
		g_cond_wait(&list->changed, &list->mutex);
	g_mutex_unlock(&list->mutex);
	g_hash_table_unref(list->entries);
	g_mutex_clear(&list->mutex);
	g_cond_clear(&list->changed);
	g_free(list);
}
