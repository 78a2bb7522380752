/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See tests/model/README.md, "Healing", for why a patch can be put by anybody at any time.
 */
#include "healer.h"

#include "frame.h"
#include "health.h"
#include "pack-id.h"
#include "pack-patch.h"
#include "vault-parts.h"

#include "errors.h"

#include <string.h>

/* What is taken and not put yet is in memory. */
#define TAKEN_MAX 512u

/* A pack with so many generations is not healed: each costs whoever reads the pack its table. */
#define GENERATIONS_MAX 32u

typedef enum {
	NOT_LOOKED_AT, /* or damaged, and its content did not turn up */
	TAKEN,         /* damaged, and its content is here */
	BAD,           /* damaged, or nobody can tell; not healed, or not this time */
	SOUND,         /* read as what it has to be, or healed by this process */
} State;

typedef struct Damaged {
	VkPackId pack;
	guint32 slot;
	VkBlockId id;
	guint32 block, image; /* of the table */
	State state;
	GBytes *content;      /* while it is TAKEN */
	struct Damaged *next; /* of those with the same id */
} Damaged;

struct VkHealer {
	VkVault *vault;
	GPtrArray *all; /* Damaged */
	GArray *lost;   /* VkMissingSlot: nobody knows their content, or they are pages of maps */
	GHashTable *by_id;    /* VkBlockId (in the first) -> the first Damaged with it */
	GHashTable *by_place; /* Damaged, by its pack and slot, to itself */
	gboolean dry_run;
	GMutex mutex; /* guards states and contents, and what follows */
	guint taken;
	guint healed;
};

static void damaged_free(gpointer data)
{
	Damaged *damaged = data;

	g_clear_pointer(&damaged->content, g_bytes_unref);
	g_free(damaged);
}

static guint place_hash(gconstpointer place)
{
	const Damaged *damaged = place;

	return vk_pack_id_hash(&damaged->pack) ^ damaged->slot * 2654435761u;
}

static gboolean place_equal(gconstpointer a, gconstpointer b)
{
	const Damaged *x = a;
	const Damaged *y = b;

	return x->slot == y->slot && vk_pack_id_equal(&x->pack, &y->pack);
}

/* What the table says of the slot. */
static void add_slot(VkHealer *healer, const VkPackTable *table, guint32 slot)
{
	const VkTableEntry *entry = &table->entries[slot];
	Damaged *damaged = g_new0(Damaged, 1);

	damaged->pack = table->id;
	damaged->slot = slot;
	damaged->block = entry->block;
	damaged->image = entry->image;
	memcpy(damaged->id.bytes, entry->id, VK_BLOCK_ID_SIZE);
	damaged->next = g_hash_table_lookup(healer->by_id, &damaged->id);
	g_ptr_array_add(healer->all, damaged);
	g_hash_table_replace(healer->by_id, &damaged->id, damaged);
	g_hash_table_add(healer->by_place, damaged);
}

static void add_missing(GArray *missing, const VkPackId *pack, guint32 slot)
{
	VkMissingSlot entry = {.pack = *pack, .slot = slot};

	vk_pack_id_format(pack, entry.digits);
	g_array_append_val(missing, entry);
}

/*
 * Without a table that has the slot nobody knows which content was there. Map pages are left to a
 * copy of the pack: nobody else has them.
 */
static void add_pack(VkHealer *healer, const VkPackId *pack, const VkSlots *slots)
{
	for (guint32 slot = 0; slot < VK_SLOTS_MAX; slot++) {
		g_autoptr(VkPackTable) other = NULL;

		if (!vk_slots_have(slots, slot))
			continue;
		other = vk_pack_cache_find(healer->vault->packs, pack, slot, NULL);
		if (other && vk_pack_table_has_data(other, slot))
			add_slot(healer, other, slot);
		else
			add_missing(healer->lost, pack, slot);
	}
}

static VkHealer *healer_new(VkVault *vault, const VkSlotSet *damaged, gboolean dry_run)
{
	VkHealer *healer = g_new0(VkHealer, 1);
	guint count;
	g_autofree gpointer *packs = vk_slot_set_packs(damaged, &count);

	healer->vault = vault;
	healer->dry_run = dry_run;
	healer->all = g_ptr_array_new_with_free_func(damaged_free);
	healer->lost = g_array_new(FALSE, FALSE, sizeof(VkMissingSlot));
	healer->by_id = g_hash_table_new(vk_block_id_hash, vk_block_id_equal);
	healer->by_place = g_hash_table_new(place_hash, place_equal);
	g_mutex_init(&healer->mutex);
	for (guint i = 0; i < count; i++) {
		VkSlots slots;

		vk_slot_set_of_pack(damaged, packs[i], &slots);
		add_pack(healer, packs[i], &slots);
	}
	return healer;
}

