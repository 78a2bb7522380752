/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading packs back. Each thread reads one pack after the other, slot by slot, and reports what it
 * found out about each. The caller's thread takes the reports: nothing else is shared.
 */
#include "check-priv.h"

#include "errors.h"
#include "hasher.h"
#include "interrupt.h"
#include "mend-log.h"
#include "mending.h"
#include "vault-parts.h"

#include <string.h>

#define THREADS_MAX 16

/* So often what was read is noted in the vault, in case that the check is killed. */
#define SAVE_USEC (5 * G_TIME_SPAN_MINUTE)

/* What the threads share. */
typedef struct Readers {
	VkCheck *check;       /* to read */
	const GArray *packs;  /* VkPackId */
	gint next;            /* of PACKS: atomic */
	GAsyncQueue *reports; /* Report; at the end of each thread one without a pack */
} Readers;

/* What was found out about a pack. */
typedef struct Report {
	const VkPackId *pack;  /* NULL: the thread has ended */
	gint64 time;           /* when its reading began */
	GPtrArray *objects;    /* its generations when that began; NULL: they were not listed */
	gboolean is_read;      /* every block was read, or is damaged */
	guint64 blocks, bytes; /* intact */
	VkSlots bad;
	guint n_bad;
	gboolean is_lost;    /* no generation can be used, or its slots are not known */
	gboolean is_damaged; /* so that it is no matter of the storage's state */
	char *bad_object;    /* where a bad slot lies; NULL: no generation has it */
	char *flaw;          /* what is wrong with a generation that others may make up for */
	char *flaw_object;   /* this generation */
	char *what;          /* about the first bad slot, or about the pack */
} Report;

/* Slots of one pack that are read, but not yet compared with their ids. */
typedef struct Batch {
	const Readers *readers;
	Report *report;
	VkHasher *hasher;  /* NULL: the keyring has no key for ids; that slots open is enough */
	gboolean is_spare; /* what is read now is not used by any snapshot */
	guint count;
	guint32 slots[VK_HASHER_LANES];
	VkPackTable *tables[VK_HASHER_LANES]; /* of the generation that each was read from */
	VkHashed blocks[VK_HASHER_LANES];
	guint8 *buf; /* VK_HASHER_LANES blocks */
} Batch;

static void report_free(Report *report)
{
	g_clear_pointer(&report->objects, g_ptr_array_unref);
	g_free(report->bad_object);
	g_free(report->flaw);
	g_free(report->flaw_object);
	g_free(report->what);
	g_free(report);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

/* OBJECT is NULL when no generation of the pack has the slots. */
static void note_bad(Report *report, const char *object, const GError *error)
{
	if (g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE))
		report->is_damaged = TRUE;
	else
		report->is_read = FALSE;
	if (!report->bad_object)
		report->bad_object = g_strdup(object);
	if (!report->what)
		report->what = g_strdup(error->message);
}

static void note_bad_slot(Report *report, const VkPackTable *table, guint32 slot,
			  const GError *error)
{
	note_bad(report, table ? table->object : NULL, error);
	report->bad.bits[slot / 8] |= (guint8)(1u << (slot % 8));
	report->n_bad++;
}

static void compare_batch(Batch *batch)
{
	Report *report = batch->report;
	guint64 bytes = 0;

	if (batch->hasher)
		vk_hasher_run(batch->hasher, batch->blocks, batch->count);
	for (guint i = 0; i < batch->count; i++) {
		g_autoptr(VkPackTable) table = g_steal_pointer(&batch->tables[i]);
		guint32 slot = batch->slots[i];
		g_autoptr(GError) error = NULL;

		if (!batch->hasher || memcmp(batch->blocks[i].id.bytes, table->entries[slot].id,
					     VK_BLOCK_ID_SIZE) == 0) {
			bytes += vk_pack_table_length(table, slot);
			report->blocks++;
			continue;
		}
		vk_fail(&error, VK_ERROR_DAMAGE,
			"'%s' is damaged in slot %u: its content is not what was stored",
			table->object, slot);
		note_bad_slot(report, table, slot, error);
	}
	report->bytes += bytes;
	vk_progress_add(batch->readers->check->options->progress, bytes);
	batch->count = 0;
}

