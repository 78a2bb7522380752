/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-check.h"

#include "catalog-chain.h"
#include "catalog.h"
#include "errors.h"
#include "text.h"
#include "hasher.h"
#include "map.h"
#include "mend-log.h"
#include "mending.h"
#include "interrupt.h"
#include "reach.h"
#include "read-lease.h"
#include "vault-parts.h"

#include <string.h>

/* A vault that is damaged everywhere is not listed slot by slot. */
#define ERRORS_MAX 10000

#define THREADS_MAX 16

typedef struct Check {
	VkVault *vault;
	VkCheckResult *result;
	VkReach *reach; /* what the snapshots refer to, ... */
	VkSlotSet *bad; /* ... and what of it is damaged */
	VkProgress *progress;
	/* While several threads check data it guards RESULT, BAD and what follows. */
	GMutex mutex;
	gpointer *packs; /* those of REACH; not taken by a thread yet ... */
	guint n_packs;   /* ... are that many */
} Check;

/* A place in the vault: as in VkCheckError, borrowed. */
typedef struct Place {
	const char *snapshot, *image, *object;
} Place;

typedef void (*ImageFunc)(Check *check, const Place *place, const VkImageRecord *record);

static void check_error_free(gpointer data)
{
	VkCheckError *error = data;

	g_free(error->snapshot);
	g_free(error->image);
	g_free(error->object);
	g_free(error->what);
	g_free(error);
}

char *vk_check_error_text(const VkCheckError *error)
{
	return error->snapshot
		       ? g_strdup_printf("'%s' %s: %s", error->snapshot, error->image, error->what)
		       : g_strdup(error->what);
}

guint64 vk_check_result_count_errors(const VkCheckResult *result)
{
	return result->errors->len + result->unlisted;
}

void vk_check_result_free(VkCheckResult *result)
{
	if (!result)
		return;
	g_ptr_array_unref(result->errors);
	g_clear_pointer(&result->mended, g_ptr_array_unref);
	g_free(result);
}

static void tell(Check *check, const Place *place, const char *what)
{
	VkCheckError *error = g_new(VkCheckError, 1);

	error->snapshot = g_strdup(place->snapshot);
	error->image = g_strdup(place->image);
	error->object = g_strdup(place->object);
	error->what = g_strdup(what);
	g_ptr_array_add(check->result->errors, error);
}

static void report(Check *check, const Place *place, const GError *error)
{
	if (check->result->errors->len < ERRORS_MAX)
		tell(check, place, error->message);
	else
		check->result->unlisted++;
}

/* Where the walk through an image's map finds something wrong. */
typedef struct ImageCheck {
	Check *check;
	const Place *place;
} ImageCheck;

static void report_of_image(gpointer data, const GError *error)
{
	const ImageCheck *image = data;

	report(image->check, image->place, error);
}

static void check_image(Check *check, const Place *place, const VkImageRecord *record)
{
	ImageCheck image = {check, place};

	vk_reach_add(check->reach, record, report_of_image, &image);
}

/* Calls VISIT for each image of a snapshot. */
static void visit_images(Check *check, const VkSnapshot *snapshot, ImageFunc visit)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = snapshot->disks->pdata[i];
		const Place place = {.snapshot = reference, .image = disk->target};

		/* Copies on arrays are not checked. */
		if (disk->image->runs)
			visit(check, &place, disk->image);
	}
	for (guint i = 0; i < snapshot->files->len; i++) {
		const VkFileRecord *file = snapshot->files->pdata[i];
		const Place place = {.snapshot = reference, .image = file->name};

		visit(check, &place, file->image);
	}
}

static void check_snapshot(Check *check, const VkSnapshotKey *key)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(check->vault, key, &error);
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	const Place place = {.object = object};

	/* It was forgotten and removed since it was listed: there may be no lease. */
	if (g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND))
		return;
	check->result->snapshots++;
	if (snapshot)
		visit_images(check, snapshot, check_image);
	/* Damaged later copies were passed over. */
	if (!snapshot || (!vk_snapshot_is_in_vault(snapshot) &&
			  !vk_catalog_load_copies(check->vault, snapshot, &error)))
		report(check, &place, error);
}

static guint64 count_bad_blocks(const Check *check, const VkExtent *extent)
{
	VkSlots slots;
	guint64 bad = 0;

	if (extent->kind != VK_EXTENT_DATA ||
	    !vk_slot_set_of_pack(check->bad, &extent->pack, &slots))
		return 0;
	for (guint32 i = 0; i < extent->count; i++)
		bad += vk_slots_have(&slots, extent->slot + i);
	return bad;
}

/* Says how much of the image lies in damaged slots. Damage of its map was reported before. */
static void report_bad_blocks(Check *check, const Place *place, const VkImageRecord *record)
{
	guint32 blocks = vk_blocks_of_size(record->size);
	g_autoptr(VkMap) map = vk_map_new(check->vault->blocks, record->runs, blocks);
	g_autofree char *what = NULL;
	VkExtent extent;
	gboolean present;
	guint64 bad = 0;

	for (guint32 block = 0; block < blocks; block += extent.count) {
		if (!vk_map_lookup(map, block, &extent, &present, NULL))
			break;
		bad += count_bad_blocks(check, &extent);
	}
	if (bad == 0)
		return;
	what = g_strdup_printf("%" G_GUINT64_FORMAT " of its blocks of %u KiB cannot be read", bad,
			       VK_BLOCK_SIZE / 1024);
	tell(check, place, what);
}

