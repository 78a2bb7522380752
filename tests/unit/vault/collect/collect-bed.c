/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collect-bed.h"

#include "catalog.h"
#include "checked-json.h"
#include "image-bed.h"
#include "vault-image.h"
#include "vault-parts.h"

#include <string.h>

VkSnapshotKey *find_key(guint i)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, UUID, NULL);

	ck_assert_ptr_nonnull(keys);
	for (guint j = 0; j < keys->len; j++) {
		VkSnapshotKey *key = g_ptr_array_index(keys, j);

		if (strcmp(key->id, snapshots[i]->id) == 0)
			return g_ptr_array_steal_index(keys, j);
	}
	return NULL;
}

void forget(guint i)
{
	g_autoptr(VkSnapshotKey) key = find_key(i);

	ck_assert_ptr_nonnull(key);
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
}

gboolean exists(guint i)
{
	g_autoptr(VkSnapshotKey) key = find_key(i);

	return key != NULL;
}

static void check_reads(VkVault *from, guint i)
{
	g_autoptr(VkImage) image = NULL;
	g_autofree guint8 *bytes = g_malloc(models[i]->base.size);
	GError *error = NULL;

	image = vk_vault_image_open(from, image_of(snapshots[i]), &error);
	ck_assert_msg(vk_image_read(image, 0, bytes, models[i]->base.size, &error), "%u: %s", i,
		      error ? error->message : "");
	ck_assert(memcmp(bytes, models[i]->bytes, models[i]->base.size) == 0);
}

void check_existing(void)
{
	g_autoptr(VkVault) fresh = vk_vault_open(directory, VK_VAULT_READ, NULL);

	for (guint i = 0; i < GENERATIONS_MAX && models[i]; i++)
		if (exists(i))
			check_reads(fresh, i);
}

static VkSnapshot *save_whole(MemSource *source)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSaveStats stats = {0};

	return commit(session, save(session, source, NULL, &stats));
}

void save_alone(guint i, guint blocks)
{
	models[i] = mem_source_new((guint64)blocks * VK_BLOCK_SIZE);
	fill_with_noise(models[i]);
	snapshots[i] = save_whole(models[i]);
}

void save_half_dead_pack_as(guint i, guint blocks)
{
	models[i] = mem_source_new((guint64)3 * blocks * VK_BLOCK_SIZE);
	fill_with_noise(models[i]);
	models[i + 1] = mem_source_resized(models[i], models[i]->base.size);
	fill_with_noise(models[i + 1]);
	memcpy(models[i + 1]->bytes, models[i]->bytes, (gsize)blocks * VK_BLOCK_SIZE);
	snapshots[i] = save_whole(models[i]);
	snapshots[i + 1] = save_whole(models[i + 1]);
	forget(i);
}

void save_half_dead_pack(guint blocks)
{
	save_half_dead_pack_as(0, blocks);
}

guint64 pack_bytes(void)
{
	g_autoptr(GPtrArray) folders = vault->store->ops->list(vault->store, "packs", NULL);
	guint64 total = 0;

	for (guint i = 0; i < folders->len; i++) {
		g_autofree char *folder = g_build_filename("packs", folders->pdata[i], NULL);
		g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, NULL);

		for (guint j = 0; j < names->len; j++) {
			g_autofree char *name = g_build_filename(folder, names->pdata[j], NULL);
			guint64 size;

			ck_assert(vault->store->ops->head(vault->store, name, &size, NULL, NULL));
			total += size;
		}
	}
	return total;
}

guint count_in(const char *folder)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, NULL);

	return names->len;
}

VkCollectResult collect_well(const VkCollectOptions *options)
{
	VkCollectResult result;
	GError *error = NULL;

	ck_assert_msg(vk_collect(vault, options, &result, &error), "%s",
		      error ? error->message : "");
	return result;
}

/* Once nobody works, nothing of anybody's work is left. */
void check_tidy(void)
{
	ck_assert_uint_eq(count_in("leases"), 0);
	ck_assert_uint_eq(count_in("gc"), 0);
	ck_assert_uint_eq(count_in("fence"), 0);
}

void put_foreign_lease(const char *id, const char *part, json_t *object)
{
	g_autofree char *name = g_strdup_printf("leases/%s.%s", id, part);

	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
}
