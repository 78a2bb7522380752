/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Damaged blocks come back for all snapshots, from a backup or another source of their content. */
#include "collect.h"
#include "damages.h"
#include "health.h"
#include "heal-bed.h"
#include "heal-from.h"
#include "pack-name.h"
#include "pack-patch.h"
#include "source-image.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <string.h>

START_TEST(a_backup_heals_earlier_snapshots)
{
	g_autoptr(VkSnapshot) new = NULL;

	prepare();
	ck_assert(!reads(FIRST) && !reads(FIRST + 1) && reads(FIRST + 2));
	new = save_snapshot();
	reopen();
	check_image(vault, image_of(old), source);
	check_image(vault, image_of(new), source);
	ck_assert_uint_eq(count_generations(), 2);
	finish();
}
END_TEST

/* Of its generations none is sound, but together they are. */
START_TEST(a_healed_pack_that_was_read_back_is_sound)
{
	g_autoptr(VkSnapshot) new = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autoptr(VkHealth) health = NULL;
	VkHealthSummary summary;

	prepare();
	new = save_snapshot();
	reopen();
	result = check_guests(vault, NULL, TRUE, NULL);
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	health = vk_health_load(vault, NULL);
	ck_assert(vk_health_summarize(health, &summary, NULL));
	ck_assert_uint_gt(summary.packs, 0);
	ck_assert_uint_eq(summary.unread, 0);
	ck_assert_uint_eq(summary.damaged, 0);
	finish();
}
END_TEST

/* Only what turns up is healed; of the other block nothing is known to be sound. */
START_TEST(what_does_not_turn_up_stays_damaged)
{
	g_autoptr(VkSnapshot) new = NULL;

	prepare();
	memset(source->bytes + (gsize)FIRST * VK_BLOCK_SIZE, 'x', VK_BLOCK_SIZE);
	new = save_snapshot();
	reopen();
	check_image(vault, image_of(new), source);
	ck_assert(!reads(FIRST) && reads(FIRST + 1));
	finish();
}
END_TEST

/* Damage that was known, but is not there any more. */
START_TEST(what_is_sound_is_left_alone)
{
	g_autoptr(VkSnapshot) new = NULL;
	g_autoptr(VkSnapshot) newest = NULL;

	prepare();
	find_damage(0, N_BLOCKS);
	new = save_snapshot();
	ck_assert_uint_eq(count_generations(), 2);
	newest = save_snapshot();
	ck_assert_uint_eq(count_generations(), 2);
	finish();
}
END_TEST

/* Nobody refers anew to what is damaged, also if it cannot be healed. */
START_TEST(nothing_new_refers_to_what_is_damaged)
{
	g_autoptr(VkSnapshot) new = NULL;
	g_autoptr(GPtrArray) objects = NULL;

	prepare();
	new = save_snapshot();
	objects = vk_pack_generations(vault->store, &damaged_pack, NULL);
	ck_assert(vault->store->ops->delete (vault->store, objects->pdata[0], NULL));
	reopen();
	check_image(vault, image_of(new), source);
	finish();
}
END_TEST

/* A collector makes one of both again, or in an encrypted vault leaves both. */
START_TEST(a_collection_keeps_what_was_healed)
{
	const VkCollectOptions options = {0};
	VkCollectResult result;
	g_autoptr(VkSnapshot) new = NULL;

	prepare();
	new = save_snapshot();
	ck_assert(vk_collect(vault, &options, &result, NULL));
	ck_assert_uint_eq(count_generations(), test_is_encrypted() ? 2 : 1);
	reopen();
	check_image(vault, image_of(old), source);
	check_image(vault, image_of(new), source);
	finish();
}
END_TEST

static guint heal_by(gboolean from_copy, gboolean dry_run)
{
	g_autoptr(VkHealer) healer = vk_healer_new(vault, dry_run, NULL);
	g_autoptr(VkHasher) ids = vk_healer_hasher(healer);
	g_autoptr(GArray) missing = NULL;

	if (from_copy) {
		g_autoptr(VkVault) other = vk_vault_open(copy, VK_VAULT_READ, NULL);

		ck_assert(vk_heal_from_vault(healer, ids, other, NULL));
	} else {
		g_autoptr(VkImage) image = vk_source_image_new(&source->base, -1);

		ck_assert(vk_heal_from_image(healer, ids, image, NULL, NULL));
		source = mem_source_new(N_BLOCKS * VK_BLOCK_SIZE);
	}
	ck_assert(vk_healer_put(healer, NULL));
	missing = vk_healer_missing(healer);
	ck_assert_uint_eq(missing->len, 0);
	return vk_healer_count_healed(healer);
}