/*
 * Whether the pack is gone or has other generations by now: a collector takes away what nobody
 * uses. Only that excuses a failure. FALSE if the packs cannot be listed.
 */
static gboolean has_changed(const VkVault *vault, const Report *report)
{
	g_autoptr(GPtrArray) now =
		report->objects ? vk_pack_generations(vault->store, report->pack, NULL) : NULL;

	if (!now)
		return FALSE;
	if (now->len == 0 || now->len != report->objects->len)
		return TRUE;
	for (guint i = 0; i < now->len; i++)
		if (strcmp(now->pdata[i], report->objects->pdata[i]) != 0)
			return TRUE;
	return FALSE;
}

static void read_into_batch(Batch *batch, guint32 slot)
{
	guint8 *buf = batch->buf + (gsize)batch->count * VK_BLOCK_SIZE;
	const VkCheck *check = batch->readers->check;
	VkHashed *block = &batch->blocks[batch->count];
	g_autoptr(VkPackTable) table = NULL;
	g_autoptr(GError) error = NULL;

	block->data = buf;
	if (!vk_pack_cache_read(check->vault->packs, batch->report->pack, slot, VK_SLOT_KIND_DATA,
				buf, &block->length, &table, &error)) {
		if (batch->is_spare && has_changed(check->vault, batch->report))
			batch->report->is_read = FALSE;
		else
			note_bad_slot(batch->report, table, slot, error);
		return;
	}
	vk_rate_limit_wait(check->options->limit, vk_pack_table_length(table, slot));
	batch->slots[batch->count] = slot;
	batch->tables[batch->count++] = g_steal_pointer(&table);
}

static void read_slots(Batch *batch, const VkSlots *slots)
{
	for (guint32 slot = 0; slot < VK_SLOTS_MAX && !vk_interrupted(); slot++) {
		if (vk_slots_have(slots, slot))
			read_into_batch(batch, slot);
		if (batch->count == VK_HASHER_LANES)
			compare_batch(batch);
	}
	compare_batch(batch);
}

/* Of the first generation that has one. */
static void note_flaw(Report *report, const char *object, const GError *error)
{
	if (report->flaw)
		return;
	report->flaw = g_strdup(error->message);
	report->flaw_object = g_strdup(object);
}

/* It protects all of a generation. A warning says what it gives back; here is what it does not. */
static void check_parity(const VkVault *vault, Report *report)
{
	for (guint i = 0; i < report->objects->len && !report->flaw; i++) {
		const char *object = g_ptr_array_index(report->objects, i);
		g_autoptr(GError) error = NULL;

		if (vk_mending_check(vault->store, &vault->context, report->pack, object, &error))
			continue;
		if (g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE))
			note_flaw(report, object, error);
		else
			note_bad(report, object, error);
	}
}

static void add_blocks(const VkPackTable *table, VkSlots *slots)
{
	for (guint32 slot = 0; slot < table->slots; slot++)
		if (vk_pack_table_has_data(table, slot))
			slots->bits[slot / 8] |= (guint8)(1u << (slot % 8));
}

/*
 * Adds to SLOTS the blocks of all generations but those whose table is damaged. KNOWN is the table
 * of one that is or was there. Fails if no table can be read.
 */
