/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spool.h"

#include "errors.h"
#include "io.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX    ".json"
#define BYTES_MAX (1u << 20)
#define MEMORY    "memory"
#define LOCK      "lock"
#define LOOK_USEC 50000

struct VkSpool {
	char *directory;
	int lock; /* -1: it is not locked */
	/* For a target and key: {trouble, told, seen}, in seconds since 1970. */
	json_t *memory;
};

static char *path_of(const VkSpool *spool, const char *name)
{
	return g_build_filename(spool->directory, name, NULL);
}

/* NULL for what is not there, or is damaged: then there is nothing. */
static json_t *read_object(const char *path)
{
	g_autofree char *text = NULL;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, NULL) || length > BYTES_MAX)
		return NULL;
	return vk_json_parse(text, length, path, NULL);
}

static gboolean write_object(const char *path, const json_t *object, GError **error)
{
	g_autofree char *line = vk_json_line(object);
	g_autoptr(GError) trouble = NULL;

	return g_file_set_contents_full(
		       path, line, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
		       0600, &trouble) ||
	       vk_fail(error, VK_ERROR_FAILED, "%s", trouble->message);
}

static gboolean take_lock(VkSpool *spool, gint64 wait_usec, GError **error)
{
	g_autofree char *path = path_of(spool, LOCK);
	gint64 end = g_get_monotonic_time() + wait_usec;
	VK_AUTOFD lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0)
		return vk_fail_errno(error, errno, "cannot open '%s'", path);
	while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || g_get_monotonic_time() > end)
			return vk_fail(error, VK_ERROR_BUSY, "another process has '%s'", path);
		g_usleep(LOOK_USEC);
	}
	spool->lock = g_steal_fd(&lock);
	return TRUE;
}

VkSpool *vk_spool_open(const char *directory, GError **error)
{
	VkSpool *spool;

	if (g_mkdir_with_parents(directory, 0700) < 0) {
		vk_fail_errno(error, errno, "cannot make '%s'", directory);
		return NULL;
	}
	if (access(directory, R_OK | W_OK | X_OK) < 0) {
		vk_fail_errno(error, errno, "cannot use '%s'", directory);
		return NULL;
	}
	spool = g_new0(VkSpool, 1);
	spool->lock = -1;
	spool->directory = g_strdup(directory);
	spool->memory = json_object();
	return spool;
}

void vk_spool_close(VkSpool *spool)
{
	if (!spool)
		return;
	vk_spool_unlock(spool);
	json_decref(spool->memory);
	g_free(spool->directory);
	g_free(spool);
}

gboolean vk_spool_lock(VkSpool *spool, gint64 wait_usec, GError **error)
{
	g_autofree char *path = path_of(spool, MEMORY);
	json_t *memory;

	if (!take_lock(spool, wait_usec, error))
		return FALSE;
	memory = read_object(path);
	if (memory) {
		json_decref(spool->memory);
		spool->memory = memory;
	}
	return TRUE;
}

/* Where there are too many, that one goes which was not seen for the longest. */
static void bound_memory(json_t *memory)
{
	while (json_object_size(memory) > VK_SPOOL_KEYS_MAX) {
		json_int_t first = G_MAXINT64;
		g_autofree char *oldest = NULL;
		const char *key;
		json_t *value;

		json_object_foreach (memory, key, value) {
			json_int_t seen = json_integer_value(json_object_get(value, "seen"));

			if (seen < first || !oldest) {
				first = seen;
				g_free(oldest);
				oldest = g_strdup(key);
			}
		}
		json_object_del(memory, oldest);
	}
}

/* It may be lost: then something is told once more. */
static void save_memory(VkSpool *spool)
{
	g_autofree char *path = path_of(spool, MEMORY);

	bound_memory(spool->memory);
	write_object(path, spool->memory, NULL);
}

void vk_spool_unlock(VkSpool *spool)
{
	if (spool->lock < 0)
		return;
	save_memory(spool);
	close(spool->lock);
	spool->lock = -1;
}

