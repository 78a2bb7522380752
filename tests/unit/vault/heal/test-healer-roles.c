/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Healing with keys that open no blocks: what they cannot read is never sound to them, whatever its
 * checksum says.
 */
#include "heal-bed.h"

#include "frame.h"
#include "pack-name.h"
#include "roles.h"
#include "session.h"
#include "vault-parts.h"

/* The damaged one. */
#define SLOT FIRST

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

/* One of the blocks is damaged, and that is known. */
static void prepare_damaged(gboolean is_forged)
{
	g_autoptr(VkPackTable) table = NULL;

	prepare_sound();
	add_roles(vault);
	table = vk_pack_cache_get(vault->packs, &damaged_pack, NULL);
	damage_frame(table, is_forged);
	find_damage(SLOT, 1);
	reopen();
}

START_TEST(a_key_that_opens_no_blocks_heals)
{
	g_autoptr(VkSnapshot) one = NULL;
	g_autoptr(VkSnapshot) other = NULL;

	prepare_damaged(_i == 1);
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

	prepare_damaged(FALSE);
	one = save_as(VK_ROLE_APPEND, "20260103T030405Z");
	objects = vk_pack_generations(vault->store, &damaged_pack, NULL);
	ck_assert_uint_eq(objects->len, 2);
	table = vk_pack_table_load(vault->store, &vault->context, &damaged_pack, objects->pdata[0],
				   NULL);
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
