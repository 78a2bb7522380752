/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the store on S3 writes. An object is collected in memory, since a PUT begins with its length
 * and its hash. Packs are then uploaded by threads, several at a time, while the next ones fill.
 * Who has one too many waits: that bounds the memory. All else is put at once.
 *
 * An upload that failed for good condemns the store: it takes no packs any more, and nothing that
 * refers to packs. Others may have used the lost pack's slots since, and each of them has to learn
 * it. Leases, marks and the like are taken: work that failed has to be ended as well.
 */
#include "store-s3-priv.h"

#include "layout.h"
#include "s3-access.h"

#include "errors.h"

#include <string.h>

/* Far more than the largest pack; the hints of a large vault have some hundreds of MiB. */
#define OBJECT_MAX (1u << 30)

struct VkNewObject {
	S3Store *store;
	GByteArray *bytes;
};

typedef struct Upload {
	char *name;
	GBytes *bytes;
	guint64 number;
} Upload;

static void upload_free(gpointer data)
{
	Upload *upload = data;

	g_free(upload->name);
	g_bytes_unref(upload->bytes);
	g_free(upload);
}

static void run_upload(gpointer data, gpointer user)
{
	const Upload *upload = data;
	S3Store *store = user;
	g_autoptr(GError) trouble = NULL;
	gsize length;
	const void *bytes = g_bytes_get_data(upload->bytes, &length);

	vk_s3_put(store->s3, upload->name, bytes, length, FALSE, &trouble);
	g_mutex_lock(&store->mutex);
	if (trouble && !store->trouble)
		store->trouble = g_steal_pointer(&trouble);
	g_hash_table_remove(store->pending, upload->name);
	g_cond_broadcast(&store->changed);
	g_mutex_unlock(&store->mutex);
}

void vk_store_s3_start_uploads(S3Store *store)
{
	g_mutex_init(&store->mutex);
	g_cond_init(&store->changed);
	store->uploads_max = vk_s3_uploads();
	store->pending = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, upload_free);
}

void vk_store_s3_end_uploads(S3Store *store)
{
	if (store->pool)
		g_thread_pool_free(store->pool, FALSE, TRUE);
	g_hash_table_unref(store->pending);
	g_clear_error(&store->trouble);
	g_cond_clear(&store->changed);
	g_mutex_clear(&store->mutex);
}

GBytes *vk_store_s3_pending(S3Store *store, const char *name)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&store->mutex);
	const Upload *upload = g_hash_table_lookup(store->pending, name);

	return upload ? g_bytes_ref(upload->bytes) : NULL;
}

void vk_store_s3_wait_for(S3Store *store, const char *name)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&store->mutex);

	while (g_hash_table_contains(store->pending, name))
		g_cond_wait(&store->changed, &store->mutex);
}

static gboolean refuse_condemned_locked(const S3Store *store, GError **error)
{
	if (!store->trouble)
		return TRUE;
	g_propagate_prefixed_error(error, g_error_copy(store->trouble),
				   "a pack was not uploaded, start again: ");
	return FALSE;
}

static gboolean depends_on_packs(const char *name)
{
	static const char *const folders[] = {VK_FOLDER_PACKS "/", VK_FOLDER_HINTS "/"};

	for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
		if (g_str_has_prefix(name, folders[i]))
			return TRUE;
	/* The rest beside them are marks. */
	return g_str_has_suffix(name, ".json") && (g_str_has_prefix(name, VK_FOLDER_SNAPS "/") ||
						   g_str_has_prefix(name, VK_FOLDER_COPIES "/"));
}

static gboolean refuse_condemned(S3Store *store, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&store->mutex);

	return refuse_condemned_locked(store, error);
}

/* A server that has too much to do gets half of it. */
static guint uploads_now(S3Store *store)
{
	return vk_s3_is_slowed(store->s3) ? MAX(store->uploads_max / 2, 1) : store->uploads_max;
}

