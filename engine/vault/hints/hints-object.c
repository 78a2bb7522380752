/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hints-object.h"

#include "errors.h"
#include "io.h"
#include "layout.h"

#include <fcntl.h>
#include <string.h>

#define NAME_LENGTH 32
/* The first digits of a name: the time, by which files are ordered. */
#define TIME_LENGTH 16
#define COPY_SIZE   (1u << 20)

char *vk_hints_place_folder(const VkHintsPlace *place)
{
	return place->directory && !place->context->keyring
		       ? g_build_filename(place->directory, VK_FOLDER_TMP, NULL)
		       : g_strdup(g_get_tmp_dir());
}

static gint compare_newest_first(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

GPtrArray *vk_hints_objects_list(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) found = store->ops->list(store, VK_FOLDER_HINTS, error);

	if (!found)
		return NULL;
	for (guint i = 0; i < found->len; i++)
		if (strlen(found->pdata[i]) == NAME_LENGTH)
			g_ptr_array_add(names,
					g_strconcat(VK_FOLDER_HINTS "/", found->pdata[i], NULL));
	g_ptr_array_sort(names, compare_newest_first);
	return g_steal_pointer(&names);
}

/*
 * Copies a file of a vault that is not a directory, or that is encrypted, to a file that is not.
 * Returns a descriptor, or -1.
 */
/* Most are small, and got by one call. -1: it is larger, or wrong, which the long way finds out. */
static int download_small(VkStore *store, const char *name, const char *folder)
{
	g_autoptr(GBytes) bytes = vk_store_get_all(store, name, COPY_SIZE, NULL);
	gsize length;
	const void *data = bytes ? g_bytes_get_data(bytes, &length) : NULL;
	int fd = data ? vk_hints_file_create(folder, NULL) : -1;

	if (fd >= 0 && !vk_io_write(fd, folder, 0, data, length, NULL))
		vk_io_clear_fd(&fd);
	return fd;
}

static int download(VkStore *store, const char *name, const char *folder, GError **error)
{
	g_autofree char *buf = g_malloc(COPY_SIZE);
	guint64 size;
	int fd = download_small(store, name, folder);

	if (fd >= 0)
		return fd;
	if (!store->ops->head(store, name, &size, NULL, error))
		return -1;
	fd = vk_hints_file_create(folder, error);
	if (fd < 0)
		return -1;
	for (guint64 at = 0; at < size; at += COPY_SIZE) {
		gsize length = (gsize)MIN(size - at, COPY_SIZE);

		if (store->ops->get(store, name, at, buf, length, error) &&
		    vk_io_write(fd, folder, at, buf, length, error))
			continue;
		vk_io_clear_fd(&fd);
		return -1;
	}
	return fd;
}

static int open_object(const VkHintsPlace *place, const char *name, const char *folder,
		       GError **error)
{
	g_autofree char *path = NULL;
	VK_AUTOFD directory = -1;

	if (!place->directory || place->context->keyring)
		return download(place->store, name, folder, error);
	path = g_build_filename(place->directory, name, NULL);
	directory = vk_io_open(AT_FDCWD, place->directory, O_PATH | O_DIRECTORY, 0, error);
	/* Below a directory no link is followed. */
	return directory < 0 ? -1 : vk_io_open_regular(directory, name, path, error);
}

VkHintsFile *vk_hints_object_open(const VkHintsPlace *place, const char *name, const char *folder,
				  GError **error)
{
	int fd = open_object(place, name, folder, error);
	VkHintsFile *file = fd < 0 ? NULL : vk_hints_file_new(fd, name, place->context, error);

	if (file)
		file->object = g_strdup(name);
	return file;
}

/* Sorts after all earlier names, as far as clocks go, or beside REPLACED (nullable). New string. */
static char *new_object_name(const char *replaced)
{
	g_autofree char *time =
		replaced
			? g_strndup(replaced + strlen(VK_FOLDER_HINTS "/"), TIME_LENGTH)
			: g_strdup_printf("%016" G_GINT64_MODIFIER "x", (guint64)g_get_real_time());

	return g_strdup_printf(VK_FOLDER_HINTS "/%s%08x%08x", time, g_random_int(), g_random_int());
}

static gboolean copy_content(VkNewObject *object, const VkStore *store, const VkHintsFile *file,
			     GError **error)
{
	g_autofree char *buf = g_malloc(COPY_SIZE);
	gsize got = 0;

	for (guint64 at = 0;; at += got) {
		if (!vk_io_read(file->fd, "hints", at, buf, COPY_SIZE, &got, error))
			return FALSE;
		if (got == 0)
			return TRUE;
		if (!store->ops->append(object, buf, got, error))
			return FALSE;
	}
}

gboolean vk_hints_object_put(VkStore *store, VkHintsFile *file, const char *replaced,
			     GError **error)
{
	g_autofree char *name = new_object_name(replaced);
	VkNewObject *object = store->ops->begin(store, name, error);

	if (!object)
		return FALSE;
	if (!copy_content(object, store, file, error)) {
		store->ops->drop(object);
		return FALSE;
	}
	if (!store->ops->finish(object, name, VK_PUT_HINT, error))
		return FALSE;
	file->object = g_steal_pointer(&name);
	return TRUE;
}
