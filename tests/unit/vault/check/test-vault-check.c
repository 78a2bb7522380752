/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking data: every block counts, and what is not as it was stored is told, whatever reads well.
 */
#include "damages.h"
#include "errors.h"
#include "hasher.h"
#include "image-bed.h"
#include "pack-name.h"
#include "run-writer.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <string.h>

#define N_PACKS 3

/* More than the tables that are kept, so that the first is read again. */
#define MANY_PACKS 80

#define ALL (G_MAXUINT - 1)

/* Around what is hashed at once. */
static const guint slot_counts[] = {1, 15, 16, 17, 33};

static const VkStoreOps *untouched;
static gsize block_length = VK_BLOCK_SIZE;
static VkPackId packs[MANY_PACKS];
static char *victim;
static gint reads_of_victim, reads_allowed;

static gboolean limited_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	if (g_strcmp0(name, victim) == 0 && g_atomic_int_add(&reads_of_victim, 1) >= reads_allowed)
		return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s'", name);
	return untouched->get(store, name, offset, buf, length, error);
}

static void ignore_slot(gpointer user, const VkBlockId *id, const VkPackId *pack, guint32 slot)
{
}

static void ignore_pack(gpointer user, const VkPackId *pack, gboolean ok)
{
	ck_assert(ok);
}

/*
 * A pack of its own for SLOTS blocks. The id of the slot WRONG, or of ALL, is not that of its
 * content.
 */
static VkPackId write_pack(guint slots, guint wrong)
{
	static const VkPackCalls calls = {.on_slot = ignore_slot, .on_done = ignore_pack};
	g_autoptr(VkHasher) hasher = vk_hasher_new(vk_vault_id_key(vault));
	VkPackId session_id = vk_pack_id_random();
	VkPackWriter *writer =
		vk_pack_writer_new(vault->store, &vault->context, session_id.bytes, &calls, NULL);
	VkPackId id = vk_pack_writer_id(writer);
	static guint8 block[VK_BLOCK_SIZE];

	for (guint i = 0; i < slots; i++) {
		VkNewSlot slot = {.bytes = block,
				  .stored_length = block_length,
				  .length = block_length,
				  .compression = VK_COMPRESSION_NONE,
				  .kind = VK_SLOT_KIND_DATA};

		memset(block, g_rand_int_range(seeded, 1, 256), sizeof(block));
		memcpy(block, &i, sizeof(i));
		slot.id = vk_hasher_id(hasher, block, block_length);
		if (i == wrong || wrong == ALL)
			slot.id.bytes[0] ^= 1;
		ck_assert_uint_eq(vk_pack_writer_append(writer, &slot), i);
	}
	ck_assert(vk_pack_writer_send(writer, NULL));
	ck_assert(vk_pack_writer_wait(writer, NULL));
	vk_pack_writer_free(writer);
	return id;
}

/* COUNT packs of SLOTS each; the first, which has a WRONG slot, is the victim. */
static void write_packs(guint count, guint slots, guint wrong)
{
	for (guint i = 0; i < count; i++)
		packs[i] = write_pack(slots, i == 0 ? wrong : G_MAXUINT);
	victim = vk_pack_object(&packs[0], 0);
}

/* A snapshot of an image that is all SLOTS of each of the COUNT packs. */
static VkSnapshot *commit_packs(guint count, guint slots)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkRunWriter) writer = vk_run_writer_new(vk_session_store_segment, session);
	VkImageRecord *record = vk_image_record_new((guint64)count * slots * VK_BLOCK_SIZE);
	VkRun *run;

	for (guint i = 0; i < count; i++) {
		VkExtent extent = {.first = i * slots,
				   .count = slots,
				   .kind = VK_EXTENT_DATA,
				   .pack = packs[i]};

		ck_assert(vk_run_writer_add(writer, &extent, NULL));
	}
	run = vk_run_writer_finish(writer, NULL);
	ck_assert_ptr_nonnull(run);
	g_ptr_array_add(record->runs, run);
	record->epoch = session->epoch;
	return commit(session, record);
}

