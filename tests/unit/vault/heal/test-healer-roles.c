/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Healing with keys that open no blocks: what they cannot read is never sound to them, whatever its
 * checksum says.
 */
#include "health.h"
#include "frame.h"
#include "healer.h"
#include "image-bed.h"
#include "pack-name.h"
#include "roles.h"
#include "vault-image.h"
#include "vault-parts.h"

#include <string.h>

#define N_BLOCKS 12u
#define SLOT     3u /* the damaged one */

static MemSource *source;
static VkSnapshot *old;
static VkPackId pack;

static VkSnapshot *save_as(VkRole role, const char *time)
{
	g_autoptr(VkVault) own = open_as(directory, role, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSession) session = vk_session_new(own, 1, NULL);
	VkSaveStats stats = {0};
	VkSnapshot *saved;

	ck_assert_ptr_nonnull(session);
	saved = make_snapshot(UUID, time, save(session, source, NULL, &stats));
	ck_assert(vk_session_commit(session, saved, NULL));
	return saved;
}

/* Another byte of the frame; IS_FORGED: with a checksum that matches. */
static void damage_frame(const VkPackTable *table, gboolean is_forged)
{
	g_autofree char *path = g_build_filename(directory, table->object, NULL);
	const VkTableEntry *entry = &table->entries[SLOT];
	g_autofree char *bytes = NULL;
	VkFrameHeader *frame;
	gsize length;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	frame = (VkFrameHeader *)(gpointer)(bytes + (gsize)entry->offset16 * VK_FRAME_ALIGN);
	((guint8 *)(frame + 1))[7] ^= 1;
	if (is_forged)
		frame->crc32c = GUINT32_TO_LE(vk_frame_checksum(&vault->context, &table->id, SLOT,
								entry->length_flags, frame + 1));
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

static void reopen(void)
{
	vk_vault_free(vault);
	vault = open_as(directory, VK_ROLE_FULL, VK_VAULT_WRITE, NULL);
	ck_assert_ptr_nonnull(vault);
}

/* One pack. One of its blocks is damaged, and that is known. */
static void prepare(gboolean is_forged)
{
	g_autoptr(VkPackTable) table = NULL;
	g_autoptr(VkHealth) health = NULL;
	VkSlots slots = {{0}};

	add_roles(vault);
	source = mem_source_new(N_BLOCKS * VK_BLOCK_SIZE);
	old = commit_one_pack(source, &pack);
	table = vk_pack_cache_get(vault->packs, &pack, NULL);
	damage_frame(table, is_forged);
	health = vk_health_load(vault, NULL);
	slots.bits[SLOT / 8] |= (guint8)(1u << (SLOT % 8));
	vk_health_add_damage(health, &pack, table->object, &slots, g_get_real_time());
	ck_assert(vk_health_save(health, NULL));
	reopen();
}

static void finish(void)
{
	vk_source_free(&source->base);
	g_clear_pointer(&old, vk_snapshot_free);
}

static guint count_generations(void)
{
	g_autoptr(GPtrArray) objects = vk_pack_generations(vault->store, &pack, NULL);

	return objects->len;
}

START_TEST(a_key_that_opens_no_blocks_heals)
{
	g_autoptr(VkSnapshot) one = NULL;
	g_autoptr(VkSnapshot) other = NULL;

	prepare(_i == 1);
	one = save_as(VK_ROLE_APPEND, "20260103T030405Z");
	other = save_as(VK_ROLE_APPEND, "20260104T030405Z");
	reopen();
	check_image(vault, image_of(old), source);
	check_image(vault, image_of(one), source);
	check_image(vault, image_of(other), source);
	/* The second one left the patch of the first alone. */
	ck_assert_uint_eq(count_generations(), 2);
	finish();
}
END_TEST

/* What looks like a patch is as damaged: new snapshots have the content in another pack. */
START_TEST(a_forged_patch_is_not_sound)
{
	g_autoptr(VkSnapshot) one = NULL;
	g_autoptr(VkSnapshot) other = NULL;
	g_autoptr(GPtrArray) objects = NULL;
	g_autoptr(VkPackTable) table = NULL;

	prepare(FALSE);
	one = save_as(VK_ROLE_APPEND, "20260103T030405Z");
	objects = vk_pack_generations(vault->store, &pack, NULL);
	ck_assert_uint_eq(objects->len, 2);
	table = vk_pack_table_load(vault->store, &vault->context, &pack, objects->pdata[0], NULL);
	damage_frame(table, TRUE);
	other = save_as(_i == 0 ? VK_ROLE_APPEND : VK_ROLE_BACKUP, "20260104T030405Z");
	reopen();
	check_image(vault, image_of(other), source);
	finish();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_key_that_opens_no_blocks_heals, 0, 2);
	tcase_add_loop_test(tcase, a_forged_patch_is_not_sound, 0, 2);
}

int main(void)
{
	g_setenv("VK_TEST_ENCRYPTED", "1", TRUE);
	return run_image_tests("healer-roles", add);
}
