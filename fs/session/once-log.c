/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "once-log.h"

#include "log.h"

struct VkOnceLog {
	GMutex lock;
	GHashTable *keys;
	guint limit;
	gboolean full;
};

VkOnceLog *vk_once_log_new(guint limit)
{
	VkOnceLog *log = g_new0(VkOnceLog, 1);

	g_mutex_init(&log->lock);
	log->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	log->limit = limit;
	return log;
}

void vk_once_log_free(VkOnceLog *log)
{
	if (!log)
		return;
	g_hash_table_unref(log->keys);
	g_mutex_clear(&log->lock);
	g_free(log);
}

gboolean vk_once_log_warning(VkOnceLog *log, const char *key, const char *format, ...)
{
	g_autofree char *text = NULL;
	gboolean fresh = FALSE;
	gboolean last = FALSE;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);

	g_mutex_lock(&log->lock);
	if (g_hash_table_size(log->keys) < log->limit) {
		fresh = g_hash_table_add(log->keys, g_strdup(key));
	} else if (!log->full && !g_hash_table_contains(log->keys, key)) {
		log->full = TRUE;
		last = TRUE;
	}
	g_mutex_unlock(&log->lock);
	if (fresh)
		vk_log_warning("%s", text);
	if (last)
		vk_log_warning("more than %u different warnings: no further ones are logged",
			       log->limit);
	return fresh;
}
