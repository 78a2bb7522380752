/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collect-plan.h"

#include "layout.h"
#include "pack-compact.h"
#include "pack-name.h"
#include "vault-parts.h"

#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "text.h"

#include <string.h>

/* An announcement of more would be too large: the next run goes on. */
#define COMPACTIONS_MAX 50000u

/* One object of a pack. Those of one pack follow each other, the highest generation first. */
typedef struct PackObject {
	VkPackId pack;
	guint64 generation;
	char *name; /* NULL: the first generation's, to save memory */
} PackObject;

/* A pack that is going to change. */
typedef struct Change {
	guint first; /* of its objects */
	guint count;
	VkSlots *live; /* of one that is compacted, owned: by the newest marks. NULL: it goes */
	guint64 bytes; /* that come back, ... */
	guint64 rest;  /* ... and that it needs in its place, when that was chosen */
} Change;

struct VkCollectPlan {
	VkVault *vault;
	GArray *objects; /* PackObject */
	GArray *changes; /* Change */
};

static void clear_object(gpointer object)
{
	g_free(((PackObject *)object)->name);
}

static void clear_change(gpointer change)
{
	g_free(((Change *)change)->live);
}

static char *object_name(const PackObject *object)
{
	return object->name ? g_strdup(object->name) : vk_pack_object(&object->pack, 0);
}

static gint compare_objects(gconstpointer a, gconstpointer b)
{
	const PackObject *x = a;
	const PackObject *y = b;
	int order = memcmp(x->pack.bytes, y->pack.bytes, VK_ID_SIZE);

	if (order != 0)
		return order;
	return x->generation > y->generation ? -1 : x->generation < y->generation;
}

static gboolean list_objects(VkCollectPlan *plan, GError **error)
{
	g_autoptr(GPtrArray) names = vk_store_list_deep(plan->vault->store, VK_FOLDER_PACKS, error);

	for (guint i = 0; names && i < names->len; i++) {
		const char *name = strchr(names->pdata[i], '/') + 1;
		PackObject object = {0};

		if (!vk_pack_parse_name(name, &object.pack, &object.generation))
			continue;
		if (strchr(name, '-') || object.generation > 0)
			object.name = g_build_filename(VK_FOLDER_PACKS, names->pdata[i], NULL);
		g_array_append_val(plan->objects, object);
	}
	g_array_sort(plan->objects, compare_objects);
	return names != NULL;
}

VkCollectPlan *vk_collect_plan_new(VkVault *vault, GError **error)
{
	g_autoptr(VkCollectPlan) plan = g_new0(VkCollectPlan, 1);

	plan->vault = vault;
	plan->objects = g_array_new(FALSE, FALSE, sizeof(PackObject));
	g_array_set_clear_func(plan->objects, clear_object);
	plan->changes = g_array_new(FALSE, FALSE, sizeof(Change));
	g_array_set_clear_func(plan->changes, clear_change);
	return list_objects(plan, error) ? g_steal_pointer(&plan) : NULL;
}

void vk_collect_plan_free(VkCollectPlan *plan)
{
	if (!plan)
		return;
	g_array_unref(plan->objects);
	g_array_unref(plan->changes);
	g_free(plan);
}

static const PackObject *object_at(const VkCollectPlan *plan, guint i)
{
	return &g_array_index(plan->objects, PackObject, i);
}

static const VkPackId *pack_of(const VkCollectPlan *plan, const Change *change)
{
	return &object_at(plan, change->first)->pack;
}

/* The stored bytes of the pack's objects. One that vanishes meanwhile has none. */
static guint64 total_size(const VkCollectPlan *plan, const Change *change)
{
	VkStore *store = plan->vault->store;
	guint64 total = 0;

	for (guint i = 0; i < change->count; i++) {
		g_autofree char *name = object_name(object_at(plan, change->first + i));
		guint64 size;

		if (store->ops->head(store, name, &size, NULL, NULL))
			total += size;
	}
	return total;
}

/*
 * Of all generations but those whose table is damaged: if others have all that is live, they are
 * not needed. NULL: none can be read, or not now. Returns VkPackTable*, owned by the array.
 */
static GPtrArray *load_tables(const VkCollectPlan *plan, const Change *change, GError **error)
{
	const VkVault *vault = plan->vault;
	g_autoptr(GPtrArray) tables =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_pack_table_unref);
	g_autoptr(GError) damage = NULL;

	for (guint i = 0; i < change->count; i++) {
		const PackObject *object = object_at(plan, change->first + i);
		g_autofree char *name = object_name(object);
		GError *trouble = NULL;
		VkPackTable *table = vk_pack_table_load(vault->store, &vault->context,
							&object->pack, name, &trouble);

		if (table) {
			g_ptr_array_add(tables, table);
		} else if (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) && !damage) {
			damage = trouble;
		} else if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
			g_propagate_error(error, trouble);
			return NULL;
		} else {
			g_error_free(trouble);
		}
	}
	if (tables->len > 0)
		return g_steal_pointer(&tables);
	g_propagate_error(error, g_steal_pointer(&damage));
	return NULL;
}

