/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "file.h"

#include "errors.h"
#include "partition-image.h"

#include <string.h>
#include <sys/stat.h>

struct VkFile {
	VkCachedView *cached;
	const VkViewFile *entry; /* of CACHED: the file, or the disk of the partition */
	guint64 size;            /* bytes */
	VkImage *image;          /* NULL: the text of ENTRY */
	gboolean is_held;        /* the view is held for it */
	char *title;
};

/*
 * A snapshot that is gone has no file. The others' files are there, whatever became of their
 * copies: that none is found is another failure.
 */
static gboolean open_image(VkFile *file, VkView *view, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	file->is_held = vk_view_hold(view, error);
	if (!file->is_held)
		return FALSE;
	file->image = vk_view_open_image(view, file->entry->record, &trouble);
	if (file->image)
		return TRUE;
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		trouble->code = VK_ERROR_FAILED;
	g_propagate_prefixed_error(error, g_steal_pointer(&trouble), "'%s': ", file->title);
	return FALSE;
}

/* Takes TITLE. */
static VkFile *open_entry(VkCachedView *cached, const VkViewFile *entry, char *title,
			  GError **error)
{
	g_autoptr(VkFile) file = g_new0(VkFile, 1);

	file->cached = vk_cached_view_ref(cached);
	file->entry = entry;
	file->size = entry->size;
	file->title = title;
	if (entry->record && !open_image(file, vk_cached_view(cached), error))
		return NULL;
	return g_steal_pointer(&file);
}

VkFile *vk_file_open(VkCachedView *cached, guint index, GError **error)
{
	VkView *view = vk_cached_view(cached);
	const GPtrArray *files = vk_view_files(view);
	g_autofree char *reference = vk_snapshot_reference(vk_view_snapshot(view));
	const VkViewFile *entry;

	if (index >= files->len) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "'%s' has no file number %u", reference, index);
		return NULL;
	}
	entry = g_ptr_array_index(files, index);
	return open_entry(cached, entry, g_strdup_printf("%s:%s", reference, entry->name), error);
}

VkFile *vk_file_open_partition(VkCachedView *cached, guint disk, guint index, GError **error)
{
	VkParts *parts = vk_cached_view_parts(cached);
	const GArray *list = vk_parts_list(parts, disk, error);
	g_autofree char *title = vk_parts_title(parts, disk);
	const VkPart *part;
	VkFile *file;

	if (!list)
		return NULL;
	if (index >= list->len) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "'%s' has no partition in place %u", title,
			index);
		return NULL;
	}
	part = &g_array_index(list, VkPart, index);
	file = open_entry(cached, vk_parts_disk(parts, disk),
			  g_strdup_printf("%s/%s", title, part->name), error);
	if (!file)
		return NULL;
	file->image = vk_partition_image_new(file->image, part->start, part->size);
	file->size = part->size;
	return file;
}

void vk_file_close(VkFile *file)
{
	if (!file)
		return;
	vk_image_free(file->image);
	if (file->is_held)
		vk_view_release(vk_cached_view(file->cached));
	vk_cached_view_unref(file->cached);
	g_free(file->title);
	g_free(file);
}

const char *vk_file_title(const VkFile *file)
{
	return file->title;
}

gboolean vk_file_may_change(const VkFile *file)
{
	return file->entry->may_change;
}

gboolean vk_file_read(VkFile *file, guint64 offset, void *buf, gsize length, gsize *ret_length,
		      GError **error)
{
	guint64 size = file->size;
	gsize count = offset < size ? (gsize)MIN(length, size - offset) : 0;

	if (count > 0 && !file->image)
		memcpy(buf, file->entry->text + offset, count);
	else if (count > 0 && !vk_image_read(file->image, offset, buf, count, error))
		return FALSE;
	*ret_length = count;
	return TRUE;
}

/* A disk has whole sectors, its file need not: then the last one is read, and filled with zeros. */
int vk_file_plain(const VkFile *file, guint64 offset, guint64 *length)
{
	guint64 size = file->size;
	struct stat st;

	if (!file->image || file->image->fd < 0 || offset >= size)
		return -1;
	*length = MIN(*length, size - offset);
	if (fstat(file->image->fd, &st) < 0 || (guint64)st.st_size < offset + *length)
		return -1;
	return file->image->fd;
}

static gboolean get_extent(VkFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length,
			   GError **error)
{
	if (file->image)
		return vk_image_extent(file->image, offset, ret_is_data, ret_length, error);
	*ret_is_data = TRUE;
	*ret_length = file->size - offset;
	return TRUE;
}

/* The first offset at or after OFFSET whose sort is IS_DATA; the size if there is none. */
static gboolean seek_sort(VkFile *file, guint64 offset, gboolean is_data, guint64 *ret_offset,
			  GError **error)
{
	while (offset < file->size) {
		gboolean found = FALSE;
		guint64 length = 0;

		if (!get_extent(file, offset, &found, &length, error))
			return FALSE;
		if (found == is_data)
			break;
		offset += length;
	}
	*ret_offset = offset;
	return TRUE;
}

gboolean vk_file_seek_data(VkFile *file, guint64 offset, gboolean *ret_found, guint64 *ret_offset,
			   GError **error)
{
	*ret_found = FALSE;
	if (offset >= file->size)
		return TRUE;
	if (!seek_sort(file, offset, TRUE, ret_offset, error))
		return FALSE;
	*ret_found = *ret_offset < file->size;
	return TRUE;
}

gboolean vk_file_seek_hole(VkFile *file, guint64 offset, gboolean *ret_found, guint64 *ret_offset,
			   GError **error)
{
	*ret_found = FALSE;
	if (offset >= file->size)
		return TRUE;
	if (!seek_sort(file, offset, FALSE, ret_offset, error))
		return FALSE;
	*ret_found = TRUE;
	return TRUE;
}
