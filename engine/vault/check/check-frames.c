/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check-frames.h"

#include "check-priv.h"
#include "pack-scan.h"

#include "errors.h"
#include "interrupt.h"
#include "mend-log.h"
#include "pack-name.h"
#include "vault-parts.h"

#include <string.h>

#define THREADS_MAX 16

/* So often a pack is read that a collector changes. */
#define TRIES_MAX 3u

/* So many packs are looked at to estimate the size of all. */
#define SAMPLES_MAX 64u

/* A pack and its generations, as they were listed. */
typedef struct Listed {
	VkPackId id;
	GPtrArray *objects;
} Listed;

/* What the threads share. */
typedef struct Readers {
	VkVault *vault; /* to read */
	VkPackScanner scanner;
	const GArray *packs; /* Listed */
	gint next;           /* of PACKS: atomic */
	GMutex mutex;        /* guards what follows */
	VkCheck check;       /* what vk_check_report() needs, and the result */
} Readers;

/* A generation that was read. */
typedef struct Generation {
	const char *object;
	VkPackScan scan;
	GError *failure; /* NULL: it was read */
} Generation;

/* A pack that is read. */
typedef struct Pack {
	Readers *readers;
	const VkPackId *id;
	const GPtrArray *objects;
	GArray *generations; /* Generation */
	VkSlots sound;       /* of those that can be used */
	gboolean has_trouble;
} Pack;

static void listed_clear(gpointer data)
{
	g_ptr_array_unref(((Listed *)data)->objects);
}

static void generation_clear(gpointer data)
{
	Generation *generation = data;

	vk_pack_scan_clear(&generation->scan);
	g_clear_error(&generation->failure);
}

static void add_listed(gpointer user, const VkPackId *id, const GPtrArray *objects)
{
	Listed listed = {.id = *id, .objects = g_ptr_array_new_with_free_func(g_free)};

	for (guint i = 0; i < objects->len; i++)
		g_ptr_array_add(listed.objects, g_strdup(objects->pdata[i]));
	g_array_append_val((GArray *)user, listed);
}

static gint compare_listed(gconstpointer a, gconstpointer b)
{
	return memcmp(&((const Listed *)a)->id, &((const Listed *)b)->id, sizeof(VkPackId));
}

static GArray *list_packs(VkStore *store, GError **error)
{
	g_autoptr(GArray) packs = g_array_new(FALSE, FALSE, sizeof(Listed));

	g_array_set_clear_func(packs, listed_clear);
	if (!vk_pack_visit(store, add_listed, packs, error))
		return NULL;
	g_array_sort(packs, compare_listed);
	return g_steal_pointer(&packs);
}

/* By some of the packs, all over the vault. */
static guint64 estimate_bytes(VkStore *store, const GArray *packs)
{
	guint step = packs->len / SAMPLES_MAX + 1, n_samples = 0;
	guint64 bytes = 0;

	for (guint i = 0; i < packs->len; i += step, n_samples++) {
		const Listed *listed = &g_array_index(packs, Listed, i);
		guint64 size = 0;

		for (guint n = 0; n < listed->objects->len; n++)
			if (store->ops->head(store, listed->objects->pdata[n], &size, NULL, NULL))
				bytes += size;
	}
	return n_samples > 0 ? bytes * packs->len / n_samples : 0;
}

static void subtract(VkSlots *from, const VkSlots *slots)
{
	for (guint i = 0; i < sizeof(from->bits); i++)
		from->bits[i] &= (guint8)~slots->bits[i];
}

static void add(VkSlots *to, const VkSlots *slots)
{
	for (guint i = 0; i < sizeof(to->bits); i++)
		to->bits[i] |= slots->bits[i];
}

/*
 * Which slots are lost with what is wrong with GENERATION: no other one has them. One whose table
 * cannot be used counts as having all that is still recognized in it.
 */
static VkSlots find_lost(const Pack *pack, const Generation *generation)
{
	VkSlots lost = generation->scan.bad;

	if (!generation->scan.is_usable)
		add(&lost, &generation->scan.sound);
	subtract(&lost, &pack->sound);
	return lost;
}

/* How many slots others have, which may be those of GENERATION that have no number. */
static guint32 count_others(const Pack *pack, const Generation *generation)
{
	VkSlots others = pack->sound;

	subtract(&others, &generation->scan.sound);
	subtract(&others, &generation->scan.bad);
	return vk_slots_count(&others);
}

/* Whether other generations make up for what is wrong with frames or table of GENERATION. */
static gboolean is_made_up_for(const Pack *pack, const Generation *generation, const VkSlots *lost)
{
	const VkPackScan *scan = &generation->scan;
	gboolean is_about_frames =
		!scan->is_usable || scan->n_nameless > 0 || vk_slots_count(&scan->bad) > 0;

	return is_about_frames && pack->generations->len > 1 && vk_slots_count(&pack->sound) > 0 &&
	       vk_slots_count(lost) == 0 && scan->n_nameless <= count_others(pack, generation);
}