/* By a process of its own, which may read the first pack ALLOWED times. */
static VkCheckResult *check_vault(gboolean data, gint allowed)
{
	g_autoptr(VkVault) again = vk_vault_open(directory, VK_VAULT_READ, NULL);
	VkCheckResult *result;
	VkStoreOps limited;

	untouched = again->store->ops;
	limited = *untouched;
	limited.get = limited_get;
	again->store->ops = &limited;
	reads_of_victim = 0;
	reads_allowed = allowed;
	result = vk_check_vault(again, NULL, data, NULL, NULL);
	again->store->ops = untouched;
	ck_assert_ptr_nonnull(result);
	return result;
}

START_TEST(every_block_is_checked)
{
	const guint64 stored = VK_BLOCK_SIZE + (test_is_encrypted() ? VK_TAG_SIZE : 0);
	guint slots = slot_counts[_i];
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, slots, G_MAXUINT);
	snapshot = commit_packs(N_PACKS, slots);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->packs, N_PACKS);
	ck_assert_uint_eq(result->blocks, N_PACKS * slots);
	ck_assert_uint_eq(result->bytes, N_PACKS * slots * stored);
	g_free(victim);
}
END_TEST

START_TEST(content_that_is_not_its_id_is_told)
{
	guint slots = slot_counts[_i];
	g_autofree char *told = g_strdup_printf("in slot %u: its content is not", slots - 1);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, slots, slots - 1);
	snapshot = commit_packs(N_PACKS, slots);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->errors->len, 2);
	ck_assert(damage_says(result, 0, told));
	ck_assert(damage_says(result, 1, "vda: 1 of its blocks"));
	ck_assert_uint_eq(result->blocks, N_PACKS * slots - 1);
	g_free(victim);
}
END_TEST

START_TEST(what_two_snapshots_share_is_checked_once)
{
	g_autoptr(VkSnapshot) one = NULL;
	g_autoptr(VkSnapshot) other = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, 5, 0);
	one = commit_packs(N_PACKS, 5);
	other = commit_packs(N_PACKS - 1, 5);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->snapshots, 2);
	ck_assert_uint_eq(result->blocks, N_PACKS * 5 - 1);
	ck_assert_uint_eq(result->errors->len, 3);
	ck_assert(damage_says(result, 0, "in slot 0: its content is not"));
	ck_assert(damage_says(result, 1, "vda: 1 of its blocks"));
	ck_assert(damage_says(result, 2, "vda: 1 of its blocks"));
	g_free(victim);
}
END_TEST

START_TEST(endless_damage_is_cut_short_and_says_so)
{
	const guint slots = 4000, listed = 10000;
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	block_length = 64;
	for (guint i = 0; i < N_PACKS; i++)
		packs[i] = write_pack(slots, ALL);
	snapshot = commit_packs(N_PACKS, slots);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->blocks, 0);
	ck_assert_uint_eq(result->errors->len, listed + 1);
	ck_assert_uint_eq(result->unlisted, 2000);
	ck_assert(damage_says(result, listed, "vda: 12000 of its"));
}
END_TEST

/* Its table was read for the map, and cannot be any more when the data is to be checked. */
START_TEST(a_pack_that_is_lost_meanwhile_is_told)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) walk = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(MANY_PACKS, 2, G_MAXUINT);
	snapshot = commit_packs(MANY_PACKS, 2);
	walk = check_vault(FALSE, G_MAXINT);
	ck_assert_uint_eq(walk->errors->len, 0);
	result = check_vault(TRUE, reads_of_victim);
	ck_assert_uint_eq(result->errors->len, 2);
	ck_assert(damage_says(result, 0, victim));
	ck_assert(damage_says(result, 1, "vda: 2 of its blocks"));
	ck_assert_uint_eq(result->blocks, (MANY_PACKS - 1) * 2);
	g_free(victim);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, every_block_is_checked, 0, G_N_ELEMENTS(slot_counts));
	tcase_add_loop_test(tcase, content_that_is_not_its_id_is_told, 0,
			    G_N_ELEMENTS(slot_counts));
	tcase_add_test(tcase, what_two_snapshots_share_is_checked_once);
	tcase_add_test(tcase, endless_damage_is_cut_short_and_says_so);
	tcase_add_test(tcase, a_pack_that_is_lost_meanwhile_is_told);
}

int main(void)
{
	return run_image_tests("vault-check", add);
}
