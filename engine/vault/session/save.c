/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saving one image. An image is stripes of a pack's size; a span is one or more of them. The
 * workers take spans in order and hand over their extents. The worker that brings the next span in
 * line writes its extents into the run, and those of the spans that wait for it. Workers may be
 * only so far ahead of the run, so that memory does not grow with the disk.
 */
#include "session-priv.h"

#include "progress-count.h"
#include "errors.h"
#include "run-merge.h"
#include "run-writer.h"

#define STRIPE_BLOCKS    (VK_PACK_SIZE / VK_BLOCK_SIZE)
#define AHEAD_PER_WORKER 4u

/*
 * A span is one stripe, or several when few blocks of each have changed: to read them one after
 * another would be to wait for the source most of the time. Its length bounds a worker's memory.
 */
#define SPAN_CHANGES     64u
#define SPAN_STRIPES_MAX 128u

typedef struct SaveJob {
	VkSave save;
	guint32 blocks;
	guint32 stripes;
	VkRunWriter *run;
	GMutex mutex;
	GCond changed;
	/* Under the mutex: */
	VkSourceReader *scout; /* looks for changes; NULL: every stripe is visited */
	guint32 next;          /* stripe to be taken */
	guint32 taken;         /* how many spans were: each has its number in this order */
	guint32 written;       /* how many have their extents in the run */
	gboolean writing;      /* a thread writes into the run */
	GHashTable *ready;     /* number -> GArray of VkExtent */
	GError *error;         /* the first; ends the job */
} SaveJob;

typedef struct SaveThread {
	SaveJob *job;
	VkWorker *worker;
	GThread *thread; /* NULL: the caller's own */
} SaveThread;

static void fail_job(SaveJob *job, GError *error)
{
	g_mutex_lock(&job->mutex);
	if (!job->error)
		job->error = g_steal_pointer(&error);
	g_cond_broadcast(&job->changed);
	g_mutex_unlock(&job->mutex);
	g_clear_error(&error);
}

/* Moves on to the next stripe in which something changed. */
static gboolean seek_change_locked(SaveJob *job, GError **error)
{
	guint64 found = (guint64)job->next * VK_PACK_SIZE;

	if (!job->scout || job->next >= job->stripes)
		return TRUE;
	if (!job->scout->ops->seek_change(job->scout, found, &found, error))
		return FALSE;
	job->next = found < job->save.source->size ? (guint32)(found / VK_PACK_SIZE) : job->stripes;
	return TRUE;
}

/* The end of the span that begins with the next stripe. */
static gboolean find_end_locked(SaveJob *job, guint32 *ret_end, GError **error)
{
	guint32 limit = (guint32)MIN((guint64)job->next + SPAN_STRIPES_MAX, job->stripes);
	guint64 offset = (guint64)job->next * VK_PACK_SIZE;

	*ret_end = job->next + 1;
	for (guint changes = 0; job->scout && changes < SPAN_CHANGES; changes++) {
		guint64 found = 0;

		if (!job->scout->ops->seek_change(job->scout, offset, &found, error))
			return FALSE;
		if (found >= job->save.source->size || found / VK_PACK_SIZE >= limit)
			break;
		*ret_end = (guint32)(found / VK_PACK_SIZE) + 1;
		offset = (found / VK_BLOCK_SIZE + 1) * VK_BLOCK_SIZE;
		if (offset >= job->save.source->size)
			break;
	}
	return TRUE;
}

/*
 * The stripes of a span are those from *RET_FIRST to *RET_END; *RET_NUMBER is when it was taken.
 * FALSE: there is none any more.
 */
