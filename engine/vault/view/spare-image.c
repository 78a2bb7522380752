/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spare-image.h"

#include "errors.h"

typedef struct SpareImage {
	VkImage base;
	VkImage *image;
	const VkSpareCalls *calls;
	gpointer user;
	GMutex mutex; /* guards what follows */
	gboolean is_opened;
	VkImage *spare; /* NULL: none, or not opened yet */
} SpareImage;

/* Borrowed. */
static VkImage *find_spare(SpareImage *self)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->mutex);

	if (!self->is_opened)
		self->spare = self->calls->open(self->user);
	self->is_opened = TRUE;
	if (self->spare && self->spare->size != self->base.size)
		g_clear_pointer(&self->spare, vk_image_free);
	return self->spare;
}

/* After TROUBLE with the first one: the spare if it may be of use, else NULL with the error. */
static VkImage *go_on(SpareImage *self, GError *trouble, GError **error)
{
	VkImage *spare =
		g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) ? find_spare(self) : NULL;

	if (spare)
		g_error_free(trouble);
	else
		g_propagate_error(error, trouble);
	return spare;
}

static gboolean spare_read(VkImage *base, guint64 offset, void *buf, gsize length, GError **error)
{
	SpareImage *self = (SpareImage *)base;
	GError *trouble = NULL;
	VkImage *spare;

	if (vk_image_read(self->image, offset, buf, length, &trouble))
		return TRUE;
	spare = go_on(self, trouble, error);
	return spare && vk_image_read(spare, offset, buf, length, error);
}

static gboolean spare_extent(VkImage *base, guint64 offset, gboolean *ret_is_data,
			     guint64 *ret_length, GError **error)
{
	SpareImage *self = (SpareImage *)base;
	GError *trouble = NULL;
	VkImage *spare;

	if (vk_image_extent(self->image, offset, ret_is_data, ret_length, &trouble))
		return TRUE;
	spare = go_on(self, trouble, error);
	return spare && vk_image_extent(spare, offset, ret_is_data, ret_length, error);
}

static void spare_free(VkImage *base)
{
	SpareImage *self = (SpareImage *)base;

	vk_image_free(self->image);
	vk_image_free(self->spare);
	self->calls->free(self->user);
	g_mutex_clear(&self->mutex);
	g_free(self);
}

VkImage *vk_spare_image_new(VkImage *image, const VkSpareCalls *calls, gpointer user)
{
	static const VkImageOps ops = {
		.read = spare_read, .extent = spare_extent, .free = spare_free};
	SpareImage *self = g_new0(SpareImage, 1);

	self->base = (VkImage){.ops = &ops, .size = image->size, .fd = image->fd};
	self->image = image;
	self->calls = calls;
	self->user = user;
	g_mutex_init(&self->mutex);
	return &self->base;
}
