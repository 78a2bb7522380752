/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells ThreadSanitizer what GLib synchronises. GLib's mutexes and conditions are futexes of its
 * own in a library that is not instrumented: without a word about them each lock would look like
 * none, and all that they guard like a race. These functions are linked into the programs and stand
 * in front of GLib's, which they call. What GLib calls itself is not seen. Threads and GLib's other
 * locks are those of pthreads, which the sanitizer knows. This file is compiled without it.
 */
#include <dlfcn.h>
#include <glib.h>
#include <sanitizer/tsan_interface.h>

#define REAL(name) ((typeof(&(name)))find(#name))

static void *find(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		__builtin_trap();
	return function;
}

static void before_lock(void *lock)
{
	__tsan_mutex_pre_lock(lock, 0);
}

static void after_lock(void *lock)
{
	__tsan_mutex_post_lock(lock, 0, 0);
}

static void before_unlock(void *lock)
{
	__tsan_mutex_pre_unlock(lock, 0);
}

static void after_unlock(void *lock)
{
	__tsan_mutex_post_unlock(lock, 0);
}

void g_mutex_lock(GMutex *mutex)
{
	before_lock(mutex);
	REAL(g_mutex_lock)(mutex);
	after_lock(mutex);
}

void g_mutex_unlock(GMutex *mutex)
{
	before_unlock(mutex);
	REAL(g_mutex_unlock)(mutex);
	after_unlock(mutex);
}

void g_mutex_clear(GMutex *mutex)
{
	__tsan_mutex_destroy(mutex, 0);
	REAL(g_mutex_clear)(mutex);
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
	before_unlock(mutex);
	after_unlock(mutex);
	REAL(g_cond_wait)(cond, mutex);
	before_lock(mutex);
	after_lock(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
	gboolean signalled;

	before_unlock(mutex);
	after_unlock(mutex);
	signalled = REAL(g_cond_wait_until)(cond, mutex, end_time);
	before_lock(mutex);
	after_lock(mutex);
	return signalled;
}

void(g_once_init_leave)(volatile void *location, gsize result)
{
	__tsan_release((void *)(guintptr)location);
	REAL(g_once_init_leave)(location, result);
}

/* Who drops the last reference frees what the others have used. */
static void pass_on(gconstpointer object)
{
	__tsan_release((void *)(guintptr)object);
	__tsan_acquire((void *)(guintptr)object);
}

gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count)
{
	pass_on(count);
	return REAL(g_atomic_ref_count_dec)(count);
}

void g_atomic_rc_box_release_full(gpointer box, GDestroyNotify clear)
{
	pass_on(box);
	REAL(g_atomic_rc_box_release_full)(box, clear);
}

void g_bytes_unref(GBytes *bytes)
{
	if (bytes)
		pass_on(bytes);
	REAL(g_bytes_unref)(bytes);
}

void g_async_queue_push(GAsyncQueue *queue, gpointer item)
{
	__tsan_release(queue);
	REAL(g_async_queue_push)(queue, item);
}

gpointer g_async_queue_pop(GAsyncQueue *queue)
{
	gpointer item = REAL(g_async_queue_pop)(queue);

	__tsan_acquire(queue);
	return item;
}

gpointer g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout)
{
	gpointer item = REAL(g_async_queue_timeout_pop)(queue, timeout);

	__tsan_acquire(queue);
	return item;
}

/* The work of a pool. It lives as long as the process. */
typedef struct Work {
	GFunc function;
	gpointer data;
} Work;

static void work(gpointer item, gpointer data)
{
	Work *of_pool = data;

	__tsan_acquire(of_pool);
	of_pool->function(item, of_pool->data);
	__tsan_release(of_pool);
}

GThreadPool *g_thread_pool_new(GFunc function, gpointer data, gint max_threads, gboolean exclusive,
			       GError **error)
{
	Work *of_pool = g_new0(Work, 1);

	*of_pool = (Work){function, data};
	return REAL(g_thread_pool_new)(work, of_pool, max_threads, exclusive, error);
}

gboolean g_thread_pool_push(GThreadPool *pool, gpointer item, GError **error)
{
	__tsan_release(pool->user_data);
	return REAL(g_thread_pool_push)(pool, item, error);
}

void g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait)
{
	void *of_pool = pool->user_data;

	REAL(g_thread_pool_free)(pool, immediate, wait);
	__tsan_acquire(of_pool);
}