static gboolean take_span(SaveJob *job, guint32 *ret_first, guint32 *ret_end, guint32 *ret_number)
{
	guint32 ahead = AHEAD_PER_WORKER * job->save.session->n_workers;
	gboolean taken = FALSE;

	g_mutex_lock(&job->mutex);
	while (!job->error && job->next < job->stripes && job->taken - job->written >= ahead)
		g_cond_wait(&job->changed, &job->mutex);
	if (!job->error && seek_change_locked(job, &job->error))
		taken = job->next < job->stripes && find_end_locked(job, ret_end, &job->error);
	if (!taken)
		g_cond_broadcast(&job->changed);
	if (taken) {
		*ret_first = job->next;
		*ret_number = job->taken++;
		job->next = *ret_end;
	}
	g_mutex_unlock(&job->mutex);
	return taken;
}

static gboolean write_extents(SaveJob *job, const GArray *extents, GError **error)
{
	for (guint i = 0; i < extents->len; i++)
		if (!vk_run_writer_add(job->run, &g_array_index(extents, VkExtent, i), error))
			return FALSE;
	return TRUE;
}

/* The extents of the next span in line, if they are ready. */
static GArray *steal_next_locked(SaveJob *job)
{
	gpointer extents = NULL;

	g_hash_table_steal_extended(job->ready, GUINT_TO_POINTER(job->written), NULL, &extents);
	return extents;
}

/* Takes EXTENTS over. */
static gboolean hand_over(SaveJob *job, guint32 number, GArray *extents, GError **error)
{
	gboolean ok = TRUE;

	g_mutex_lock(&job->mutex);
	g_hash_table_insert(job->ready, GUINT_TO_POINTER(number), extents);
	if (!job->writing) {
		job->writing = TRUE;
		while (ok && (extents = steal_next_locked(job))) {
			g_mutex_unlock(&job->mutex);
			ok = write_extents(job, extents, error);
			g_array_unref(extents);
			g_mutex_lock(&job->mutex);
			job->written++;
			g_cond_broadcast(&job->changed);
		}
		job->writing = FALSE;
	}
	g_mutex_unlock(&job->mutex);
	return ok;
}

static gpointer save_spans(gpointer data)
{
	SaveThread *self = data;
	SaveJob *job = self->job;
	GError *error = NULL;
	VkSource *source = job->save.source;
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, &error);
	guint32 stripe, end, number;

	if (!reader) {
		fail_job(job, error);
		return NULL;
	}
	while (take_span(job, &stripe, &end, &number)) {
		g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkExtent));
		guint32 first = stripe * STRIPE_BLOCKS;
		guint32 count = MIN((end - stripe) * STRIPE_BLOCKS, job->blocks - first);

		if (!vk_span_save(&job->save, self->worker, reader, first, count, extents,
				  &error) ||
		    !hand_over(job, number, g_steal_pointer(&extents), &error)) {
			fail_job(job, error);
			break;
		}
	}
	return NULL;
}

static void run_workers(SaveJob *job)
{
	VkSession *session = job->save.session;
	guint n = MIN(session->n_workers, job->stripes);
	g_autofree SaveThread *threads = g_new0(SaveThread, MAX(n, 1));

	for (guint i = 0; i < n; i++)
		threads[i] = (SaveThread){.job = job, .worker = &session->workers[i]};
	for (guint i = 1; i < n; i++)
		threads[i].thread = g_thread_new("worker", save_spans, &threads[i]);
	if (n > 0)
		save_spans(&threads[0]);
	for (guint i = 1; i < n; i++)
		g_thread_join(threads[i].thread);
}

/* Sums up what the workers counted for this image, and starts them at zero again. */
static gint64 collect_stats(VkSession *session, VkSaveStats *stats)
{
	gint64 allocated = 0;

	for (guint i = 0; i < session->n_workers; i++) {
		VkWorker *worker = &session->workers[i];

		stats->read += worker->stats.read;
		stats->fresh += worker->stats.fresh;
		stats->stored += worker->stats.stored;
		allocated += worker->allocated;
		worker->stats = (VkSaveStats){0};
		worker->allocated = 0;
	}
	return allocated;
}

static void bound_allocated(VkImageRecord *record, const VkRun *whole)
{
	if (whole->data_blocks <= VK_IMAGE_SIZE_MAX / VK_BLOCK_SIZE)
		record->allocated = MIN(record->allocated, whole->data_blocks * VK_BLOCK_SIZE);
}