/* All that turns up is what the copy of the vault has. */
static void heal_with_missing(guint count)
{
	g_autoptr(VkHealer) healer = vk_healer_new(vault, FALSE, NULL);
	g_autoptr(VkHasher) ids = vk_healer_hasher(healer);
	g_autoptr(VkVault) other = vk_vault_open(copy, VK_VAULT_READ, NULL);
	g_autoptr(GArray) missing = NULL;

	ck_assert(vk_heal_from_vault(healer, ids, other, NULL));
	ck_assert(vk_healer_put(healer, NULL));
	missing = vk_healer_missing(healer);
	ck_assert_uint_eq(missing->len, count);
}

START_TEST(a_copy_of_the_vault_heals)
{
	prepare();
	ck_assert_uint_eq(heal_by(TRUE, TRUE), 2);
	ck_assert_uint_eq(count_generations(), 1);
	ck_assert_uint_eq(heal_by(TRUE, FALSE), 2);
	reopen();
	check_image(vault, image_of(old), source);
	finish();
}
END_TEST

/* Each patch has a part of what is damaged. */
START_TEST(many_patches_hide_nothing)
{
	prepare();
	for (guint i = 0; i < 80; i++) {
		g_autoptr(GArray) slots = g_array_new(FALSE, FALSE, sizeof(VkPatchSlot));
		g_autoptr(VkPackTable) table =
			vk_pack_cache_find(vault->packs, &damaged_pack, FIRST, NULL);
		VkPatchSlot slot = {.slot = FIRST};

		memcpy(slot.id.bytes, table->entries[FIRST].id, VK_BLOCK_ID_SIZE);
		slot.block = table->entries[FIRST].block;
		slot.content = g_bytes_new_static(source->bytes + (gsize)FIRST * VK_BLOCK_SIZE,
						  VK_BLOCK_SIZE);
		g_array_append_val(slots, slot);
		ck_assert(vk_pack_patch_put(vault->store, &vault->context, 1, &damaged_pack, slots,
					    NULL));
		g_bytes_unref(slot.content);
	}
	reopen();
	ck_assert(reads(FIRST));
	ck_assert(reads(0) && reads(N_BLOCKS - 1));
	/* A pack with so many is not given another one. */
	heal_with_missing(1);
	finish();
}
END_TEST

START_TEST(a_pack_that_is_gone_is_missing)
{
	g_autoptr(GPtrArray) objects = NULL;

	prepare();
	objects = vk_pack_generations(vault->store, &damaged_pack, NULL);
	ck_assert(vault->store->ops->delete (vault->store, objects->pdata[0], NULL));
	reopen();
	find_damage_in(NULL, FIRST, 2);
	heal_with_missing(2);
	finish();
}
END_TEST

START_TEST(an_image_heals)
{
	g_autofree guint8 *bytes = NULL;

	prepare();
	bytes = g_memdup2(source->bytes, N_BLOCKS * VK_BLOCK_SIZE);
	ck_assert_uint_eq(heal_by(FALSE, FALSE), 2);
	memcpy(source->bytes, bytes, N_BLOCKS * VK_BLOCK_SIZE);
	reopen();
	ck_assert(reads(FIRST) && reads(FIRST + 1));
	finish();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, a_backup_heals_earlier_snapshots);
	tcase_add_test(tcase, a_healed_pack_that_was_read_back_is_sound);
	tcase_add_test(tcase, what_does_not_turn_up_stays_damaged);
	tcase_add_test(tcase, what_is_sound_is_left_alone);
	tcase_add_test(tcase, nothing_new_refers_to_what_is_damaged);
	tcase_add_test(tcase, a_collection_keeps_what_was_healed);
	tcase_add_test(tcase, a_copy_of_the_vault_heals);
	tcase_add_test(tcase, many_patches_hide_nothing);
	tcase_add_test(tcase, a_pack_that_is_gone_is_missing);
	tcase_add_test(tcase, an_image_heals);
}

int main(void)
{
	return run_image_tests("healer", add);
}
