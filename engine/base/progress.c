/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "progress.h"

#include "log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define TICK_USEC (250 * G_TIME_SPAN_MILLISECOND)

struct VkProgress {
	char *label;
	_Atomic guint64 total;
	_Atomic guint64 done;
	_Atomic gint64 started_usec;
	GThread *thread; /* NULL when nothing is drawn */
	GMutex mutex;
	GCond changed;
	gboolean stop; /* under the mutex */
};

static GMutex draw_mutex;
static gboolean drawn; /* under draw_mutex */

void vk_progress_hide(void)
{
	g_mutex_lock(&draw_mutex);
	if (drawn)
		fputs("\r\033[K", stderr);
	drawn = FALSE;
	g_mutex_unlock(&draw_mutex);
}

static void draw(VkProgress *progress)
{
	guint64 done = atomic_load(&progress->done), total = atomic_load(&progress->total);
	double seconds = (double)(g_get_monotonic_time() - atomic_load(&progress->started_usec)) /
			 G_USEC_PER_SEC;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	g_autofree char *done_text = g_format_size_full(done, G_FORMAT_SIZE_IEC_UNITS);
	g_autofree char *rate_text = g_format_size_full((guint64)rate, G_FORMAT_SIZE_IEC_UNITS);
	g_autoptr(GString) line = g_string_new(NULL);

	g_string_append_printf(line, "%s: %s, %s/s", progress->label, done_text, rate_text);
	if (total > 0 && done <= total && rate > 0) {
		guint64 left = (guint64)((double)(total - done) / rate);

		g_string_append_printf(line, ", %3.0f %%, %" G_GUINT64_FORMAT ":%02u left",
				       100.0 * (double)done / (double)total, left / 60,
				       (unsigned)(left % 60));
	}
	g_mutex_lock(&draw_mutex);
	fprintf(stderr, "\r%s\033[K", line->str);
	fflush(stderr);
	drawn = TRUE;
	g_mutex_unlock(&draw_mutex);
}

static gpointer draw_until_stopped(gpointer data)
{
	VkProgress *progress = data;

	g_mutex_lock(&progress->mutex);
	while (!progress->stop) {
		gint64 until = g_get_monotonic_time() + TICK_USEC;

		while (!progress->stop &&
		       g_cond_wait_until(&progress->changed, &progress->mutex, until))
			;
		if (!progress->stop)
			draw(progress);
	}
	g_mutex_unlock(&progress->mutex);
	return NULL;
}

VkProgress *vk_progress_new(const char *label, guint64 total)
{
	VkProgress *progress = g_new0(VkProgress, 1);

	progress->label = g_strdup(label);
	progress->total = total;
	atomic_store(&progress->started_usec, g_get_monotonic_time());
	g_mutex_init(&progress->mutex);
	g_cond_init(&progress->changed);
	if (!vk_log_is_quiet() && isatty(STDERR_FILENO))
		progress->thread = g_thread_new("progress", draw_until_stopped, progress);
	return progress;
}

void vk_progress_expect(VkProgress *progress, guint64 bytes)
{
	if (progress && bytes > 0 && atomic_fetch_add(&progress->total, bytes) == 0)
		atomic_store(&progress->started_usec, g_get_monotonic_time());
}

void vk_progress_add(VkProgress *progress, guint64 bytes)
{
	if (progress)
		atomic_fetch_add_explicit(&progress->done, bytes, memory_order_relaxed);
}

void vk_progress_free(VkProgress *progress)
{
	if (!progress)
		return;
	if (progress->thread) {
		g_mutex_lock(&progress->mutex);
		progress->stop = TRUE;
		g_cond_signal(&progress->changed);
		g_mutex_unlock(&progress->mutex);
		g_thread_join(progress->thread);
		vk_progress_hide();
	}
	g_mutex_clear(&progress->mutex);
	g_cond_clear(&progress->changed);
	g_free(progress->label);
	g_free(progress);
}