/* Adds up what the slots of a table take, and what the marked ones of them do. */
static void measure_table(const VkPackTable *table, const VkSlots *marked, guint64 *ret_all,
			  guint64 *ret_live)
{
	*ret_all = *ret_live = 0;
	for (guint32 slot = 0; slot < table->slots; slot++) {
		gsize length = vk_pack_table_length(table, slot);

		*ret_all += length;
		if (vk_slots_have(marked, slot))
			*ret_live += length;
	}
}

/*
 * Whether so few slots are dead that compaction cannot be worth while, whatever they take: known
 * without the table.
 */
static gboolean is_mostly_live(const VkCollectPlan *plan, const Change *change,
			       const VkSlots *marked)
{
	g_autofree char *name = object_name(object_at(plan, change->first));
	guint32 present, live = vk_slots_count(marked);
	guint64 bytes, overhead, dead_max;

	if (change->count > 1 ||
	    !vk_pack_table_summarize(plan->vault->store, name, &present, &bytes, NULL))
		return FALSE;
	overhead = (guint64)present * (sizeof(VkFrameHeader) + VK_FRAME_ALIGN);
	dead_max = (guint64)(present - MIN(present, live)) * (VK_BLOCK_SIZE + VK_TAG_SIZE);
	return dead_max == 0 || 2 * dead_max + overhead <= bytes;
}

/*
 * Whether compaction is worth while: more than half of what is stored is dead, or a collector that
 * died left more than one generation.
 */
static gboolean choose_compaction(const VkCollectPlan *plan, Change *change, const VkSlots *marked)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GPtrArray) tables = NULL;
	guint64 all, live, size;

	if (is_mostly_live(plan, change, marked))
		return FALSE;
	tables = load_tables(plan, change, &trouble);
	if (!tables) {
		vk_log_debug("a pack is not compacted: %s", trouble->message);
		return FALSE;
	}
	/* A pack that was healed stays as it is: only who has its keys could write it in one. */
	if (!vk_pack_tables_share_keys(tables))
		return FALSE;
	measure_table(tables->pdata[0], marked, &all, &live);
	if (change->count == 1 && all - live <= live)
		return FALSE;
	change->live = g_memdup2(marked, sizeof(*marked));
	size = total_size(plan, change);
	change->rest = vk_pack_compacted_size(&plan->vault->context, tables, marked);
	change->bytes = size - MIN(size, change->rest);
	return TRUE;
}

static guint count_generations(const VkCollectPlan *plan, guint first)
{
	guint count = 1;

	while (first + count < plan->objects->len &&
	       vk_pack_id_equal(&object_at(plan, first)->pack,
				&object_at(plan, first + count)->pack))
		count++;
	return count;
}

gboolean vk_collect_plan_choose(VkCollectPlan *plan, const VkSlotSet *marked, GError **error)
{
	guint count, compactions = 0;

	for (guint i = 0; i < plan->objects->len; i += count) {
		Change change = {.first = i};
		VkSlots live;

		count = change.count = count_generations(plan, i);
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!vk_slot_set_of_pack(marked, pack_of(plan, &change), &live))
			change.bytes = total_size(plan, &change);
		else if (compactions >= COMPACTIONS_MAX || !choose_compaction(plan, &change, &live))
			continue;
		else
			compactions++;
		g_array_append_val(plan->changes, change);
	}
	return TRUE;
}

gboolean vk_collect_plan_is_empty(const VkCollectPlan *plan)
{
	return plan->changes->len == 0;
}

guint vk_collect_plan_count_whole(const VkCollectPlan *plan)
{
	guint count = 0;

	for (guint i = 0; i < plan->changes->len; i++)
		if (!g_array_index(plan->changes, Change, i).live)
			count++;
	return count;
}

guint vk_collect_plan_count_compacted(const VkCollectPlan *plan)
{
	return plan->changes->len - vk_collect_plan_count_whole(plan);
}

guint64 vk_collect_plan_bytes(const VkCollectPlan *plan)
{
	guint64 bytes = 0;

	for (guint i = 0; i < plan->changes->len; i++)
		bytes += g_array_index(plan->changes, Change, i).bytes;
	return bytes;
}

VkAnnouncement *vk_collect_plan_announcement(const VkCollectPlan *plan)
{
	VkAnnouncement *announcement = vk_announcement_new();

	for (guint i = 0; i < plan->changes->len; i++) {
		const Change *change = &g_array_index(plan->changes, Change, i);

		vk_announcement_add(announcement, pack_of(plan, change), change->live);
	}
	return announcement;
}

void vk_collect_plan_keep(VkCollectPlan *plan, const VkSlotSet *marked)
{
	for (guint i = plan->changes->len; i > 0; i--) {
		Change *change = &g_array_index(plan->changes, Change, i - 1);
		VkSlots live;

		if (!vk_slot_set_of_pack(marked, pack_of(plan, change), &live))
			continue;
		if (change->live)
			*change->live = live;
		else
			g_array_remove_index_fast(plan->changes, i - 1);
	}
}

