/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "progress-priv.h"

#include "log.h"
#include "status-line.h"
#include "text.h"

#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TICK_USEC       (250 * G_TIME_SPAN_MILLISECOND)
#define DEFAULT_COLUMNS 80u

struct VkProgress {
	_Atomic guint64 total;
	_Atomic guint64 done;
	_Atomic int awaited;
	_Atomic gint64 started_usec;
	GThread *thread; /* NULL when nothing is drawn */
	GMutex mutex;
	GCond changed;
	gboolean stop; /* under the mutex, as is: */
	char *label;
};

/* "0:07", "2:03:04". */
static void append_time_left(GString *line, guint64 seconds)
{
	guint64 hours = seconds / 3600;
	unsigned minutes = (unsigned)(seconds / 60 % 60), rest = (unsigned)(seconds % 60);

	if (hours > 0)
		g_string_append_printf(line, ", %" G_GUINT64_FORMAT ":%02u:%02u left", hours,
				       minutes, rest);
	else
		g_string_append_printf(line, ", %u:%02u left", minutes, rest);
}

/* A line that wraps could not be removed again. The last column stays free for the cursor. */
static char *cut_to_width(char *text, guint columns)
{
	GString *cut = g_string_new(NULL);
	guint width = 0;

	for (char *at = text; *at; at = g_utf8_next_char(at)) {
		gunichar letter = g_utf8_get_char(at);

		if (!g_unichar_iszerowidth(letter))
			width += g_unichar_iswide(letter) ? 2 : 1;
		if (width >= columns)
			break;
		g_string_append_unichar(cut, letter);
	}
	return g_string_free(cut, FALSE);
}

char *vk_progress_text(const VkProgressState *state)
{
	g_autofree char *label = vk_printable(state->label);
	g_autofree char *done = g_format_size_full(state->done, G_FORMAT_SIZE_IEC_UNITS);
	g_autofree char *total = g_format_size_full(state->total, G_FORMAT_SIZE_IEC_UNITS);
	double rate = 0;
	g_autofree char *rate_text = NULL;
	g_autoptr(GString) line = g_string_new(NULL);

	/* Nothing is counted. */
	if (state->total == 0 && state->done == 0)
		return cut_to_width(label, state->columns);
	if (state->elapsed_usec > 0)
		rate = (double)state->done * G_USEC_PER_SEC / (double)state->elapsed_usec;
	rate_text = g_format_size_full((guint64)rate, G_FORMAT_SIZE_IEC_UNITS);
	g_string_append_printf(line, "%s: %s", label, done);
	if (state->is_counted && state->total > 0 && state->done <= state->total)
		g_string_append_printf(line, " of %s, %.0f %%", total,
				       100.0 * (double)state->done / (double)state->total);
	g_string_append_printf(line, ", %s/s", rate_text);
	if (state->is_counted && state->done <= state->total && rate > 0)
		append_time_left(line, (guint64)((double)(state->total - state->done) / rate));
	return cut_to_width(line->str, state->columns);
}

static guint terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return DEFAULT_COLUMNS;
	return size.ws_col;
}

void vk_progress_peek(VkProgress *progress, VkProgressState *ret)
{
	*ret = (VkProgressState){
		.label = progress->label,
		.done = atomic_load(&progress->done),
		.total = atomic_load(&progress->total),
		.is_counted = atomic_load(&progress->awaited) <= 0,
		.elapsed_usec = g_get_monotonic_time() - atomic_load(&progress->started_usec),
		.columns = terminal_columns(),
	};
}

/* The mutex is held, because it guards the label. */
static void draw_locked(VkProgress *progress)
{
	g_autofree char *line = NULL;
	VkProgressState state;

	vk_progress_peek(progress, &state);
	line = vk_progress_text(&state);
	vk_status_line_draw(line);
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
			draw_locked(progress);
	}
	g_mutex_unlock(&progress->mutex);
	return NULL;
}

VkProgress *vk_progress_new(const char *label, guint64 total)
{
	VkProgress *progress = g_new0(VkProgress, 1);

	progress->label = vk_printable(label);
	progress->total = total;
	atomic_store(&progress->started_usec, g_get_monotonic_time());
	g_mutex_init(&progress->mutex);
	g_cond_init(&progress->changed);
	if (!vk_log_is_quiet() && isatty(STDERR_FILENO))
		progress->thread = g_thread_new("progress", draw_until_stopped, progress);
	return progress;
}

void vk_progress_set_label(VkProgress *progress, const char *label)
{
	if (!progress)
		return;
	g_mutex_lock(&progress->mutex);
	g_free(progress->label);
	progress->label = g_strdup(label);
	g_mutex_unlock(&progress->mutex);
}

gboolean vk_progress_is_drawn(const VkProgress *progress)
{
	return progress && progress->thread;
}

void vk_progress_await(VkProgress *progress, int count)
{
	if (progress)
		atomic_fetch_add(&progress->awaited, count);
}

void vk_progress_expect(VkProgress *progress, guint64 bytes)
{
	if (progress && bytes > 0 && atomic_fetch_add(&progress->total, bytes) == 0)
		atomic_store(&progress->started_usec, g_get_monotonic_time());
}

void vk_progress_give_up(VkProgress *progress, guint64 bytes)
{
	if (progress)
		atomic_fetch_sub(&progress->total, bytes);
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
		vk_status_line_hide();
		vk_status_line_show();
	}
	g_mutex_clear(&progress->mutex);
	g_cond_clear(&progress->changed);
	g_free(progress->label);
	g_free(progress);
}