/* Slots of one pack that are read, but not yet compared with their ids. */
typedef struct Batch {
	VkHasher *hasher; /* NULL: the keyring has no key for ids; that slots open is enough */
	guint count;
	guint32 slots[VK_HASHER_LANES];
	VkPackTable *tables[VK_HASHER_LANES]; /* of the generation that each was read from */
	VkHashed blocks[VK_HASHER_LANES];
	guint8 *buf; /* VK_HASHER_LANES blocks */
} Batch;

/* TABLE is NULL when no generation of the pack has the slot. */
static void report_bad_slot(Check *check, const VkPackId *pack, const VkPackTable *table,
			    guint32 slot, const GError *error)
{
	const Place place = {.object = table ? table->object : NULL};

	g_mutex_lock(&check->mutex);
	report(check, &place, error);
	vk_slot_set_add(check->bad, pack, slot, 1);
	g_mutex_unlock(&check->mutex);
}

/* None of the USED slots of a pack can be read. */
static void report_bad_pack(Check *check, const VkPackId *pack, const VkSlots *used,
			    const GError *error)
{
	g_mutex_lock(&check->mutex);
	report(check, &(const Place){0}, error);
	vk_slot_set_add_all(check->bad, pack, used);
	g_mutex_unlock(&check->mutex);
}

static void count_good(Check *check, guint blocks, gsize bytes)
{
	g_mutex_lock(&check->mutex);
	check->result->blocks += blocks;
	check->result->bytes += bytes;
	g_mutex_unlock(&check->mutex);
	vk_progress_add(check->progress, bytes);
}

static void compare_batch(Check *check, Batch *batch)
{
	gsize bytes = 0;
	guint good = 0;

	if (batch->hasher)
		vk_hasher_run(batch->hasher, batch->blocks, batch->count);
	for (guint i = 0; i < batch->count; i++) {
		g_autoptr(VkPackTable) table = g_steal_pointer(&batch->tables[i]);
		guint32 slot = batch->slots[i];
		g_autoptr(GError) error = NULL;

		if (!batch->hasher || memcmp(batch->blocks[i].id.bytes, table->entries[slot].id,
					     VK_BLOCK_ID_SIZE) == 0) {
			bytes += vk_pack_table_length(table, slot);
			good++;
			continue;
		}
		vk_fail(&error, VK_ERROR_DAMAGE,
			"'%s' is damaged in slot %u: its content is not what was stored",
			table->object, slot);
		report_bad_slot(check, &table->id, table, slot, error);
	}
	count_good(check, good, bytes);
	batch->count = 0;
}

static void read_into_batch(Check *check, Batch *batch, const VkPackId *pack, guint32 slot)
{
	guint8 *buf = batch->buf + (gsize)batch->count * VK_BLOCK_SIZE;
	VkHashed *block = &batch->blocks[batch->count];
	g_autoptr(VkPackTable) table = NULL;
	g_autoptr(GError) error = NULL;

	block->data = buf;
	if (!vk_pack_cache_read(check->vault->packs, pack, slot, VK_SLOT_KIND_DATA, buf,
				&block->length, &table, &error)) {
		report_bad_slot(check, pack, table, slot, error);
		return;
	}
	batch->slots[batch->count] = slot;
	batch->tables[batch->count++] = g_steal_pointer(&table);
}

/* It protects all of the pack. A warning says what it gives back; here is what it does not. */
static void check_parity(Check *check, const VkPackTable *table)
{
	const VkVault *vault = check->vault;
	const Place place = {.object = table->object};
	g_autoptr(GError) error = NULL;

	if (vk_mending_check(vault->store, &vault->context, &table->id, table->object, &error))
		return;
	g_mutex_lock(&check->mutex);
	report(check, &place, error);
	g_mutex_unlock(&check->mutex);
}

static void check_pack_data(Check *check, Batch *batch, const VkPackId *pack, const VkSlots *used)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkPackTable) table = vk_pack_cache_get(check->vault->packs, pack, &error);

	/* It could be read when the maps were walked, but is not in the cache any more. */
	if (!table) {
		report_bad_pack(check, pack, used, error);
		return;
	}
	check_parity(check, table);
	for (guint32 slot = 0; slot < VK_SLOTS_MAX && !vk_interrupted(); slot++) {
		if (vk_slots_have(used, slot))
			read_into_batch(check, batch, pack, slot);
		if (batch->count == VK_HASHER_LANES)
			compare_batch(check, batch);
	}
	compare_batch(check, batch);
}

