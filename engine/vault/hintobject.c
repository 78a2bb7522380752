/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hintobject.h"

#include "vault-priv.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#define HINTS_FOLDER  "hints"
#define NAME_LENGTH   32
#define DOWNLOAD_SIZE (1u << 20)

static gint compare_newest_first(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

GPtrArray *vk_hint_objects_list(VkBackend *backend, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) found = backend->ops->list(backend, HINTS_FOLDER, error);

	if (!found)
		return NULL;
	for (guint i = 0; i < found->len; i++)
		if (strlen(found->pdata[i]) == NAME_LENGTH)
			g_ptr_array_add(names,
					g_strconcat(HINTS_FOLDER "/", found->pdata[i], NULL));
	g_ptr_array_sort(names, compare_newest_first);
	return g_steal_pointer(&names);
}

/* A vault that is no directory: its file is brought here once. */
static GMappedFile *download(VkBackend *backend, const char *name, const char *folder,
			     GError **error)
{
	g_autofree char *path = g_build_filename(folder, "hints.XXXXXX", NULL);
	g_autofree char *buf = g_malloc(DOWNLOAD_SIZE);
	VK_AUTOFD fd = -1;
	guint64 size;

	if (!backend->ops->head(backend, name, &size, error))
		return NULL;
	fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot create '%s'", path);
		return NULL;
	}
	g_unlink(path);
	for (guint64 at = 0; at < size; at += DOWNLOAD_SIZE) {
		gsize length = (gsize)MIN(size - at, DOWNLOAD_SIZE);

		if (!backend->ops->get(backend, name, at, buf, length, error) ||
		    !vk_io_write(fd, path, at, buf, length, error))
			return NULL;
	}
	return g_mapped_file_new_from_fd(fd, FALSE, error);
}

static GMappedFile *map_object(const VkVault *vault, const char *name, const char *folder,
			       GError **error)
{
	const char *directory = vk_vault_directory(vault);
	g_autofree char *path = NULL;
	g_autoptr(GError) trouble = NULL;
	GMappedFile *map;

	if (!directory)
		return download(vault->backend, name, folder, error);
	path = g_build_filename(directory, name, NULL);
	map = g_mapped_file_new(path, FALSE, &trouble);
	if (!map)
		vk_fail(error,
			g_error_matches(trouble, G_FILE_ERROR, G_FILE_ERROR_NOENT)
				? VK_ERROR_NOT_FOUND
				: VK_ERROR_FAILED,
			"cannot map '%s': %s", path, trouble->message);
	return map;
}

VkHintFile *vk_hint_object_open(VkVault *vault, const char *name, const char *folder,
				GError **error)
{
	GMappedFile *map = map_object(vault, name, folder, error);
	VkHintFile *file = map ? vk_hint_file_new(map, name, vault->id, error) : NULL;

	if (file)
		file->object = g_strdup(name);
	return file;
}

/* Sorts behind all names given out before, as far as clocks go. New string. */
static char *new_object_name(void)
{
	return g_strdup_printf(HINTS_FOLDER "/%016" G_GINT64_MODIFIER "x%08x%08x",
			       (guint64)g_get_real_time(), g_random_int(), g_random_int());
}

gboolean vk_hint_object_put(VkBackend *backend, VkHintFile *file, GError **error)
{
	g_autofree char *name = new_object_name();
	struct iovec part = {
		.iov_base = g_mapped_file_get_contents(file->map),
		.iov_len = g_mapped_file_get_length(file->map),
	};

	if (!vk_backend_put(backend, name, &part, 1, VK_PUT_HINT, error))
		return FALSE;
	file->object = g_steal_pointer(&name);
	return TRUE;
}