gboolean vk_spool_is_news(VkSpool *spool, const char *target, VkNotice *notice, gint64 now)
{
	g_autofree char *plain = g_strdup_printf("%s %s", target, notice->key);
	g_autofree char *key = g_compute_checksum_for_string(G_CHECKSUM_SHA256, plain, -1);
	json_t *known = json_object_get(spool->memory, key);
	const char *trouble = vk_json_optional_string(known, "trouble");
	json_int_t told = json_integer_value(json_object_get(known, "told"));
	gboolean is_known = trouble && g_str_equal(trouble, notice->trouble);
	/* A clock that was set back does not silence it. */
	gboolean is_news = !is_known || now - told >= VK_SPOOL_REPEAT || now < told;

	if (notice->kind == VK_NOTICE_SUCCESS) {
		if (known)
			vk_notice_recover(notice);
		json_object_del(spool->memory, key);
		is_news = TRUE;
	} else {
		json_object_set_new(spool->memory, key,
				    json_pack("{s:o, s:I, s:I}", "trouble",
					      vk_json_new_string(notice->trouble), "told",
					      is_news ? (json_int_t)now : told, "seen",
					      (json_int_t)now));
	}
	return is_news;
}

static gint compare_names(gconstpointer left, gconstpointer right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The names of what is kept, the oldest first. */
static GPtrArray *list(const VkSpool *spool)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) directory = g_dir_open(spool->directory, 0, NULL);
	const char *name;

	while (directory && (name = g_dir_read_name(directory)))
		if (g_str_has_suffix(name, SUFFIX))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	return names;
}

guint vk_spool_count(const VkSpool *spool)
{
	g_autoptr(GPtrArray) names = list(spool);

	return names->len;
}

int vk_spool_claim(const VkSpool *spool, const char *name)
{
	g_autofree char *path = path_of(spool, name);
	VK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat facts;

	/* Who had it before may have sent it between these two. */
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &facts) < 0 ||
	    facts.st_nlink == 0)
		return -1;
	return g_steal_fd(&fd);
}

void vk_spool_drop(const VkSpool *spool, const char *name)
{
	g_autofree char *path = path_of(spool, name);

	g_unlink(path);
}

char *vk_spool_put(VkSpool *spool, const char *target, const VkNotice *notice, gint64 now,
		   GError **error)
{
	g_autoptr(GPtrArray) names = list(spool);
	/* In the order of their times. */
	g_autofree char *name =
		g_strdup_printf("%016" G_GINT64_FORMAT "-%s" SUFFIX, now, notice->id);
	g_autofree char *path = NULL;
	g_autoptr(json_t) object =
		json_pack("{s:o, s:I, s:o}", "target", vk_json_new_string(target), "kept",
			  (json_int_t)now, "notice", vk_notice_to_json(notice));

	for (guint i = 0; names->len - i >= VK_SPOOL_MAX; i++)
		vk_spool_drop(spool, g_ptr_array_index(names, i));
	path = path_of(spool, name);
	return write_object(path, object, error) ? g_steal_pointer(&name) : NULL;
}

/* FALSE: it stays. */
static gboolean flush_one(const VkSpool *spool, const char *name, gint64 now, VkSpoolSend send,
			  gpointer data, GHashTable *silent, guint *ret_lost)
{
	g_autofree char *path = path_of(spool, name);
	g_autoptr(json_t) object = read_object(path);
	const char *target = vk_json_optional_string(object, "target");
	VK_AUTOFD claim = -1;
	g_autoptr(VkNotice) notice = vk_notice_from_json(json_object_get(object, "notice"));
	gint64 kept = json_integer_value(json_object_get(object, "kept"));

	if (!target || !notice)
		return TRUE;
	if (now - kept > VK_SPOOL_AGE_MAX) {
		++*ret_lost;
		return TRUE;
	}
	/* The others would wait for it in vain, too. */
	if (g_hash_table_contains(silent, target))
		return FALSE;
	claim = vk_spool_claim(spool, name);
	if (claim >= 0 && send(target, notice, data))
		return TRUE;
	g_hash_table_add(silent, g_strdup(target));
	return FALSE;
}

guint vk_spool_flush(VkSpool *spool, gint64 now, VkSpoolSend send, gpointer data)
{
	g_autoptr(GPtrArray) names = list(spool);
	g_autoptr(GHashTable) silent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint lost = 0;

	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		if (flush_one(spool, name, now, send, data, silent, &lost))
			vk_spool_drop(spool, name);
	}
	return lost;
}