/* NULL: there is none any more. */
static const VkPackId *take_pack(Check *check)
{
	const VkPackId *pack = NULL;

	g_mutex_lock(&check->mutex);
	if (check->n_packs > 0 && !vk_interrupted())
		pack = check->packs[--check->n_packs];
	g_mutex_unlock(&check->mutex);
	return pack;
}

static VkHasher *new_hasher(const VkVault *vault)
{
	const VkKey *key = vk_vault_id_key(vault);

	return vault->keyring && !key ? NULL : vk_hasher_new(key);
}

static gpointer check_packs(gpointer data)
{
	Check *check = data;
	g_autoptr(VkHasher) hasher = new_hasher(check->vault);
	g_autofree guint8 *buf = g_malloc((gsize)VK_HASHER_LANES * VK_BLOCK_SIZE);
	Batch batch = {.hasher = hasher, .buf = buf};
	const VkPackId *pack;

	while ((pack = take_pack(check))) {
		VkSlots used;

		vk_slot_set_of_pack(check->reach->slots, pack, &used);
		check_pack_data(check, &batch, pack, &used);
	}
	return NULL;
}

static void check_data(Check *check)
{
	g_autofree gpointer *packs = vk_slot_set_packs(check->reach->slots, &check->n_packs);
	guint count = CLAMP(g_get_num_processors(), 1, THREADS_MAX);
	GThread *threads[THREADS_MAX];

	check->packs = packs;
	vk_progress_expect(check->progress, check->reach->bytes);
	g_mutex_init(&check->mutex);
	for (guint i = 1; i < count; i++)
		threads[i] = g_thread_new("check", check_packs, check);
	check_packs(check);
	for (guint i = 1; i < count; i++)
		g_thread_join(threads[i]);
	g_mutex_clear(&check->mutex);
}

/* Blocks that the keyring cannot open would all look damaged. */
static gboolean may_read_data(const VkVault *vault, GError **error)
{
	return !vault->keyring || vk_keyring_get(vault->keyring, VK_KEY_PRIVATE) ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the key in use for the vault '%s' is of role %s: it does not open all "
		       "blocks; use one of role full or restore, or verify without --data",
		       vault->url, vk_role_word(vk_keyring_role(vault->keyring)));
}

static void name_affected(Check *check, const GPtrArray *keys)
{
	for (guint i = 0; i < keys->len && !vk_interrupted(); i++) {
		g_autoptr(VkSnapshot) snapshot =
			vk_catalog_load(check->vault, keys->pdata[i], NULL);

		if (snapshot)
			visit_images(check, snapshot, report_bad_blocks);
	}
}

/* Snapshots that are not there, though they should be, or that are others than they were. */
static gboolean check_chains(Check *check, const char *const *uuids, GError **error)
{
	g_autoptr(GPtrArray) texts = vk_chain_check(check->vault, uuids, error);

	for (guint i = 0; texts && i < texts->len; i++) {
		g_autoptr(GError) trouble =
			g_error_new_literal(VK_ERROR, VK_ERROR_DAMAGE, g_ptr_array_index(texts, i));
		const Place nowhere = {0};

		report(check, &nowhere, trouble);
	}
	return texts != NULL;
}

static GPtrArray *list_keys(VkVault *vault, const char *const *uuids, GError **error)
{
	g_autoptr(GPtrArray) keys = NULL;

	if (!uuids)
		return vk_catalog_list(vault, NULL, error);
	keys = g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_key_free);
	for (; *uuids; uuids++) {
		GPtrArray *more = vk_catalog_list(vault, *uuids, error);

		if (!more)
			return NULL;
		g_ptr_array_extend_and_steal(keys, more);
	}
	return g_steal_pointer(&keys);
}

VkCheckResult *vk_check_vault(VkVault *vault, const char *const *uuids, gboolean data,
			      VkProgress *progress, GError **error)
{
	g_autoptr(VkReadLease) lease = !data || may_read_data(vault, error)
					       ? vk_read_lease_begin(vault, NULL, error)
					       : NULL;
	g_autoptr(VkCheckResult) result = g_new0(VkCheckResult, 1);
	g_autoptr(VkReach) reach = vk_reach_new(vault);
	g_autoptr(VkSlotSet) bad = vk_slot_set_new();
	g_autoptr(GPtrArray) keys = lease ? list_keys(vault, uuids, error) : NULL;
	Check check = {
		.vault = vault, .result = result, .reach = reach, .bad = bad, .progress = progress};

	result->errors = g_ptr_array_new_with_free_func(check_error_free);
	if (!keys)
		return NULL;
	for (guint i = 0; i < keys->len && !vk_interrupted(); i++)
		check_snapshot(&check, keys->pdata[i]);
	if (!check_chains(&check, uuids, error))
		return NULL;
	result->packs = vk_slot_set_count_packs(reach->slots);
	if (data)
		check_data(&check);
	if (vk_slot_set_count_packs(bad) > 0)
		name_affected(&check, keys);
	result->mended = vk_mend_log_list(vault->context.mend_log);
	if (vk_interrupted()) {
		vk_fail_interrupted(error);
		return NULL;
	}
	return g_steal_pointer(&result);
}