static gboolean delete_objects(const VkCollectPlan *plan, const Change *change, GError **error)
{
	VkStore *store = plan->vault->store;

	for (guint i = 0; i < change->count; i++) {
		g_autofree char *name = object_name(object_at(plan, change->first + i));

		if (!store->ops->delete (store, name, error))
			return FALSE;
	}
	return TRUE;
}

/* Compactions under way. Borrows all. */
typedef struct Compactor {
	const VkCollectPlan *plan;
	const char *collector;
	VkRateLimit *limit; /* nullable */
	guint64 needed;     /* bytes of the generation that was begun last */
	guint64 too_large;  /* so many found no room */
	guint without_room; /* compactions */
} Compactor;

/*
 * The new generation first. Its name has the collector's id, so no two collectors meet there. It
 * makes no room for itself: the reserve and the hints are for what is needed to free space.
 */
static gboolean compact(Compactor *compactor, const Change *change, guint64 *ret_bytes,
			GError **error)
{
	const VkCollectPlan *plan = compactor->plan;
	const VkVault *vault = plan->vault;
	guint32 generation = (guint32)object_at(plan, change->first)->generation + 1;
	g_autofree char *name =
		vk_pack_compacted_object(pack_of(plan, change), generation, compactor->collector);
	g_autoptr(GPtrArray) tables = load_tables(plan, change, error);
	guint64 size = tables ? total_size(plan, change) : 0;

	if (!tables)
		return FALSE;
	/* More may be live than when the plan was made. */
	compactor->needed = vk_pack_compacted_size(&vault->context, tables, change->live);
	*ret_bytes = size - MIN(size, compactor->needed);
	if (compactor->needed >= compactor->too_large)
		return vk_fail(error, VK_ERROR_FULL, "no room for '%s'", name);
	if (!vk_pack_compact(vault->store, &vault->context, tables, change->live, name, generation,
			     compactor->limit, error))
		return FALSE;
	compactor->too_large = G_MAXUINT64;
	return delete_objects(plan, change, error);
}

static gboolean delete_whole(const VkCollectPlan *plan, VkCollectPlanDone *done, GError **error)
{
	for (guint i = 0; i < plan->changes->len; i++) {
		const Change *change = &g_array_index(plan->changes, Change, i);

		if (change->live)
			continue;
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!delete_objects(plan, change, error))
			return FALSE;
		done->whole++;
		done->bytes += change->bytes;
	}
	return TRUE;
}

/*
 * Whether the other packs can be compacted after TROUBLE with one. A damaged pack stays as it is,
 * for a repair to find.
 */
static gboolean may_go_on(Compactor *compactor, const GError *trouble)
{
	const VkVault *vault = compactor->plan->vault;

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_FULL)) {
		compactor->too_large = MIN(compactor->too_large, compactor->needed);
		compactor->without_room++;
		return TRUE;
	}
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
		return FALSE;
	if (vault->warn)
		vault->warn("a pack is not compacted: %s", trouble->message);
	return TRUE;
}

static void tell_without_room(const Compactor *compactor)
{
	g_autofree char *packs = vk_count_text(compactor->without_room, "pack");

	if (compactor->without_room > 0 && compactor->plan->vault->warn)
		compactor->plan->vault->warn(
			"the vault has no room to compact %s: forget more snapshots, or make its "
			"storage larger, and collect again",
			packs);
}

static gint compare_rests(gconstpointer a, gconstpointer b)
{
	const Change *left = a, *right = b;

	return left->rest < right->rest ? -1 : left->rest > right->rest;
}

/* The smallest first: in a vault that is full, what it frees is room for the next. */
static gboolean compact_rest(Compactor *compactor, VkCollectPlanDone *done, GError **error)
{
	const VkCollectPlan *plan = compactor->plan;

	g_array_sort(plan->changes, compare_rests);
	for (guint i = 0; i < plan->changes->len; i++) {
		const Change *change = &g_array_index(plan->changes, Change, i);
		g_autoptr(GError) trouble = NULL;
		guint64 bytes;

		if (!change->live)
			continue;
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (compact(compactor, change, &bytes, &trouble)) {
			done->compacted++;
			done->bytes += bytes;
			continue;
		}
		g_assert(trouble);
		if (!may_go_on(compactor, trouble)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
	}
	tell_without_room(compactor);
	return TRUE;
}

gboolean vk_collect_plan_apply(VkCollectPlan *plan, const char *collector, VkRateLimit *limit,
			       VkCollectPlanDone *done, GError **error)
{
	Compactor compactor = {
		.plan = plan, .collector = collector, .limit = limit, .too_large = G_MAXUINT64};

	*done = (VkCollectPlanDone){0};
	return delete_whole(plan, done, error) && compact_rest(&compactor, done, error);
}