static VkImageRecord *make_record(SaveJob *job, const VkImageRecord *parent, gint64 allocated,
				  GError **error)
{
	VkSession *session = job->save.session;
	g_autoptr(VkImageRecord) record = vk_image_record_new(job->save.source->size);
	g_autoptr(VkRun) run = vk_run_writer_finish(job->run, error);
	gboolean unreadable = FALSE;

	if (!run)
		return NULL;
	if (run->extents > 0)
		g_ptr_array_add(record->runs, g_steal_pointer(&run));
	if (job->save.inherit) {
		g_assert(parent);
		for (guint i = 0; i < parent->runs->len; i++)
			g_ptr_array_add(record->runs, vk_run_copy(parent->runs->pdata[i]));
		allocated += (gint64)parent->allocated;
	}
	record->allocated = MIN((guint64)MAX(allocated, 0), record->size);
	record->epoch = session->epoch;
	if (!vk_runs_merge(record->runs, job->blocks, session->vault->blocks,
			   vk_session_store_segment, session, &unreadable, error)) {
		atomic_store(&job->save.parent_damaged, unreadable);
		return NULL;
	}
	/* An incremental save does not know what the changes replaced. A whole map shows it. */
	if (record->runs->len == 1)
		bound_allocated(record, record->runs->pdata[0]);
	return g_steal_pointer(&record);
}

static void job_clear(SaveJob *job)
{
	vk_source_reader_free(job->scout);
	g_clear_pointer(&job->run, vk_run_writer_free);
	g_clear_pointer(&job->save.parent, vk_map_free);
	g_clear_pointer(&job->ready, g_hash_table_unref);
	g_clear_error(&job->error);
	g_mutex_clear(&job->mutex);
	g_cond_clear(&job->changed);
}

static gboolean is_all_changed(SaveJob *job, guint32 first, guint32 count, gboolean *ret,
			       GError **error)
{
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	guint64 start = (guint64)first * VK_BLOCK_SIZE;
	guint64 end = MIN(start + (guint64)count * VK_BLOCK_SIZE, job->save.source->size);

	if (!job->scout->ops->map(job->scout, start, end - start, extents, error))
		return FALSE;
	*ret = TRUE;
	for (guint i = 0; i < extents->len; i++)
		*ret = *ret && g_array_index(extents, VkSourceExtent, i).kind != VK_SOURCE_SAME;
	return TRUE;
}

/*
 * When a disk is made smaller, QEMU forgets the changes after its new end. When the disk is made
 * larger again, QEMU takes the blocks there for unchanged, though all are zeros now: the parent's
 * old bytes would show. The source cannot see that; the parent's map does. So this part of the map
 * is read even though the changes are known: the part over the zeros at the disk's end. That is
 * mostly one page of each run, and none if the end is data, however large the map is.
 */
static gboolean check_tail(SaveJob *job, const VkImageRecord *parent, gboolean *ret_was_cut,
			   GError **error)
{
	g_autoptr(VkMap) map = NULL;
	gboolean present, changed = TRUE;
	guint64 tail = 0;
	VkExtent extent;

	if (!job->scout->ops->find_tail)
		return TRUE;
	if (!job->scout->ops->find_tail(job->scout, &tail, error))
		return FALSE;
	g_assert(parent); /* a source that knows its changes has one */
	map = vk_map_new(job->save.session->vault->blocks, parent->runs, job->blocks);
	for (guint32 block = vk_blocks_of_size(tail); block < job->blocks; block += extent.count) {
		if (!vk_map_lookup(map, block, &extent, &present, error)) {
			atomic_store(&job->save.parent_damaged, TRUE);
			return FALSE;
		}
		if (extent.kind == VK_EXTENT_DATA &&
		    !is_all_changed(job, block, extent.count, &changed, error))
			return FALSE;
		if (!changed) {
			*ret_was_cut = TRUE;
			return vk_fail(error, VK_ERROR_FAILED,
				       "it was made smaller and larger again");
		}
	}
	return TRUE;
}

