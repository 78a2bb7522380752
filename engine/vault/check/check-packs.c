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
	VkCheck *check; /* to read */
	gpointer const *packs;
	gint next, count;     /* of PACKS: atomic */
	GAsyncQueue *reports; /* Report; at the end of each thread one without a pack */
} Readers;

/* What was found out about a pack. */
typedef struct Report {
	const VkPackId *pack;  /* NULL: the thread has ended */
	gint64 time;           /* when its reading began */
	GPtrArray *objects;    /* its generations when that began; none: it cannot be read */
	gboolean is_read;      /* every slot was read, or is damaged */
	guint64 blocks, bytes; /* intact */
	VkSlots bad;
	guint n_bad;
	gboolean is_damaged; /* so that it is no matter of the storage's state */
	char *bad_object;    /* where a bad slot lies; NULL: no generation has it */
	char *parity;        /* what is wrong with the parity of a generation; NULL: nothing */
	char *parity_object; /* this generation */
	char *what;          /* about the first bad slot, or about the pack */
} Report;

/* Slots of one pack that are read, but not yet compared with their ids. */
typedef struct Batch {
	const Readers *readers;
	Report *report;
	VkHasher *hasher; /* NULL: the keyring has no key for ids; that slots open is enough */
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
	g_free(report->parity);
	g_free(report->parity_object);
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
		note_bad_slot(batch->report, table, slot, error);
		return;
	}
	vk_rate_limit_wait(check->options->limit, vk_pack_table_length(table, slot));
	batch->slots[batch->count] = slot;
	batch->tables[batch->count++] = g_steal_pointer(&table);
}

static void read_slots(Batch *batch, const VkSlots *used)
{
	for (guint32 slot = 0; slot < VK_SLOTS_MAX && !vk_interrupted(); slot++) {
		if (vk_slots_have(used, slot))
			read_into_batch(batch, slot);
		if (batch->count == VK_HASHER_LANES)
			compare_batch(batch);
	}
	compare_batch(batch);
}

/* It protects all of a generation. A warning says what it gives back; here is what it does not. */
static void check_parity(const VkVault *vault, Report *report)
{
	for (guint i = 0; i < report->objects->len && !report->parity; i++) {
		const char *object = g_ptr_array_index(report->objects, i);
		g_autoptr(GError) error = NULL;

		if (vk_mending_check(vault->store, &vault->context, report->pack, object, &error))
			continue;
		if (!g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE)) {
			note_bad(report, object, error);
			continue;
		}
		report->parity = g_strdup(error->message);
		report->parity_object = g_strdup(object);
	}
}

static void read_pack(Batch *batch)
{
	const VkCheck *check = batch->readers->check;
	Report *report = batch->report;
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) objects = NULL;
	g_autoptr(VkPackTable) table = NULL;
	VkSlots used;

	vk_slot_set_of_pack(check->reach->slots, report->pack, &used);
	report->time = g_get_real_time();
	report->is_read = TRUE;
	table = vk_pack_cache_get(check->vault->packs, report->pack, &error);
	if (table)
		objects = vk_pack_generations(check->vault->store, report->pack, &error);
	/* It could be read when the maps were walked, but is not in the cache any more. */
	if (!objects) {
		note_bad(report, NULL, error);
		report->bad = used;
		report->n_bad = vk_slots_count(&used);
		return;
	}
	g_ptr_array_unref(report->objects);
	report->objects = g_steal_pointer(&objects);
	check_parity(check->vault, report);
	read_slots(batch, &used);
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

	while (!vk_interrupted() && (at = g_atomic_int_add(&readers->next, 1)) < readers->count) {
		batch.report = g_new0(Report, 1);
		batch.report->pack = readers->packs[at];
		batch.report->objects = g_ptr_array_new();
		read_pack(&batch);
		g_async_queue_push(readers->reports, batch.report);
	}
	g_async_queue_push(readers->reports, g_new0(Report, 1));
	return NULL;
}

static void report_bad(VkCheck *check, const Report *report)
{
	const VkCheckPlace place = {.object = report->bad_object};
	g_autofree char *what = report->n_bad > 1 && report->objects->len > 0
					? g_strdup_printf("%s; %u more of its slots cannot be read",
							  report->what, report->n_bad - 1)
					: g_strdup(report->what);

	vk_check_report(check, &place, what);
	vk_slot_set_add_all(check->bad, report->pack, &report->bad);
}

/* In a pack that was healed, a generation stays damaged: others have what it lacks. */
static void report_parity(VkCheck *check, const Report *report)
{
	const VkCheckPlace place = {.object = report->parity_object};

	if (report->n_bad == 0 && report->objects->len > 1)
		vk_mend_log_add(check->vault->context.mend_log, report->parity_object,
				report->parity);
	else
		vk_check_report(check, &place, report->parity);
}

/* Of a pack with snapshots of guests that are not checked, only a part was read. */
static void take_report(VkCheck *check, const Report *report)
{
	check->result->blocks += report->blocks;
	check->result->bytes += report->bytes;
	check->result->packs_read += report->is_read;
	if (report->is_read && report->objects->len > 0 && !check->options->uuids)
		vk_findings_add_read(check->findings, report->objects, report->time);
	if (report->is_damaged)
		vk_findings_add_damage(check->findings, report->pack, report->bad_object,
				       &report->bad, report->time);
	if (report->parity)
		report_parity(check, report);
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

static guint64 count_slots(const VkSlotSet *set, gpointer const *packs, guint count)
{
	guint64 slots = 0;

	for (guint i = 0; i < count; i++) {
		VkSlots of_pack;

		vk_slot_set_of_pack(set, packs[i], &of_pack);
		slots += vk_slots_count(&of_pack);
	}
	return slots;
}

/* Of all bytes the part that the packs have of all slots. */
static guint64 estimate_bytes(const VkCheck *check, gpointer const *packs, guint count)
{
	const VkSlotSet *slots = check->reach->slots;
	guint all_count;
	g_autofree gpointer *all = vk_slot_set_packs(slots, &all_count);
	guint64 in_all = count_slots(slots, all, all_count);

	return (guint64)((double)check->reach->bytes * (double)count_slots(slots, packs, count) /
			 (double)MAX(in_all, 1));
}

void vk_check_read_packs(VkCheck *check, gpointer const *packs, guint count)
{
	g_autoptr(GAsyncQueue) reports = g_async_queue_new();
	Readers readers = {
		.check = check, .packs = packs, .count = (gint)count, .reports = reports};
	guint n_threads = CLAMP(g_get_num_processors(), 2, THREADS_MAX);
	GThread *threads[THREADS_MAX];

	vk_progress_expect(check->options->progress, estimate_bytes(check, packs, count));
	for (guint i = 0; i < n_threads; i++)
		threads[i] = g_thread_new("check", read_packs, &readers);
	take_reports(check, reports, n_threads);
	for (guint i = 0; i < n_threads; i++)
		g_thread_join(threads[i]);
}
