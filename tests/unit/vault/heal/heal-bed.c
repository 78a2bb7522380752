/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heal-bed.h"

#include "health.h"
#include "pack-name.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <string.h>

MemSource *source;
VkSnapshot *old;
VkPackId damaged_pack;
char *copy;

VkSnapshot *save_snapshot(void)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSaveStats stats = {0};

	return commit(session, save(session, source, NULL, &stats));
}

void reopen(void)
{
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	ck_assert_ptr_nonnull(vault);
}

guint count_generations(void)
{
	g_autoptr(GPtrArray) objects = vk_pack_generations(vault->store, &damaged_pack, NULL);

	return objects->len;
}

/* In so many places that no parity gives it back. */
static void damage_frame(const VkPackTable *table, guint32 slot)
{
	g_autofree char *path = g_build_filename(directory, table->object, NULL);
	g_autofree char *bytes = NULL;
	gsize at = (gsize)table->entries[slot].offset16 * VK_FRAME_ALIGN + sizeof(VkFrameHeader);
	gsize length;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	for (gsize i = 7; i < vk_pack_table_length(table, slot); i += 4096)
		bytes[at + i] ^= 1;
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

void find_damage_in(const char *object, guint32 slot, guint32 count)
{
	g_autoptr(VkHealth) health = vk_health_load(vault, NULL);
	VkSlots slots = {{0}};

	for (guint32 i = slot; i < slot + count; i++)
		slots.bits[i / 8] |= (guint8)(1u << (i % 8));
	vk_health_add_damage(health, &damaged_pack, object, &slots, g_get_real_time());
	ck_assert(vk_health_save(health, NULL));
}

void find_damage(guint32 slot, guint32 count)
{
	g_autofree char *object = vk_pack_object(&damaged_pack, 0);

	find_damage_in(object, slot, count);
}

void prepare_sound(void)
{
	source = mem_source_new((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	old = commit_one_pack(source, &damaged_pack);
	copy = g_strconcat(directory, "-copy", NULL);
	temp_directory_copy(directory, copy);
}

void prepare(void)
{
	g_autoptr(VkPackTable) table = NULL;

	prepare_sound();
	table = vk_pack_cache_get(vault->packs, &damaged_pack, NULL);
	damage_frame(table, FIRST);
	damage_frame(table, FIRST + 1);
	reopen();
	find_damage(FIRST, 2);
}

void finish(void)
{
	vk_source_free(&source->base);
	g_clear_pointer(&old, vk_snapshot_free);
	temp_directory_remove(copy);
	g_clear_pointer(&copy, g_free);
}

gboolean reads(guint block)
{
	g_autoptr(VkImage) image = vk_vault_image_open(vault, image_of(old), NULL);
	guint8 buf[VK_BLOCK_SIZE];

	return vk_image_read(image, (guint64)block * VK_BLOCK_SIZE, buf, sizeof(buf), NULL) &&
	       memcmp(buf, source->bytes + (gsize)block * VK_BLOCK_SIZE, sizeof(buf)) == 0;
}
