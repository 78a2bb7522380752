/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check-bed.h"

#include "errors.h"
#include "hasher.h"
#include "health.h"
#include "interrupt.h"
#include "layout.h"
#include "pack-name.h"
#include "run-writer.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <string.h>

static const VkStoreOps *untouched;
gsize block_length = VK_BLOCK_SIZE;
VkPackId packs[BED_PACKS];
char *victim;
gint reads_of_victim;
static gint reads_allowed;
gboolean interrupts;
gboolean vanishes;
gboolean store_leaves;
gint listings_failing;
gboolean is_collected;
static gint is_away;
static gint listings_until_chosen, listings_left;

/* Of the victim no more than is allowed: the next one fails, interrupts, or finds it gone. */
static gboolean limited_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	if (g_strcmp0(name, victim) == 0 &&
	    g_atomic_int_add(&reads_of_victim, 1) >= reads_allowed) {
		g_atomic_int_set(&is_away, store_leaves);
		if (vanishes)
			store->ops->delete (store, name, NULL);
		else if (!interrupts)
			return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s'", name);
		else
			vk_set_interrupted(TRUE);
	}
	return untouched->get(store, name, offset, buf, length, error);
}

/* A check asks when packs were stored to choose those that it reads. */
static gboolean limited_head(VkStore *store, const char *name, guint64 *ret_size,
			     gint64 *ret_stored, GError **error)
{
	gboolean done = untouched->head(store, name, ret_size, ret_stored, error);

	if (is_collected && g_strcmp0(name, victim) == 0)
		ck_assert(untouched->delete (store, name, NULL));
	return done;
}

static gboolean is_folder_of_victim(const char *folder)
{
	return victim && g_str_has_prefix(victim, folder) && victim[strlen(folder)] == '/' &&
	       strcmp(folder, VK_FOLDER_PACKS) != 0;
}

/* It chooses among all packs that are listed, and lists each again when it reads it. */
static gboolean may_list(const char *folder)
{
	if (strcmp(folder, VK_FOLDER_PACKS) == 0)
		g_atomic_int_set(&listings_until_chosen, 1);
	return !g_atomic_int_get(&is_away) &&
	       (!is_folder_of_victim(folder) || g_atomic_int_add(&listings_until_chosen, -1) > 0 ||
		g_atomic_int_add(&listings_left, -1) <= 0);
}

static GPtrArray *limited_list(VkStore *store, const char *folder, GError **error)
{
	if (may_list(folder))
		return untouched->list(store, folder, error);
	vk_fail(error, VK_ERROR_FAILED, "cannot list '%s'", folder);
	return NULL;
}

static void ignore_slot(gpointer user, const VkBlockId *id, const VkPackId *pack, guint32 slot)
{
}

static void ignore_pack(gpointer user, const VkPackId *pack, gboolean ok)
{
	ck_assert(ok);
}

VkPackId write_pack(guint slots, guint wrong)
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
		if (i == wrong || wrong == BED_ALL)
			slot.id.bytes[0] ^= 1;
		ck_assert_uint_eq(vk_pack_writer_append(writer, &slot), i);
	}
	ck_assert(vk_pack_writer_send(writer, NULL));
	ck_assert(vk_pack_writer_wait(writer, NULL));
	vk_pack_writer_free(writer);
	/* The check sees the vault by a store of its own. */
	ck_assert(vault->store->ops->sync(vault->store, NULL));
	return id;
}

void write_packs(guint count, guint slots, guint wrong)
{
	for (guint i = 0; i < count; i++)
		packs[i] = write_pack(slots, i == 0 ? wrong : G_MAXUINT);
	victim = vk_pack_object(&packs[0], 0);
}

VkSnapshot *commit_some_packs(const VkPackId *first, guint count, guint slots)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkRunWriter) writer = vk_run_writer_new(vk_session_store_segment, session);
	VkImageRecord *record = vk_image_record_new((guint64)count * slots * VK_BLOCK_SIZE);
	VkRun *run;

	for (guint i = 0; i < count; i++) {
		VkExtent extent = {.first = i * slots,
				   .count = slots,
				   .kind = VK_EXTENT_DATA,
				   .pack = first[i]};

		ck_assert(vk_run_writer_add(writer, &extent, NULL));
	}
	run = vk_run_writer_finish(writer, NULL);
	ck_assert_ptr_nonnull(run);
	g_ptr_array_add(record->runs, run);
	record->epoch = session->epoch;
	return commit(session, record);
}

VkSnapshot *commit_packs(guint count, guint slots)
{
	return commit_some_packs(packs, count, slots);
}

VkCheckResult *check_with(const VkCheckOptions *options, gint allowed)
{
	g_autoptr(VkVault) again = vk_vault_open(directory, VK_VAULT_READ, NULL);
	VkCheckResult *result;
	VkStoreOps limited;

	untouched = again->store->ops;
	limited = *untouched;
	limited.get = limited_get;
	limited.head = limited_head;
	limited.list = limited_list;
	limited.list_deep = NULL; /* list() does it */
	again->store->ops = &limited;
	reads_of_victim = 0;
	reads_allowed = allowed;
	is_away = FALSE;
	listings_until_chosen = G_MAXINT / 2;
	listings_left = listings_failing;
	result = vk_check_vault(again, options, NULL);
	again->store->ops = untouched;
	ck_assert(result || vk_interrupted());
	return result;
}

VkCheckResult *check_vault(gboolean data, gint allowed)
{
	const VkCheckOptions options = {.data = data};

	return check_with(&options, allowed);
}

gint64 read_time(const VkPackId *pack)
{
	g_autoptr(VkHealth) health = vk_health_load(vault, NULL);
	g_autoptr(GPtrArray) objects = vk_pack_generations(vault->store, pack, NULL);

	return vk_health_read_time(health, objects);
}

guint32 count_damaged(const VkPackId *pack)
{
	g_autoptr(VkHealth) health = vk_health_load(vault, NULL);
	g_autoptr(VkSlotSet) damaged = vk_health_damaged(health);
	VkSlots slots;

	vk_slot_set_of_pack(damaged, pack, &slots);
	return vk_slots_count(&slots);
}

void expect_range(const VkCheckResult *result, guint index, guint64 first, guint64 count)
{
	g_autofree char *text = g_strdup_printf(
		" vda: bytes %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " cannot be read",
		first * VK_BLOCK_SIZE, (first + count) * VK_BLOCK_SIZE - 1);
	const VkCheckError *problem;

	ck_assert_msg(damage_says(result, index, text), "'%s' is not there", text);
	problem = g_ptr_array_index(result->errors, index);
	ck_assert_uint_eq(problem->offset, first * VK_BLOCK_SIZE);
	ck_assert_uint_eq(problem->length, count * VK_BLOCK_SIZE);
}
