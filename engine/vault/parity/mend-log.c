/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mend-log.h"

/* A vault that is damaged everywhere is not told pack by pack. */
#define OBJECTS_MAX 1000u

struct VkMendLog {
	GMutex mutex;
	GHashTable *objects; /* their names; under the mutex */
	GHashTable *failed;  /* object -> gint64, both owned; under the mutex */
	VkWarn warn;         /* nullable */
};

VkMendLog *vk_mend_log_new(void)
{
	VkMendLog *log = g_new0(VkMendLog, 1);

	g_mutex_init(&log->mutex);
	log->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	log->failed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return log;
}

void vk_mend_log_free(VkMendLog *log)
{
	if (!log)
		return;
	g_hash_table_unref(log->objects);
	g_hash_table_unref(log->failed);
	g_mutex_clear(&log->mutex);
	g_free(log);
}

void vk_mend_log_set_warn(VkMendLog *log, VkWarn warn)
{
	log->warn = warn;
}

void vk_mend_log_add(VkMendLog *log, const char *object, const char *text)
{
	gboolean is_new;

	g_mutex_lock(&log->mutex);
	is_new = g_hash_table_size(log->objects) < OBJECTS_MAX &&
		 g_hash_table_add(log->objects, g_strdup(object));
	g_mutex_unlock(&log->mutex);
	if (is_new && log->warn)
		log->warn("%s", text);
}

static int compare(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *vk_mend_log_list(VkMendLog *log)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&log->mutex);
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, log->objects);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare);
	return names;
}

void vk_mend_log_set_failed(VkMendLog *log, const char *object, gint64 time)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&log->mutex);

	if (time == 0)
		g_hash_table_remove(log->failed, object);
	else if (g_hash_table_size(log->failed) < OBJECTS_MAX ||
		 g_hash_table_contains(log->failed, object))
		g_hash_table_insert(log->failed, g_strdup(object), g_memdup2(&time, sizeof(time)));
}

gint64 vk_mend_log_failed(VkMendLog *log, const char *object)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&log->mutex);
	const gint64 *time = g_hash_table_lookup(log->failed, object);

	return time ? *time : 0;
}
