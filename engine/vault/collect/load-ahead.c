/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-ahead.h"

#include "vault-parts.h"

#include "errors.h"

/* So many wait at most. When the thread has to wait, it goes on at the lower number: to be woken
   for each one costs more than to load it. */
#define WAITING_MAX 64u
#define WAITING_MIN 16u

/* What was loaded of one key. */
typedef struct Loaded {
	VkSnapshot *snapshot; /* NULL: it was removed, or ERROR says why */
	GError *error;
} Loaded;

struct VkLoadAhead {
	VkVault *vault;
	const GPtrArray *keys;
	GThread *thread;
	GMutex lock;
	GCond loaded, wanted;
	GQueue waiting;   /* Loaded*, in the order of the keys */
	GQueue used;      /* Loaded*: the thread frees what it allocated, for malloc's locks */
	Loaded *current;  /* that the caller has; NULL: none */
	gboolean stopped; /* nobody takes any more */
};

static void loaded_free(gpointer data)
{
	Loaded *loaded = data;

	if (loaded->snapshot)
		vk_snapshot_free(loaded->snapshot);
	g_clear_error(&loaded->error);
	g_free(loaded);
}

gboolean vk_load_whole(VkVault *vault, const VkSnapshotKey *key, VkSnapshot **ret, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, &trouble);

	*ret = NULL;
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	/* Copies that cannot be read do not hinder others, but here they count. */
	if (!snapshot || (!vk_snapshot_is_in_vault(snapshot) &&
			  !vk_catalog_load_copies(vault, snapshot, &trouble))) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	*ret = g_steal_pointer(&snapshot);
	return TRUE;
}

/* Returns whether another one is wanted. *RET_USED, which is empty, takes what is to be freed. */
static gboolean hand_over(VkLoadAhead *ahead, Loaded *loaded, GQueue *ret_used)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&ahead->lock);

	g_queue_push_tail(&ahead->waiting, loaded);
	if (ahead->waiting.length == 1)
		g_cond_signal(&ahead->loaded);
	if (ahead->waiting.length == WAITING_MAX)
		while (ahead->waiting.length > WAITING_MIN && !ahead->stopped)
			g_cond_wait(&ahead->wanted, &ahead->lock);
	*ret_used = ahead->used;
	g_queue_init(&ahead->used);
	return !ahead->stopped;
}

static gpointer run(gpointer data)
{
	VkLoadAhead *ahead = data;
	gboolean wanted = TRUE;

	for (guint i = 0; i < ahead->keys->len && wanted; i++) {
		Loaded *loaded = g_new0(Loaded, 1);
		GQueue used;

		vk_load_whole(ahead->vault, ahead->keys->pdata[i], &loaded->snapshot,
			      &loaded->error);
		wanted = hand_over(ahead, loaded, &used);
		g_queue_clear_full(&used, loaded_free);
	}
	return NULL;
}

VkLoadAhead *vk_load_ahead_new(VkVault *vault, const GPtrArray *keys)
{
	VkLoadAhead *ahead = g_new0(VkLoadAhead, 1);

	ahead->vault = vault;
	ahead->keys = keys;
	g_mutex_init(&ahead->lock);
	g_cond_init(&ahead->loaded);
	g_cond_init(&ahead->wanted);
	g_queue_init(&ahead->waiting);
	g_queue_init(&ahead->used);
	ahead->thread = g_thread_new("load-ahead", run, ahead);
	return ahead;
}

gboolean vk_load_ahead_next(VkLoadAhead *ahead, const VkSnapshot **ret, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&ahead->lock);

	if (ahead->current)
		g_queue_push_tail(&ahead->used, ahead->current);
	while (ahead->waiting.length == 0)
		g_cond_wait(&ahead->loaded, &ahead->lock);
	ahead->current = g_queue_pop_head(&ahead->waiting);
	if (ahead->waiting.length == WAITING_MIN)
		g_cond_signal(&ahead->wanted);
	*ret = ahead->current->snapshot;
	if (!ahead->current->error)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&ahead->current->error));
	return FALSE;
}

void vk_load_ahead_free(VkLoadAhead *ahead)
{
	if (!ahead)
		return;
	g_mutex_lock(&ahead->lock);
	ahead->stopped = TRUE;
	g_cond_signal(&ahead->wanted);
	g_mutex_unlock(&ahead->lock);
	g_thread_join(ahead->thread);
	if (ahead->current)
		loaded_free(ahead->current);
	g_queue_clear_full(&ahead->used, loaded_free);
	g_queue_clear_full(&ahead->waiting, loaded_free);
	g_cond_clear(&ahead->wanted);
	g_cond_clear(&ahead->loaded);
	g_mutex_clear(&ahead->lock);
	g_free(ahead);
}