VkHealer *vk_healer_new(VkVault *vault, gboolean dry_run, GError **error)
{
	g_autoptr(VkHealth) health = vk_health_load(vault, error);
	g_autoptr(VkSlotSet) damaged = health ? vk_health_damaged(health) : NULL;

	return damaged && vk_slot_set_count_packs(damaged) > 0 ? healer_new(vault, damaged, dry_run)
							       : NULL;
}

void vk_healer_free(VkHealer *healer)
{
	if (!healer)
		return;
	g_hash_table_unref(healer->by_id);
	g_hash_table_unref(healer->by_place);
	g_ptr_array_unref(healer->all);
	g_array_unref(healer->lost);
	g_mutex_clear(&healer->mutex);
	g_free(healer);
}

VkHasher *vk_healer_hasher(const VkHealer *healer)
{
	return vk_hasher_new(vk_vault_id_key(healer->vault));
}

/* Whether the keyring does not open the slot, but its frame is whole by the checksum. */
static gboolean is_closed(const VkVault *vault, const VkPackTable *table, guint32 slot)
{
	g_autofree guint8 *frame = NULL;
	gsize length;

	if (!table->keys || vk_pack_keys_can_open(table->keys, table->entries[slot].length_flags))
		return FALSE;
	frame = vk_frame_copy(vault->store, &vault->context, table, slot, &length, NULL);
	return frame != NULL;
}

/*
 * No generation can be read. A keyring that does not open blocks cannot tell a patch from damage:
 * anybody can compute a checksum. So nothing is sound to it. But if one generation is closed
 * beside another one, that may be the patch of somebody else, and it puts no further one.
 */
static State look_at_closed(const VkHealer *healer, const Damaged *damaged)
{
	VkVault *vault = healer->vault;
	g_autoptr(GPtrArray) objects = vk_pack_generations(vault->store, &damaged->pack, NULL);
	guint with_slot = 0, closed = 0;

	for (guint i = 0; objects && i < objects->len; i++) {
		g_autoptr(VkPackTable) table = vk_pack_table_load(
			vault->store, &vault->context, &damaged->pack, objects->pdata[i], NULL);

		if (!table || !vk_pack_table_has(table, damaged->slot))
			continue;
		with_slot++;
		closed += is_closed(vault, table, damaged->slot);
	}
	return closed > 0 && with_slot > 1 ? BAD : NOT_LOOKED_AT;
}

/*
 * Another generation may have the slot by now. What can be read and is something else has a
 * checksum that matches: readers would take it before any patch, so a patch does not help.
 */
static State look_at(const VkHealer *healer, const Damaged *damaged)
{
	g_autofree guint8 *buf = g_malloc(VK_BLOCK_SIZE);
	g_autoptr(VkHasher) hasher = NULL;
	VkBlockId id;
	gsize length;

	if (!vk_pack_cache_read(healer->vault->packs, &damaged->pack, damaged->slot,
				VK_SLOT_KIND_DATA, buf, &length, NULL, NULL))
		return look_at_closed(healer, damaged);
	hasher = vk_healer_hasher(healer);
	id = vk_hasher_id(hasher, buf, length);
	return vk_block_id_equal(&id, &damaged->id) ? SOUND : BAD;
}

static void offer_locked(VkHealer *healer, Damaged *damaged, const VkHashed *block)
{
	if (damaged->state != NOT_LOOKED_AT)
		return;
	damaged->state = look_at(healer, damaged);
	if (damaged->state != NOT_LOOKED_AT)
		return;
	damaged->state = healer->dry_run || healer->taken < TAKEN_MAX ? TAKEN : BAD;
	if (damaged->state != TAKEN)
		return;
	if (!healer->dry_run)
		damaged->content = g_bytes_new(block->data, block->length);
	healer->taken++;
}

