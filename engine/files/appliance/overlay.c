/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY "/var/tmp"
#define PAGE      4096

struct VkOverlay {
	VkImage *image;
	guint64 limit;
	GRWLock lock;
	GHashTable *pages; /* number of a written page -> its place in the file, plus 1 */
	guint64 used;      /* bytes of the file */
	int fd;
};

/* A file without a name, so that nothing stays when this process is killed. */
static int open_nameless(GError **error)
{
	char path[] = DIRECTORY "/virtkeep-overlay-XXXXXX";
	int fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* Some file systems know only files with names. Memory has no room for an overlay. */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	if (fd < 0)
		vk_fail_errno(error, errno, "cannot make a temporary file in '%s'", DIRECTORY);
	return fd;
}

VkOverlay *vk_overlay_new(VkImage *image, guint64 limit, GError **error)
{
	VkOverlay *overlay = g_new0(VkOverlay, 1);

	overlay->image = image;
	overlay->limit = limit;
	g_rw_lock_init(&overlay->lock);
	overlay->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	overlay->fd = open_nameless(error);
	if (overlay->fd < 0)
		g_clear_pointer(&overlay, vk_overlay_free);
	return overlay;
}

void vk_overlay_free(VkOverlay *overlay)
{
	if (!overlay)
		return;
	vk_image_free(overlay->image);
	g_hash_table_unref(overlay->pages);
	g_rw_lock_clear(&overlay->lock);
	vk_io_clear_fd(&overlay->fd);
	g_free(overlay);
}

guint64 vk_overlay_size(const VkOverlay *overlay)
{
	return overlay->image->size;
}

/* Where the page with byte OFFSET is in the file. FALSE when it was not written. */
static gboolean find_page(const VkOverlay *overlay, guint64 offset, guint64 *ret_place)
{
	guint64 number = offset / PAGE;
	gpointer place = g_hash_table_lookup(overlay->pages, &number);

	*ret_place = (guint64)GPOINTER_TO_SIZE(place) - 1;
	return place != NULL;
}

static gboolean read_file(const VkOverlay *overlay, guint64 place, void *buf, gsize length,
			  GError **error)
{
	gsize got;

	return vk_io_read(overlay->fd, "the overlay", place, buf, length, &got, error) &&
	       (got == length ||
		vk_fail(error, VK_ERROR_FAILED, "the overlay's temporary file is too short"));
}

/* Puts what was written over the LENGTH bytes at OFFSET that were read. */
static gboolean lay_over(const VkOverlay *overlay, guint64 offset, guint8 *buf, gsize length,
			 GError **error)
{
	while (length > 0) {
		gsize inside = offset % PAGE;
		gsize part = MIN(length, PAGE - inside);
		guint64 place;

		if (find_page(overlay, offset, &place) &&
		    !read_file(overlay, place + inside, buf, part, error))
			return FALSE;
		offset += part;
		buf += part;
		length -= part;
	}
	return TRUE;
}

gboolean vk_overlay_read(VkOverlay *overlay, guint64 offset, void *buf, gsize length,
			 GError **error)
{
	gboolean ok;

	if (!vk_image_read(overlay->image, offset, buf, length, error))
		return FALSE;
	g_rw_lock_reader_lock(&overlay->lock);
	ok = g_hash_table_size(overlay->pages) == 0 ||
	     lay_over(overlay, offset, buf, length, error);
	g_rw_lock_reader_unlock(&overlay->lock);
	return ok;
}

/* A page of the file for that of the image, with LENGTH bytes of BUF over the image's. */
static gboolean add_page(VkOverlay *overlay, guint64 offset, const guint8 *buf, gsize length,
			 GError **error)
{
	guint64 start = offset / PAGE * PAGE;
	guint64 *number;
	guint8 bytes[PAGE] = {0};

	if (overlay->used + PAGE > overlay->limit)
		return vk_fail(error, VK_ERROR_FAILED, "the overlay is full");
	if (length < PAGE && !vk_image_read(overlay->image, start, bytes,
					    MIN(PAGE, overlay->image->size - start), error))
		return FALSE;
	memcpy(bytes + (offset - start), buf, length);
	if (!vk_io_write(overlay->fd, "the overlay", overlay->used, bytes, PAGE, error))
		return FALSE;
	number = g_new(guint64, 1);
	*number = offset / PAGE;
	g_hash_table_insert(overlay->pages, number, GSIZE_TO_POINTER(overlay->used + 1));
	overlay->used += PAGE;
	return TRUE;
}

static gboolean write_locked(VkOverlay *overlay, guint64 offset, const guint8 *buf, gsize length,
			     GError **error)
{
	while (length > 0) {
		gsize inside = offset % PAGE;
		gsize part = MIN(length, PAGE - inside);
		guint64 place;

		if (find_page(overlay, offset, &place)
			    ? !vk_io_write(overlay->fd, "the overlay", place + inside, buf, part,
					   error)
			    : !add_page(overlay, offset, buf, part, error))
			return FALSE;
		offset += part;
		buf += part;
		length -= part;
	}
	return TRUE;
}

gboolean vk_overlay_write(VkOverlay *overlay, guint64 offset, const void *buf, gsize length,
			  GError **error)
{
	gboolean ok;

	g_rw_lock_writer_lock(&overlay->lock);
	ok = write_locked(overlay, offset, buf, length, error);
	g_rw_lock_writer_unlock(&overlay->lock);
	return ok;
}
