/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "expire-bed.h"

#include "array-drivers.h"
#include "catalog.h"
#include "expire.h"
#include "log.h"
#include "memory-source.h"
#include "session.h"
#include "temp-vault.h"
#include "timestamp.h"
#include "vault-copy.h"

#include <glib/gstdio.h>
#include <string.h>

#define SIZE 204800

char *directory;
VkVault *vault;
VkSettings *settings;
VkArrays *arrays;

void expire_setup(void)
{
	g_autofree char *path = NULL;

	directory = temp_directory_new();
	path = g_build_filename(directory, "vault", NULL);
	vault = vk_vault_init(path, NULL);
	ck_assert_ptr_nonnull(vault);
	settings = vk_settings_parse(CONFIG, strlen(CONFIG), "test", NULL);
	ck_assert_ptr_nonnull(settings);
	arrays = vk_arrays_new(settings, vk_log_warning, NULL);
}

void expire_teardown(void)
{
	vk_vault_free(vault);
	vk_arrays_free(arrays);
	vk_settings_free(settings);
	temp_directory_remove(directory);
	g_free(directory);
}

char *clone_directory(guint number, const char *target)
{
	return g_strdup_printf("%s/%s/.virtkeep/v/g/%u", directory, target, number);
}

static json_t *make_clone(guint number, const char *target)
{
	g_autofree char *place = clone_directory(number, target);
	g_autofree char *path = g_build_filename(place, "image", NULL);
	g_autofree char *zeros = g_malloc0(SIZE);

	ck_assert_int_eq(g_mkdir_with_parents(place, 0700), 0);
	ck_assert(g_file_set_contents(path, zeros, SIZE, NULL));
	return json_pack("{s:s, s:[{s:s, s:s, s:s, s:i, s:i, s:i, s:i}]}", "array", "reflink",
			 "layers", "path", path, "format", "raw", "of", "/images/guest.raw",
			 "inode", 1, "size", SIZE, "mtime_ns", 1, "allocated", SIZE);
}

static VkImageRecord *make_record(guint number, const char *target)
{
	return vk_image_record_new_on_array(SIZE, SIZE, make_clone(number, target));
}

void list_snapshot(guint number, gint64 from_now)
{
	g_autofree char *time = vk_time_format(g_get_real_time() / G_USEC_PER_SEC + from_now);
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, time, make_record(number, "vda"));
	g_autoptr(VkSnapshot) other = make_snapshot(UUID, time, make_record(number, "vdb"));
	VkDiskRecord *second = g_ptr_array_steal_index(other->disks, 0);
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(GError) error = NULL;

	g_free(second->target);
	second->target = g_strdup("vdb");
	g_ptr_array_add(snapshot->disks, second);
	snapshot->label = g_strdup("daily");
	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	vk_session_free(session);
}

gboolean expire(void)
{
	return vk_expire_copies(vault, arrays, settings, UUID, "daily", NULL);
}

gboolean has_clone(guint number, const char *target)
{
	g_autofree char *place = clone_directory(number, target);

	return g_file_test(place, G_FILE_TEST_EXISTS);
}

guint count_listed(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);

	return keys->len;
}

VkSnapshot *load_oldest(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
	VkSnapshot *snapshot = vk_catalog_load(vault, g_ptr_array_index(keys, 0), NULL);

	ck_assert_ptr_nonnull(snapshot);
	return snapshot;
}

void copy_oldest(void)
{
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_vault_copy(vault, arrays, snapshot, 1, NULL, &error), "%s",
		      error ? error->message : "");
}

VkSnapshotKey *oldest_key(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, UUID, NULL);

	return g_ptr_array_steal_index(keys, 0);
}
