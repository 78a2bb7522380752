/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-place.h"

#include "errors.h"
#include "io.h"
#include "layout.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY "dir:"
#define BUCKET    "s3:"

/*
 * Whether TEXT is of the form WORD:REST. What other programs take for a host, a service or a drive
 * is not made a directory: a path with a colon in its first part says that it is one.
 */
static gboolean has_scheme(const char *text)
{
	gsize length = strcspn(text, "/");

	return memchr(text, ':', length) != NULL;
}

gboolean vk_vault_place_is_directory(const char *place)
{
	return *place == '/';
}

char *vk_vault_place_parse(const char *url, GError **error)
{
	const char *path = url;

	if (g_str_has_prefix(url, BUCKET)) {
		g_autofree char *bucket = vk_store_s3_normalise(url + strlen(BUCKET), error);

		return bucket ? g_strconcat(BUCKET, bucket, NULL) : NULL;
	}
	if (g_str_has_prefix(url, DIRECTORY))
		path = url + strlen(DIRECTORY);
	else if (has_scheme(url)) {
		g_autofree char *shown = vk_url_without_secrets(url);

		vk_fail(error, VK_ERROR_USAGE,
			"'%s' is not a vault: write dir:/PATH or a path, "
			"s3:https://ENDPOINT/BUCKET, and 'dir:%s' if that is the path",
			shown, shown);
		return NULL;
	}
	if (!*path) {
		vk_fail(error, VK_ERROR_USAGE, "'%s' names no directory", url);
		return NULL;
	}
	return g_canonicalize_filename(path, NULL);
}

gboolean vk_vault_place_exists(const char *place)
{
	return !vk_vault_place_is_directory(place) || g_file_test(place, G_FILE_TEST_EXISTS);
}

/* A bucket that does not answer is not told from one that has no vault. */
static gboolean is_in_bucket(const char *place)
{
	VkStore *store = vk_vault_place_open(place, FALSE, NULL);
	guint64 size;
	gboolean is_there = store && store->ops->head(store, VK_VAULT_OBJECT, &size, NULL, NULL);

	if (store)
		store->ops->free(store);
	return is_there;
}

gboolean vk_vault_is_there(const char *place)
{
	g_autofree char *path = NULL;

	if (!vk_vault_place_is_directory(place))
		return is_in_bucket(place);
	path = g_build_filename(place, VK_VAULT_OBJECT, NULL);
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

VkStore *vk_vault_place_open(const char *place, gboolean is_new, GError **error)
{
	if (vk_vault_place_is_directory(place))
		return vk_store_dir_new(place, is_new ? vk_vault_folders : NULL, error);
	return vk_store_s3_new(place + strlen(BUCKET), is_new, error);
}

gboolean vk_vault_place_sync(const char *place, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(place);

	return !vk_vault_place_is_directory(place) || vk_io_sync_dir(AT_FDCWD, parent, error);
}

gboolean vk_vault_place_may_write(const char *place, GError **error)
{
	g_autofree char *folder = g_build_filename(place, VK_FOLDER_TMP, NULL);

	if (!vk_vault_place_is_directory(place) ||
	    faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 || errno == ENOENT)
		return TRUE;
	return vk_fail_errno(error, errno, "cannot write into the vault '%s'", place);
}
