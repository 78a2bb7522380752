/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set of slots for each guest would be too much memory. So the guests are marked one after the
 * other, twice: first to know the slots that several of them use, then to tell these from the rest.
 */
#include "space.h"

#include "mark.h"
#include "read-lease.h"
#include "vault-parts.h"

#include "errors.h"
#include "interrupt.h"
#include "timestamp.h"

typedef struct Measure {
	VkVault *vault;
	VkSlotSet *used;   /* by any guest */
	VkSlotSet *shared; /* by several */
	gint64 now;
} Measure;

/* What the slots of one pack take. */
typedef struct PackBytes {
	guint64 shared;
	guint64 others;
} PackBytes;

static void add_snapshot(const Measure *measure, const VkSnapshotKey *key,
			 const VkSnapshot *snapshot, VkSpace *space)
{
	gint64 age = measure->now - key->taken;
	guint64 stored = 0;

	space->snapshots++;
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = snapshot->disks->pdata[i];

		if (!disk->image->runs)
			continue;
		space->logical += disk->image->allocated;
		stored += disk->stored;
	}
	for (guint i = 0; i < snapshot->files->len; i++) {
		const VkFileRecord *file = snapshot->files->pdata[i];

		if (file->image->runs)
			space->logical += file->image->allocated;
	}
	if (age <= 7 * VK_DAY_SEC)
		space->week += stored;
	if (age <= 30 * VK_DAY_SEC)
		space->month += stored;
}

/*
 * Marks what the guest uses, and adds to SPACE what its snapshots say. One that was
 * removed just now takes no space.
 */
static VkMark *mark_guest(const Measure *measure, const VkCatalogGuest *guest, VkSpace *space,
			  GError **error)
{
	g_autoptr(VkMark) mark = vk_mark_new(measure->vault);

	for (guint i = 0; i < guest->keys->len; i++) {
		const VkSnapshotKey *key = guest->keys->pdata[i];
		g_autoptr(GError) trouble = NULL;
		g_autoptr(VkSnapshot) snapshot = vk_catalog_load(measure->vault, key, &trouble);

		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			continue;
		if (!snapshot || !vk_mark_add_snapshot(mark, snapshot, &trouble)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return NULL;
		}
		add_snapshot(measure, key, snapshot, space);
	}
	return g_steal_pointer(&mark);
}

/* What both have. Returns whether that is anything. */
static gboolean intersect(const VkSlots *a, const VkSlots *b, VkSlots *ret)
{
	guint8 any = 0;

	for (guint i = 0; i < sizeof(ret->bits); i++)
		any |= ret->bits[i] = a->bits[i] & b->bits[i];
	return any != 0;
}

static void take_in(Measure *measure, const VkSlotSet *slots)
{
	guint count;
	g_autofree gpointer *packs = vk_slot_set_packs(slots, &count);

	for (guint i = 0; i < count; i++) {
		VkSlots mine, before, both;

		vk_slot_set_of_pack(slots, packs[i], &mine);
		if (vk_slot_set_of_pack(measure->used, packs[i], &before) &&
		    intersect(&before, &mine, &both))
			vk_slot_set_add_all(measure->shared, packs[i], &both);
		vk_slot_set_add_all(measure->used, packs[i], &mine);
	}
}

/* What a slot takes in a generation of its pack that has it; TABLE may be of another one. */
static gboolean measure_slot(const Measure *measure, const VkPackTable *table, guint32 slot,
			     guint64 *sum, GError **error)
{
	g_autoptr(VkPackTable) found = NULL;

	if (!vk_pack_table_has(table, slot)) {
		table = found = vk_pack_cache_find(measure->vault->packs, &table->id, slot, error);
		if (!found)
			return FALSE;
	}
	*sum += vk_pack_table_length(table, slot);
	return TRUE;
}

static gboolean add_pack(const Measure *measure, const VkPackId *pack, const VkSlots *slots,
			 PackBytes *sum, GError **error)
{
	g_autoptr(VkPackTable) table = vk_pack_cache_get(measure->vault->packs, pack, error);
	VkSlots shared;

	if (!table)
		return FALSE;
	vk_slot_set_of_pack(measure->shared, pack, &shared);
	for (guint32 slot = 0; slot < VK_SLOTS_MAX; slot++) {
		guint64 *kind = vk_slots_have(&shared, slot) ? &sum->shared : &sum->others;

		if (vk_slots_have(slots, slot) && !measure_slot(measure, table, slot, kind, error))
			return FALSE;
	}
	return TRUE;
}

/* What SLOTS take, into the members of SPACE. */
static gboolean weigh(const Measure *measure, const VkSlotSet *slots, VkSpace *space,
		      GError **error)
{
	guint count;
	g_autofree gpointer *packs = vk_slot_set_packs(slots, &count);
	PackBytes sum = {0};

	for (guint i = 0; i < count; i++) {
		VkSlots used;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		vk_slot_set_of_pack(slots, packs[i], &used);
		if (!add_pack(measure, packs[i], &used, &sum, error))
			return FALSE;
	}
	space->shared = sum.shared;
	space->unique = sum.others;
	return TRUE;
}

static gboolean measure_all(Measure *measure, const GPtrArray *guests, VkSpace *ret, GError **error)
{
	*ret = (VkSpace){0};
	for (guint i = 0; i < guests->len; i++) {
		g_autoptr(VkMark) mark = mark_guest(measure, guests->pdata[i], ret, error);

		if (!mark)
			return FALSE;
		take_in(measure, vk_mark_slots(mark));
	}
	return weigh(measure, measure->used, ret, error);
}

static GPtrArray *measure_each(const Measure *measure, const GPtrArray *chosen, GError **error)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < chosen->len; i++) {
		VkSpaceOfGuest *one = g_new0(VkSpaceOfGuest, 1);
		g_autoptr(VkMark) mark = NULL;

		g_ptr_array_add(all, one);
		one->guest = chosen->pdata[i];
		mark = mark_guest(measure, one->guest, &one->space, error);
		if (!mark || !weigh(measure, vk_mark_slots(mark), &one->space, error))
			return NULL;
	}
	return g_steal_pointer(&all);
}

GPtrArray *vk_space_measure(VkVault *vault, const GPtrArray *guests, const GPtrArray *chosen,
			    gint64 now, VkSpace *ret_all, GError **error)
{
	g_autoptr(VkSlotSet) used = vk_slot_set_new();
	g_autoptr(VkSlotSet) shared = vk_slot_set_new();
	g_autoptr(VkReadLease) lease = vk_read_lease_begin(vault, NULL, error);
	Measure measure = {.vault = vault, .used = used, .shared = shared, .now = now};

	return lease && measure_all(&measure, guests, ret_all, error)
		       ? measure_each(&measure, chosen, error)
		       : NULL;
}

gint64 vk_space_seconds_left(const VkSpace *all, guint64 free)
{
	double week = (double)all->week / (7 * VK_DAY_SEC);
	double month = (double)all->month / (30 * VK_DAY_SEC);
	double rate = MAX(week, month);
	double seconds = rate > 0 ? (double)free / rate : -1;

	return seconds < 0 || seconds > (double)G_MAXINT32 * VK_DAY_SEC ? -1 : (gint64)seconds;
}
