/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-images.h"

#include "json.h"

/* An image that some have open: a process may serve it. */
typedef struct SharedImage {
	VkImage *image; /* NULL while its first user opens it */
	char *key;
	guint users;
} SharedImage;

/* What one of them has. */
typedef struct Handle {
	VkImage base;
	VkSharedImages *images;
	SharedImage *shared;
} Handle;

struct VkSharedImages {
	GMutex mutex;      /* guards what follows */
	GCond opened;      /* or failed to */
	GHashTable *table; /* key -> SharedImage */
};

static gboolean handle_read(VkImage *base, guint64 offset, void *buf, gsize length, GError **error)
{
	return vk_image_read(((Handle *)base)->shared->image, offset, buf, length, error);
}

static gboolean handle_extent(VkImage *base, guint64 offset, gboolean *ret_is_data,
			      guint64 *ret_length, GError **error)
{
	return vk_image_extent(((Handle *)base)->shared->image, offset, ret_is_data, ret_length,
			       error);
}

static void shared_free(SharedImage *shared)
{
	vk_image_free(shared->image);
	g_free(shared->key);
	g_free(shared);
}

static void handle_free(VkImage *base)
{
	Handle *handle = (Handle *)base;
	SharedImage *shared = handle->shared;
	gboolean is_last;

	g_mutex_lock(&handle->images->mutex);
	is_last = --shared->users == 0;
	if (is_last)
		g_hash_table_remove(handle->images->table, shared->key);
	g_mutex_unlock(&handle->images->mutex);
	if (is_last)
		shared_free(shared);
	g_free(handle);
}

static const VkImageOps handle_ops = {
	.read = handle_read,
	.extent = handle_extent,
	.free = handle_free,
};

static VkImage *handle_new(VkSharedImages *images, SharedImage *shared)
{
	Handle *handle = g_new0(Handle, 1);

	handle->base = *shared->image;
	handle->base.ops = &handle_ops;
	handle->images = images;
	handle->shared = shared;
	return &handle->base;
}

VkSharedImages *vk_shared_images_new(void)
{
	VkSharedImages *images = g_new0(VkSharedImages, 1);

	g_mutex_init(&images->mutex);
	g_cond_init(&images->opened);
	images->table = g_hash_table_new(g_str_hash, g_str_equal);
	return images;
}

void vk_shared_images_free(VkSharedImages *images)
{
	g_hash_table_unref(images->table);
	g_mutex_clear(&images->mutex);
	g_cond_clear(&images->opened);
	g_free(images);
}

/* With the mutex held, but not while the array is awaited. What fails is listed no more. */
static void open_shared(VkSharedImages *images, SharedImage *shared, const json_t *copy,
			VkImageOpener open, gpointer data, GError **error)
{
	VkImage *image;

	g_mutex_unlock(&images->mutex);
	image = open(data, copy, error);
	g_mutex_lock(&images->mutex);
	shared->image = image;
	if (!image)
		g_hash_table_remove(images->table, shared->key);
	g_cond_broadcast(&images->opened);
}

VkImage *vk_shared_images_open(VkSharedImages *images, const json_t *copy, VkImageOpener open,
			       gpointer data, GError **error)
{
	g_autofree char *key = vk_json_line(copy);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&images->mutex);
	SharedImage *shared;

	while ((shared = g_hash_table_lookup(images->table, key)) && !shared->image)
		g_cond_wait(&images->opened, &images->mutex);
	if (!shared) {
		shared = g_new0(SharedImage, 1);
		shared->key = g_steal_pointer(&key);
		g_hash_table_insert(images->table, shared->key, shared);
		open_shared(images, shared, copy, open, data, error);
	}
	if (!shared->image) {
		shared_free(shared);
		return NULL;
	}
	shared->users++;
	return handle_new(images, shared);
}
