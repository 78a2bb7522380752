/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "windows.h"

#include "window-store.h"

#include <string.h>

/*
 * In memory; those that are being fetched come on top. A restore has up to 16 threads, each with a
 * window and two ahead.
 */
#define WINDOWS_MAX 64u
/* So many windows are fetched before they are asked for. */
#define AHEAD         2u
#define AHEAD_THREADS 4
/* More are not queued: who reads so fast asks himself. */
#define QUEUE_MAX 16u

typedef struct Window {
	char *key;
	GList *link;         /* in the windows' RECENT; NULL: it is not there, or not yet */
	gboolean is_fetched; /* one of the following is set */
	GBytes *bytes;
	GError *trouble;
} Window;

struct VkWindows {
	VkStore *store;
	VkWindowFiles *files;
	GThreadPool *ahead;
	GMutex mutex;      /* guards what follows, and the windows */
	GCond changed;     /* a window was fetched */
	GHashTable *known; /* its key -> Window */
	GQueue recent;     /* of these, those that were fetched, most recently used first */
};

/* What is to be fetched ahead. */
typedef struct Task {
	char *object;
	guint64 size, number;
} Task;

static void task_free(gpointer data)
{
	g_free(((Task *)data)->object);
	g_free(data);
}

static char *key_of(const char *object, guint64 number)
{
	return g_strdup_printf("%s %" G_GUINT64_FORMAT, object, number);
}

static void window_clear(gpointer data)
{
	Window *window = data;

	g_free(window->key);
	g_clear_pointer(&window->bytes, g_bytes_unref);
	g_clear_error(&window->trouble);
}

static void window_unref(gpointer window)
{
	g_atomic_rc_box_release_full(window, window_clear);
}

static gsize length_of(guint64 size, guint64 number)
{
	return (gsize)MIN(size - number * VK_WINDOW_SIZE, VK_WINDOW_SIZE);
}

static GBytes *fetch(VkWindows *windows, const char *object, guint64 size, guint64 number,
		     GError **error)
{
	const gsize length = length_of(size, number);
	g_autofree char *part = g_strdup_printf("w%" G_GUINT64_FORMAT, number);
	g_autoptr(GBytes) bytes = vk_window_files_get(windows->files, object, part, NULL);
	g_autofree guint8 *buf = NULL;

	if (bytes && g_bytes_get_size(bytes) == length)
		return g_steal_pointer(&bytes);
	g_clear_pointer(&bytes, g_bytes_unref);
	buf = g_malloc(length);
	if (!windows->store->ops->get(windows->store, object, number * VK_WINDOW_SIZE, buf, length,
				      error))
		return NULL;
	bytes = g_bytes_new_take(g_steal_pointer(&buf), length);
	vk_window_files_put(windows->files, object, part, bytes, size);
	return g_steal_pointer(&bytes);
}

static void forget_locked(VkWindows *windows, Window *window)
{
	g_queue_delete_link(&windows->recent, g_steal_pointer(&window->link));
	g_hash_table_remove(windows->known, window->key);
}

/* Takes over what was fetched, which others wait for. */
static void publish(VkWindows *windows, Window *window, GBytes *bytes, GError *trouble)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&windows->mutex);

	window->is_fetched = TRUE;
	window->bytes = bytes;
	window->trouble = trouble;
	if (bytes) {
		g_queue_push_head(&windows->recent, window);
		window->link = windows->recent.head;
	} else {
		g_hash_table_remove(windows->known, window->key);
	}
	while (windows->recent.length > WINDOWS_MAX)
		forget_locked(windows, windows->recent.tail->data);
	g_cond_broadcast(&windows->changed);
}

/* NULL: it is not known. Borrowed. */
static Window *look_up_locked(const VkWindows *windows, const char *object, guint64 number)
{
	g_autofree char *key = key_of(object, number);

	return g_hash_table_lookup(windows->known, key);
}

/*
 * The window, which is used now: new reference. *RET_IS_NEW: nobody fetches it, so the caller has
 * to, and to publish it.
 */
static Window *find_locked(VkWindows *windows, const char *object, guint64 number,
			   gboolean *ret_is_new)
{
	Window *window = look_up_locked(windows, object, number);

	*ret_is_new = !window;
	if (!window) {
		window = g_atomic_rc_box_new0(Window);
		window->key = key_of(object, number);
		g_hash_table_insert(windows->known, window->key, window);
	} else if (window->link) {
		g_queue_unlink(&windows->recent, window->link);
		g_queue_push_head_link(&windows->recent, window->link);
	}
	return g_atomic_rc_box_acquire(window);
}