static void report_generation(Pack *pack, const Generation *generation)
{
	VkCheck *check = &pack->readers->check;
	const VkPackScan *scan = &generation->scan;
	VkSlots lost = find_lost(pack, generation);
	const VkCheckPlace place = {.object = generation->object, .slots = &lost};

	if (generation->failure)
		vk_check_report(check, &place, generation->failure->message);
	else if (scan->what && is_made_up_for(pack, generation, &lost))
		vk_mend_log_add(pack->readers->vault->context.mend_log, generation->object,
				scan->what);
	else if (scan->what)
		vk_check_report(check, &place, scan->what);
}

/* Under the mutex. */
static void take_pack(Pack *pack)
{
	VkCheckResult *result = pack->readers->check.result;
	gboolean is_read = TRUE;

	for (guint i = 0; i < pack->generations->len; i++) {
		const Generation *generation = &g_array_index(pack->generations, Generation, i);

		report_generation(pack, generation);
		result->blocks += generation->scan.n_sound;
		result->bytes += generation->scan.bytes;
		is_read = is_read && !generation->failure;
	}
	result->packs_read += is_read;
}

static void read_generations(Pack *pack)
{
	for (guint i = 0; i < pack->objects->len && !vk_interrupted(); i++) {
		Generation generation = {.object = pack->objects->pdata[i]};
		gboolean is_read =
			vk_pack_scan(&pack->readers->scanner, pack->id, generation.object,
				     &generation.scan, &generation.failure);

		if (is_read && generation.scan.is_usable)
			add(&pack->sound, &generation.scan.sound);
		if (!is_read || generation.scan.what)
			pack->has_trouble = TRUE;
		g_array_append_val(pack->generations, generation);
	}
}

/* The pack's generations, if they are others than OBJECTS by now; NULL: they are not, or nobody
 * knows. */
static GPtrArray *list_changed(const Readers *readers, const VkPackId *id, const GPtrArray *objects)
{
	g_autoptr(GPtrArray) now = vk_pack_generations(readers->vault->store, id, NULL);
	gboolean is_same = now && now->len == objects->len;

	for (guint i = 0; is_same && i < now->len; i++)
		is_same = strcmp(now->pdata[i], objects->pdata[i]) == 0;
	return now && !is_same ? g_steal_pointer(&now) : NULL;
}

/* Returns the generations that a collector has put in the place of OBJECTS, if there is trouble. */
static GPtrArray *try_pack(Readers *readers, const VkPackId *id, const GPtrArray *objects)
{
	g_autoptr(GArray) generations = g_array_new(FALSE, TRUE, sizeof(Generation));
	Pack pack = {.readers = readers, .id = id, .objects = objects, .generations = generations};
	GPtrArray *changed;

	g_array_set_clear_func(generations, generation_clear);
	read_generations(&pack);
	if (vk_interrupted())
		return NULL;
	changed = pack.has_trouble ? list_changed(readers, id, objects) : NULL;
	if (changed)
		return changed;
	g_mutex_lock(&readers->mutex);
	take_pack(&pack);
	g_mutex_unlock(&readers->mutex);
	return NULL;
}

/* One that a collector changes again and again is passed over. */
static void read_pack(Readers *readers, const Listed *listed)
{
	g_autoptr(GPtrArray) objects = g_ptr_array_ref(listed->objects);

	for (guint i = 0; i < TRIES_MAX && objects && objects->len > 0; i++) {
		GPtrArray *changed = try_pack(readers, &listed->id, objects);

		g_ptr_array_unref(objects);
		objects = changed;
	}
}

static gpointer read_packs(gpointer data)
{
	Readers *readers = data;
	gint at;

	while (!vk_interrupted() &&
	       (at = g_atomic_int_add(&readers->next, 1)) < (gint)readers->packs->len)
		read_pack(readers, &g_array_index(readers->packs, Listed, at));
	return NULL;
}

static void run_threads(Readers *readers)
{
	guint n_threads = CLAMP(g_get_num_processors(), 2, THREADS_MAX);
	GThread *threads[THREADS_MAX];

	for (guint i = 0; i < n_threads; i++)
		threads[i] = g_thread_new("frames", read_packs, readers);
	for (guint i = 0; i < n_threads; i++)
		g_thread_join(threads[i]);
}

/* Threads end in any order. */
static gint compare_errors(gconstpointer a, gconstpointer b)
{
	const VkCheckError *left = *(const VkCheckError *const *)a;
	const VkCheckError *right = *(const VkCheckError *const *)b;

	return strcmp(left->object, right->object);
}

VkCheckResult *vk_check_frames(VkVault *vault, const VkCheckOptions *options, GError **error)
{
	g_autoptr(GArray) packs = list_packs(vault->store, error);
	g_autoptr(VkCheckResult) result = NULL;
	Readers readers = {.vault = vault,
			   .scanner = {.store = vault->store,
				       .context = &vault->context,
				       .limit = options->limit,
				       .progress = options->progress},
			   .packs = packs};

	if (!packs)
		return NULL;
	result = vk_check_result_new();
	result->packs = packs->len;
	readers.check.result = result;
	vk_progress_expect(options->progress, estimate_bytes(vault->store, packs));
	g_mutex_init(&readers.mutex);
	run_threads(&readers);
	g_mutex_clear(&readers.mutex);
	if (vk_interrupted()) {
		vk_fail_interrupted(error);
		return NULL;
	}
	g_ptr_array_sort(result->errors, compare_errors);
	result->mended = vk_mend_log_list(vault->context.mend_log);
	return g_steal_pointer(&result);
}
