/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each thread marks whole guests, because only their snapshots share runs, in a mark of its own.
 * The marks become one in the end.
 */
#include "mark-keys.h"

#include "mark-object.h"

#include "errors.h"
#include "interrupt.h"

#define THREADS_MAX 16u

typedef struct Work {
	VkVault *vault;
	const GPtrArray *keys;
	GMutex mutex;    /* guards what follows */
	guint next;      /* of KEYS, the first of a guest */
	GError *trouble; /* the first one */
} Work;

/* Nothing is deleted while something is not known. */
static gboolean fail_unknown(const VkSnapshotKey *key, GError *trouble, GError **error)
{
	const char *cure =
		key->forgotten ? "it is forgotten, but open: close it, and run 'virtkeep gc' again"
			       : "forget it, or see 'virtkeep verify'";

	g_propagate_prefixed_error(error, trouble,
				   "no space is freed, because nobody knows what the snapshot "
				   "'%s@%s' refers to (%s): ",
				   key->uuid, key->time, cure);
	return FALSE;
}

/* Whoever only foresees a collection has no lease, so that another one may be at work. */
static gboolean was_removed(VkVault *vault, const VkSnapshotKey *key)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, key->uuid, NULL);

	return keys && !vk_catalog_has_id(keys, key->id);
}

static gboolean mark_key(VkMark *mark, VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (vk_mark_add_key(mark, vault, key, &trouble))
		return TRUE;
	if (vk_interrupted()) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	return was_removed(vault, key) || fail_unknown(key, g_steal_pointer(&trouble), error);
}

static const VkSnapshotKey *key_at(const Work *work, guint i)
{
	return g_ptr_array_index(work->keys, i);
}

/* The first key behind those of the guest of number FIRST. */
static guint end_of_guest(const Work *work, guint first)
{
	guint end = first + 1;

	while (end < work->keys->len &&
	       g_str_equal(key_at(work, end)->uuid, key_at(work, first)->uuid))
		end++;
	return end;
}

/* The keys of the next guest. FALSE: there is none any more, or a thread has failed. */
static gboolean take_guest(Work *work, guint *ret_first, guint *ret_end)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&work->mutex);

	if (work->trouble || work->next == work->keys->len)
		return FALSE;
	*ret_first = work->next;
	*ret_end = work->next = end_of_guest(work, work->next);
	return TRUE;
}

/* Takes TROUBLE over. */
static void note_trouble(Work *work, GError *trouble)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&work->mutex);

	if (work->trouble)
		g_error_free(trouble);
	else
		work->trouble = trouble;
}

static void mark_guests(Work *work, VkMark *mark)
{
	guint first, end;

	while (take_guest(work, &first, &end)) {
		GError *trouble = NULL;

		for (guint i = first; i < end && !trouble; i++)
			mark_key(mark, work->vault, key_at(work, i), &trouble);
		if (trouble)
			note_trouble(work, trouble);
	}
}

/* Returns what it has marked. */
static gpointer run_thread(gpointer data)
{
	Work *work = data;
	VkMark *mark = vk_mark_new(work->vault);

	mark_guests(work, mark);
	return mark;
}

static guint count_guests(const Work *work)
{
	guint count = 0;

	for (guint i = 0; i < work->keys->len; i = end_of_guest(work, i))
		count++;
	return count;
}

gboolean vk_mark_add_keys(VkMark *mark, VkVault *vault, const GPtrArray *keys, GError **error)
{
	Work work = {.vault = vault, .keys = keys};
	guint count = MIN(CLAMP(g_get_num_processors(), 1, THREADS_MAX), count_guests(&work));
	GThread *threads[THREADS_MAX];

	g_mutex_init(&work.mutex);
	for (guint i = 1; i < count; i++)
		threads[i] = g_thread_new("mark", run_thread, &work);
	mark_guests(&work, mark);
	for (guint i = 1; i < count; i++) {
		g_autoptr(VkMark) other = g_thread_join(threads[i]);

		vk_mark_merge(mark, other);
	}
	g_mutex_clear(&work.mutex);
	if (!work.trouble)
		return TRUE;
	g_propagate_error(error, work.trouble);
	return FALSE;
}