/* The bytes of the window. New reference. */
static GBytes *get_window(VkWindows *windows, const char *object, guint64 size, guint64 number,
			  GError **error)
{
	GBytes *bytes = NULL;
	gboolean is_new;
	Window *window;

	g_mutex_lock(&windows->mutex);
	window = find_locked(windows, object, number, &is_new);
	if (!is_new)
		while (!window->is_fetched)
			g_cond_wait(&windows->changed, &windows->mutex);
	g_mutex_unlock(&windows->mutex);
	if (is_new) {
		GError *trouble = NULL;
		GBytes *fetched = fetch(windows, object, size, number, &trouble);

		publish(windows, window, fetched, trouble);
	}
	if (window->bytes)
		bytes = g_bytes_ref(window->bytes);
	else
		g_propagate_error(error, g_error_copy(window->trouble));
	window_unref(window);
	return bytes;
}

static void run_ahead(gpointer data, gpointer user)
{
	Task *task = data;
	GBytes *bytes = get_window(user, task->object, task->size, task->number, NULL);

	if (bytes)
		g_bytes_unref(bytes);
	task_free(task);
}

VkWindows *vk_windows_new(VkStore *store, VkWindowFiles *files)
{
	VkWindows *windows = g_new0(VkWindows, 1);

	windows->store = store;
	windows->files = files;
	g_mutex_init(&windows->mutex);
	g_cond_init(&windows->changed);
	windows->known = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, window_unref);
	windows->ahead =
		g_thread_pool_new_full(run_ahead, windows, task_free, AHEAD_THREADS, FALSE, NULL);
	return windows;
}

void vk_windows_free(VkWindows *windows)
{
	if (!windows)
		return;
	g_thread_pool_free(windows->ahead, TRUE, TRUE);
	g_hash_table_unref(windows->known);
	g_queue_clear(&windows->recent);
	g_cond_clear(&windows->changed);
	g_mutex_clear(&windows->mutex);
	g_free(windows);
}

/* Behind the window NUMBER, which is read now, if more is wanted or is going to be. */
static void fetch_ahead(VkWindows *windows, const char *object, guint64 size, guint64 number,
			gboolean is_more_wanted)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&windows->mutex);
	guint64 end = (size + VK_WINDOW_SIZE - 1) / VK_WINDOW_SIZE;

	if (!is_more_wanted && (number == 0 || !look_up_locked(windows, object, number - 1)))
		return;
	for (guint64 next = number + 1; next <= number + AHEAD && next < end; next++) {
		const Task task = {g_strdup(object), size, next};

		if (look_up_locked(windows, object, next) ||
		    g_thread_pool_unprocessed(windows->ahead) >= QUEUE_MAX)
			g_free(task.object);
		else
			g_thread_pool_push(windows->ahead, g_memdup2(&task, sizeof(task)), NULL);
	}
}

gboolean vk_windows_get(VkWindows *windows, const char *object, guint64 size, guint64 offset,
			void *buf, gsize length, GError **error)
{
	guint8 *to = buf;

	while (length > 0) {
		const guint64 number = offset / VK_WINDOW_SIZE;
		const gsize at = (gsize)(offset % VK_WINDOW_SIZE);
		const gsize n = MIN(length, VK_WINDOW_SIZE - at);
		g_autoptr(GBytes) bytes = NULL;

		fetch_ahead(windows, object, size, number, length > n);
		bytes = get_window(windows, object, size, number, error);
		if (!bytes)
			return FALSE;
		memcpy(to, (const guint8 *)g_bytes_get_data(bytes, NULL) + at, n);
		to += n;
		offset += n;
		length -= n;
	}
	return TRUE;
}

gboolean vk_windows_has(VkWindows *windows, const char *object, guint64 offset)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&windows->mutex);

	return look_up_locked(windows, object, offset / VK_WINDOW_SIZE) != NULL;
}

/* One that is being fetched is for those who wait for it already. */
void vk_windows_drop(VkWindows *windows, const char *object, guint64 size)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&windows->mutex);

	for (guint64 number = 0; number * VK_WINDOW_SIZE < size; number++) {
		Window *window = look_up_locked(windows, object, number);

		if (window && window->link)
			forget_locked(windows, window);
	}
}
