/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "progress-priv.h"

#include "event.h"
#include "json.h"
#include "log.h"
#include "status-line.h"
#include "text.h"

#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TICK_USEC (250 * G_TIME_SPAN_MILLISECOND)
/* Programs get an event once a second. */
#define TICKS_OF_EVENT  4u
#define DEFAULT_COLUMNS 80u

struct VkProgress {
	_Atomic guint64 total;
	_Atomic guint64 done;
	_Atomic int awaited;
	_Atomic gint64 started_usec;
	gboolean has_terminal;
	GThread *thread; /* NULL when nobody watches */
	GMutex mutex;
	GCond changed;
	gboolean stop; /* under the mutex, as is: */
	char *label;
	guint guests_done, guests;
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
		.guests_done = progress->guests_done,
		.guests = progress->guests,
		.elapsed_usec = g_get_monotonic_time() - atomic_load(&progress->started_usec),
		.columns = terminal_columns(),
	};
}

json_t *vk_progress_to_json(const VkProgressState *state)
{
	json_t *object = json_pack("{s:o, s:o}", "label", vk_json_new_string(state->label), "done",
				   vk_json_new_uint(state->done));
	guint64 elapsed_msec = (guint64)MAX(state->elapsed_usec / 1000, 1);
	guint64 rate = (guint64)((double)state->done * 1000 / (double)elapsed_msec);
	gboolean is_known = state->is_counted && state->total > 0 && state->done <= state->total;

	if (is_known)
		json_object_set_new(object, "total", vk_json_new_uint(state->total));
	json_object_set_new(object, "rate", vk_json_new_uint(rate));
	if (is_known && rate > 0)
		json_object_set_new(object, "left_s",
				    vk_json_new_uint((state->total - state->done) / rate));
	if (state->guests > 0) {
		json_object_set_new(object, "guests_done", json_integer(state->guests_done));
		json_object_set_new(object, "guests", json_integer(state->guests));
	}
	return object;
}

/* The mutex is held, because it guards the label. */
static void draw_locked(VkProgress *progress)
{
	g_autofree char *line = NULL;
	VkProgressState state;

	if (!progress->has_terminal)
		return;
	vk_progress_peek(progress, &state);
	line = vk_progress_text(&state);
	vk_status_line_draw(line);
}

/* Likewise. */
static void tell_locked(VkProgress *progress)
{
	g_autoptr(json_t) details = NULL;
	VkProgressState state;

	if (!vk_event_has_lines())
		return;
	vk_progress_peek(progress, &state);
	details = vk_progress_to_json(&state);
	vk_event_tell(&(VkEvent){.kind = VK_EVENT_PROGRESS, .details = details});
}

static gpointer show_until_stopped(gpointer data)
{
	VkProgress *progress = data;
	guint tick = 0;

	g_mutex_lock(&progress->mutex);
	while (!progress->stop) {
		gint64 until = g_get_monotonic_time() + TICK_USEC;

		while (!progress->stop &&
		       g_cond_wait_until(&progress->changed, &progress->mutex, until))
			;
		if (progress->stop)
			break;
		draw_locked(progress);
		if (++tick % TICKS_OF_EVENT == 0)
			tell_locked(progress);
	}
	/* Programs see where it came to, however short it was. */
	tell_locked(progress);
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
	progress->has_terminal = isatty(STDERR_FILENO);
	if (!vk_log_is_quiet() && (progress->has_terminal || vk_event_has_lines()))
		progress->thread = g_thread_new("progress", show_until_stopped, progress);
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

void vk_progress_set_guests(VkProgress *progress, guint done, guint guests)
{
	if (!progress)
		return;
	g_mutex_lock(&progress->mutex);
	progress->guests_done = done;
	progress->guests = guests;
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