static gboolean find_blocks(const VkVault *vault, Report *report, const VkPackTable *known,
			    VkSlots *slots, GError **error)
{
	guint n_tables = 0;

	for (guint i = 0; i < report->objects->len; i++) {
		const char *object = g_ptr_array_index(report->objects, i);
		g_autoptr(VkPackTable) table = NULL;
		g_autoptr(GError) trouble = NULL;

		if (strcmp(object, known->object) == 0) {
			add_blocks(known, slots);
			n_tables++;
			continue;
		}
		table = vk_pack_table_load(vault->store, &vault->context, report->pack, object,
					   &trouble);
		if (table) {
			add_blocks(table, slots);
			n_tables++;
		} else if (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
			note_flaw(report, object, trouble);
		} else {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
	}
	return n_tables > 0 || report->objects->len == 0 ||
	       vk_fail(error, VK_ERROR_DAMAGE, "%s", report->flaw);
}

/* The pack could not be used: what snapshots use of it is bad. */
static void note_lost(const VkCheck *check, Report *report, const VkSlots *used,
		      const GError *error)
{
	report->is_lost = TRUE;
	if (vk_slots_count(used) == 0 && has_changed(check->vault, report))
		return;
	note_bad(report, NULL, error);
	report->bad = *used;
	report->n_bad = vk_slots_count(used);
}

/*
 * What no snapshot uses: one that comes later may, because a backup finds it by its hash, or
 * because it was not committed yet.
 */
static void read_spare(Batch *batch, const VkSlots *used, const VkPackTable *known)
{
	const VkCheck *check = batch->readers->check;
	Report *report = batch->report;
	g_autoptr(GError) error = NULL;
	VkSlots spare = {{0}};

	if (!find_blocks(check->vault, report, known, &spare, &error)) {
		report->is_lost = TRUE;
		if (!has_changed(check->vault, report))
			note_bad(report, NULL, error);
		return;
	}
	for (guint i = 0; i < sizeof(spare.bits); i++)
		spare.bits[i] &= (guint8)~used->bits[i];
	batch->is_spare = TRUE;
	read_slots(batch, &spare);
	batch->is_spare = FALSE;
}

static void read_pack(Batch *batch)
{
	const VkCheck *check = batch->readers->check;
	Report *report = batch->report;
	g_autoptr(GError) error = NULL;
	g_autoptr(VkPackTable) table = NULL;
	VkSlots used;

	vk_slot_set_of_pack(check->reach->slots, report->pack, &used);
	report->time = g_get_real_time();
	report->is_read = TRUE;
	report->objects = vk_pack_generations(check->vault->store, report->pack, &error);
	if (report->objects)
		table = vk_pack_cache_get(check->vault->packs, report->pack, &error);
	/* It could be read when the maps were walked, but is not in the cache any more. */
	if (!table) {
		note_lost(check, report, &used, error);
		return;
	}
	check_parity(check->vault, report);
	read_slots(batch, &used);
	if (!check->options->uuids)
		read_spare(batch, &used, table);
	if (vk_interrupted())
		report->is_read = FALSE;
}

static VkHasher *new_hasher(const VkVault *vault)
{
	const VkKey *key = vk_vault_id_key(vault);

	return vault->keyring && !key ? NULL : vk_hasher_new(key);
}

static gpointer read_packs(gpointer data)
{
	Readers *readers = data;
	g_autoptr(VkHasher) hasher = new_hasher(readers->check->vault);
	g_autofree guint8 *buf = g_malloc((gsize)VK_HASHER_LANES * VK_BLOCK_SIZE);
	Batch batch = {.readers = readers, .hasher = hasher, .buf = buf};
	gint at;

	while (!vk_interrupted() &&
	       (at = g_atomic_int_add(&readers->next, 1)) < (gint)readers->packs->len) {
		batch.report = g_new0(Report, 1);
		batch.report->pack = &g_array_index(readers->packs, VkPackId, at);
		read_pack(&batch);
		g_async_queue_push(readers->reports, batch.report);
	}
	g_async_queue_push(readers->reports, g_new0(Report, 1));
	return NULL;
}

/*
 * Whether it is known that no snapshot uses what is bad. Where a map could not be read to its end,
 * or a pack lacks a part of an extent, snapshots use more than the reach has. What is wrong with a
 * pack apart from its blocks may concern maps.
 */
static gboolean is_unused(const VkCheck *check, const Report *report)
{
	VkSlots used;

	if (!check->is_walked || check->is_damaged || report->n_bad == 0)
		return FALSE;
	vk_slot_set_of_pack(check->reach->slots, report->pack, &used);
	for (guint32 slot = 0; slot < VK_SLOTS_MAX; slot++)
		if (vk_slots_have(&used, slot) && vk_slots_have(&report->bad, slot))
			return FALSE;
	return TRUE;
}

static void report_bad(VkCheck *check, const Report *report)
{
	const VkCheckPlace place = {.object = report->bad_object, .slots = &report->bad};
	g_autofree char *more = report->n_bad > 1 && !report->is_lost
					? g_strdup_printf("; %u more of its slots cannot be read",
							  report->n_bad - 1)
					: NULL;
	g_autofree char *what =
		g_strconcat(report->what, more ? more : "",
			    is_unused(check, report) ? "; no snapshot uses it now" : "", NULL);

	vk_check_report(check, &place, what);
	vk_slot_set_add_all(check->bad, report->pack, &report->bad);
}

/* In a pack that was healed, a generation stays damaged: others have what it lacks. */
static void report_flaw(VkCheck *check, const Report *report)
{
	const VkCheckPlace place = {.object = report->flaw_object};

	if (report->n_bad == 0 && report->objects->len > 1)
		vk_mend_log_add(check->vault->context.mend_log, report->flaw_object, report->flaw);
	else
		vk_check_report(check, &place, report->flaw);
}

/* Of a pack with snapshots of guests that are not checked, only a part was read. */
static void take_report(VkCheck *check, const Report *report)
{
	check->result->blocks += report->blocks;
	check->result->bytes += report->bytes;
	check->result->packs_read += report->is_read && !report->is_lost;
	if (report->is_read && !report->is_lost && report->objects->len > 0 &&
	    !check->options->uuids)
		vk_health_add_read(check->health, report->objects, report->time);
	if (report->is_damaged && report->n_bad > 0)
		vk_health_add_damage(check->health, report->pack, report->bad_object, &report->bad,
				     report->time);
	if (report->flaw)
		report_flaw(check, report);
	if (report->what)
		report_bad(check, report);
}

/* Until all of the RUNNING threads have ended. */
static void take_reports(VkCheck *check, GAsyncQueue *reports, guint running)
{
	gint64 saved_usec = g_get_monotonic_time();

	while (running > 0) {
		g_autoptr(Report) report = g_async_queue_pop(reports);

		if (!report->pack) {
			running--;
			continue;
		}
		take_report(check, report);
		if (g_get_monotonic_time() - saved_usec < SAVE_USEC)
			continue;
		vk_check_save(check);
		saved_usec = g_get_monotonic_time();
	}
}

/* Packs are about as large as each other. */
static guint64 estimate_bytes(const VkCheck *check, guint count)
{
	guint all = vk_slot_set_count_packs(check->reach->slots);

	return check->reach->bytes * count / MAX(all, 1);
}

void vk_check_read_packs(VkCheck *check, const GArray *packs)
{
	g_autoptr(GAsyncQueue) reports = g_async_queue_new();
	Readers readers = {.check = check, .packs = packs, .reports = reports};
	guint n_threads = CLAMP(g_get_num_processors(), 2, THREADS_MAX);
	GThread *threads[THREADS_MAX];

	vk_progress_expect(check->options->progress, estimate_bytes(check, packs->len));
	for (guint i = 0; i < n_threads; i++)
		threads[i] = g_thread_new("check", read_packs, &readers);
	take_reports(check, reports, n_threads);
	for (guint i = 0; i < n_threads; i++)
		g_thread_join(threads[i]);
}