/*
 * With all its threads from the beginning: a pool that starts them later keeps an upload in its
 * queue when it cannot, and nobody runs it.
 */
static gboolean start_pool_locked(S3Store *store, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	GThreadPool *pool;

	if (store->pool)
		return TRUE;
	pool = g_thread_pool_new(run_upload, store, (gint)store->uploads_max, TRUE, &trouble);
	if (!trouble) {
		store->pool = pool;
		return TRUE;
	}
	g_thread_pool_free(pool, TRUE, TRUE);
	return vk_fail(error, VK_ERROR_FAILED, "no threads for %u uploads can be started: %s",
		       store->uploads_max, trouble->message);
}

static gboolean queue_upload(S3Store *store, const char *name, GBytes *bytes, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&store->mutex);
	Upload *upload;

	while (g_hash_table_size(store->pending) >= uploads_now(store))
		g_cond_wait(&store->changed, &store->mutex);
	if (!refuse_condemned_locked(store, error) || !start_pool_locked(store, error))
		return FALSE;
	if (g_hash_table_contains(store->pending, name))
		return vk_fail(error, VK_ERROR_EXISTS, "'%s' exists already", name);
	upload = g_new0(Upload, 1);
	upload->name = g_strdup(name);
	upload->bytes = g_bytes_ref(bytes);
	upload->number = ++store->queued;
	g_hash_table_insert(store->pending, upload->name, upload);
	return g_thread_pool_push(store->pool, upload, NULL);
}

VkNewObject *vk_store_s3_begin(VkStore *base, const char *name, GError **error)
{
	S3Store *store = (S3Store *)base;
	VkNewObject *object;

	if (depends_on_packs(name) && !refuse_condemned(store, error))
		return NULL;
	object = g_new0(VkNewObject, 1);
	object->store = store;
	object->bytes = g_byte_array_new();
	return object;
}

gboolean vk_store_s3_append(VkNewObject *object, const void *bytes, gsize length, GError **error)
{
	if (length > OBJECT_MAX - object->bytes->len)
		return vk_fail(error, VK_ERROR_FAILED,
			       "an object of more than %u bytes cannot be put into a bucket",
			       OBJECT_MAX);
	g_byte_array_append(object->bytes, bytes, (guint)length);
	return TRUE;
}

void vk_store_s3_drop(VkNewObject *object)
{
	g_byte_array_unref(object->bytes);
	g_free(object);
}

/* Nobody looks for a pack before something refers to it, and that is put after a sync(). */
static gboolean may_wait(const char *name, VkPutMode mode)
{
	return mode == VK_PUT_LATER && g_str_has_prefix(name, VK_FOLDER_PACKS "/");
}

gboolean vk_store_s3_finish(VkNewObject *object, const char *name, VkPutMode mode, GError **error)
{
	S3Store *store = object->store;
	g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&object->bytes));
	gsize length;
	const void *data = g_bytes_get_data(bytes, &length);

	g_free(object);
	return may_wait(name, mode)
		       ? queue_upload(store, name, bytes, error)
		       : vk_s3_put(store->s3, name, data, length, mode == VK_PUT_OVER, error);
}

/* The number of the oldest upload under way; MAXUINT64: there is none. */
static guint64 oldest_locked(const S3Store *store)
{
	guint64 oldest = G_MAXUINT64;
	GHashTableIter iter;
	gpointer upload;

	g_hash_table_iter_init(&iter, store->pending);
	while (g_hash_table_iter_next(&iter, NULL, &upload))
		oldest = MIN(oldest, ((const Upload *)upload)->number);
	return oldest;
}

gboolean vk_store_s3_sync(VkStore *base, GError **error)
{
	S3Store *store = (S3Store *)base;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&store->mutex);
	guint64 last = store->queued;

	while (oldest_locked(store) <= last)
		g_cond_wait(&store->changed, &store->mutex);
	return refuse_condemned_locked(store, error);
}