void vk_healer_offer(VkHealer *healer, const VkHashed *block)
{
	Damaged *damaged = g_hash_table_lookup(healer->by_id, &block->id);

	if (!damaged)
		return;
	g_mutex_lock(&healer->mutex);
	for (; damaged; damaged = damaged->next)
		offer_locked(healer, damaged, block);
	g_mutex_unlock(&healer->mutex);
}

gboolean vk_healer_is_damaged(VkHealer *healer, const VkPackId *pack, guint32 slot)
{
	const Damaged place = {.pack = *pack, .slot = slot};
	const Damaged *damaged = g_hash_table_lookup(healer->by_place, &place);
	gboolean is_damaged;

	if (!damaged)
		return FALSE;
	g_mutex_lock(&healer->mutex);
	is_damaged = damaged->state != SOUND;
	g_mutex_unlock(&healer->mutex);
	return is_damaged;
}

gboolean vk_healer_is_full(const VkHealer *healer)
{
	return !healer->dry_run && healer->taken + VK_HASHER_LANES > TAKEN_MAX;
}

static gboolean has_room(const VkHealer *healer, const VkPackId *pack)
{
	g_autoptr(GPtrArray) objects = vk_pack_generations(healer->vault->store, pack, NULL);

	return !objects || objects->len < GENERATIONS_MAX;
}

static void give_up(VkHealer *healer, GPtrArray *taken)
{
	for (guint i = 0; i < taken->len; i++) {
		Damaged *damaged = g_ptr_array_index(taken, i);

		damaged->state = BAD;
		g_clear_pointer(&damaged->content, g_bytes_unref);
	}
	healer->taken -= taken->len;
}

/* Puts all that was taken of the pack of FIRST. */
static gboolean put_pack(VkHealer *healer, const Damaged *first, GError **error)
{
	const VkVault *vault = healer->vault;
	g_autoptr(GArray) slots = g_array_new(FALSE, FALSE, sizeof(VkPatchSlot));
	g_autoptr(GPtrArray) put = g_ptr_array_new();

	for (guint i = 0; i < healer->all->len; i++) {
		Damaged *damaged = g_ptr_array_index(healer->all, i);
		VkPatchSlot slot = {.slot = damaged->slot,
				    .id = damaged->id,
				    .content = damaged->content,
				    .block = damaged->block,
				    .image = damaged->image};

		if (damaged->state != TAKEN || !vk_pack_id_equal(&damaged->pack, &first->pack))
			continue;
		g_array_append_val(slots, slot);
		g_ptr_array_add(put, damaged);
	}
	if (!has_room(healer, &first->pack)) {
		give_up(healer, put);
		return TRUE;
	}
	if (!vk_pack_patch_put(vault->store, &vault->context, vault->compression_level,
			       &first->pack, slots, error))
		return FALSE;
	for (guint i = 0; i < put->len; i++) {
		Damaged *damaged = g_ptr_array_index(put, i);

		damaged->state = SOUND;
		g_clear_pointer(&damaged->content, g_bytes_unref);
	}
	healer->healed += put->len;
	healer->taken -= put->len;
	return TRUE;
}

gboolean vk_healer_put(VkHealer *healer, GError **error)
{
	for (guint i = 0; !healer->dry_run && i < healer->all->len; i++) {
		const Damaged *damaged = g_ptr_array_index(healer->all, i);

		if (damaged->state == TAKEN && !put_pack(healer, damaged, error))
			return FALSE;
	}
	return TRUE;
}

guint vk_healer_count_healed(const VkHealer *healer)
{
	return healer->dry_run ? healer->taken : healer->healed;
}

void vk_healer_survey(VkHealer *healer)
{
	for (guint i = 0; i < healer->all->len; i++) {
		Damaged *damaged = g_ptr_array_index(healer->all, i);

		if (damaged->state == NOT_LOOKED_AT)
			damaged->state = look_at(healer, damaged);
	}
}

GArray *vk_healer_missing(const VkHealer *healer)
{
	GArray *missing = g_array_new(FALSE, FALSE, sizeof(VkMissingSlot));

	g_array_append_vals(missing, healer->lost->data, healer->lost->len);
	for (guint i = 0; i < healer->all->len; i++) {
		const Damaged *damaged = g_ptr_array_index(healer->all, i);

		if (damaged->state == NOT_LOOKED_AT || damaged->state == BAD)
			add_missing(missing, &damaged->pack, damaged->slot);
	}
	return missing;
}