static VkImageRecord *save_image(VkSession *session, VkSource *source, const VkStoredCalls *stored,
				 const VkImageRecord *parent, VkSaveStats *stats,
				 VkProgress *progress, GError **error)
{
	VkImageRecord *record = NULL;
	SaveJob job = {
		.save = {.session = session,
			 .source = source,
			 .stored = stored,
			 .image = session->images++,
			 .progress = progress},
		.blocks = vk_blocks_of_size(source->size),
	};
	guint64 epoch = session->epoch;
	gint64 allocated;

	if (source->knows_changes) {
		job.save.incremental = job.save.inherit = TRUE;
	} else if (parent) {
		job.save.parent_blocks = vk_blocks_of_size(parent->size);
		job.save.parent =
			vk_map_new(session->vault->blocks, parent->runs, job.save.parent_blocks);
		/* A resized disk gets a map of its own: nothing behind an old end can come back. */
		job.save.inherit = parent->size == source->size;
	}
	job.stripes = job.blocks / STRIPE_BLOCKS + (job.blocks % STRIPE_BLOCKS != 0);
	job.run = vk_run_writer_new(vk_session_store_segment, session);
	job.ready = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
	g_mutex_init(&job.mutex);
	g_cond_init(&job.changed);

	if (source->knows_changes)
		job.scout = source->ops->open_reader(source, &job.error);
	if (!job.scout || check_tail(&job, parent, &stats->was_cut, &job.error))
		run_workers(&job);
	allocated = collect_stats(session, stats);
	if (!job.error)
		record = make_record(&job, parent, allocated, &job.error);
	stats->parent_damaged = job.save.parent_damaged;
	if (record && record->epoch != epoch) {
		g_clear_pointer(&record, vk_image_record_free);
		vk_fail(&job.error, VK_ERROR_FAILED, "a pack was lost while the image was saved");
	}
	if (job.error) {
		vk_session_settle(session);
		g_propagate_error(error, g_steal_pointer(&job.error));
	}
	job_clear(&job);
	return record;
}

VkImageRecord *vk_session_save(VkSession *session, VkSource *source, const VkImageRecord *parent,
			       VkSaveStats *stats, VkProgress *progress, GError **error)
{
	return vk_session_save_stored(session, source, NULL, parent, stats, progress, error);
}

VkImageRecord *vk_session_save_stored(VkSession *session, VkSource *source,
				      const VkStoredCalls *calls, const VkImageRecord *parent,
				      VkSaveStats *stats, VkProgress *progress, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GError) fence = NULL;
	VkImageRecord *record;
	VkCount *count;

	g_assert(!calls || !parent || source->knows_changes);
	if (source->size > VK_IMAGE_SIZE_MAX) {
		vk_fail(error, VK_ERROR_FAILED,
			"a disk of %" G_GUINT64_FORMAT
			" bytes is larger than the vault's format allows (256 TiB)",
			source->size);
		return NULL;
	}
	if (source->knows_changes && !(parent && parent->size == source->size)) {
		vk_fail(error, VK_ERROR_FAILED,
			"what changed is known, but not since which image of that size");
		return NULL;
	}
	if (!vk_session_ensure_lease(session, error))
		return NULL;
	count = vk_count_source(source, progress);
	record = save_image(session, source, calls, parent, stats, progress, &trouble);
	/* Whoever is fenced may not find the parent's map any more. */
	if (!record && stats->parent_damaged && !vk_session_check_fence(session, &fence)) {
		stats->parent_damaged = FALSE;
		g_clear_error(&trouble);
		trouble = g_steal_pointer(&fence);
	}
	if (!record && stats->parent_damaged && !source->knows_changes) {
		g_clear_error(&trouble);
		record = save_image(session, source, calls, NULL, stats, progress, &trouble);
		stats->parent_damaged = TRUE;
	}
	if (record) {
		vk_count_end(count);
		return record;
	}
	vk_count_cut(count, stats->read);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return NULL;
}
