/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hold of one guest from its begin to its end, and the timer that bounds it. */
#include "quiesce.h"

#include "errors.h"
#include "polling.h"
#include "quiesce-priv.h"

gboolean vk_quiesce_mode_parse(const char *text, VkQuiesceMode *ret, GError **error)
{
	static const char *const names[] = {
		[VK_QUIESCE_AUTO] = "auto",
		[VK_QUIESCE_AGENT] = "agent",
		[VK_QUIESCE_SUSPEND] = "suspend",
		[VK_QUIESCE_NONE] = "none",
	};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_strcmp0(text, names[i]) == 0) {
			*ret = (VkQuiesceMode)i;
			return TRUE;
		}
	}
	return vk_fail(error, VK_ERROR_USAGE,
		       "'%s' is not a quiesce mode; use auto, agent, suspend or none", text);
}

static void note_over_budget(VkQuiesce *quiesce)
{
	guint64 budget = quiesce->options->budget_usec;
	g_autofree char *note = NULL;

	if (budget && quiesce->limit == quiesce->start + (gint64)budget)
		note = g_strdup_printf("the pause budget of %" G_GUINT64_FORMAT
				       " seconds was used up before its backup began",
				       budget / G_USEC_PER_SEC);
	else
		note = g_strdup("the operation_timeout was used up before its backup began");
	quiesce->over_budget = TRUE;
	vk_quiesce_set_note(quiesce, note);
}

/* The guest goes on at once, even while another thread is in the midst of beginning its backup. */
static gpointer run_timer(gpointer data)
{
	VkQuiesce *quiesce = data;
	gboolean in_time;

	g_mutex_lock(&quiesce->mutex);
	while (!quiesce->ending &&
	       g_cond_wait_until(&quiesce->changed, &quiesce->mutex, quiesce->limit))
		;
	in_time = quiesce->ending;
	if (!in_time && !quiesce->point_taken)
		note_over_budget(quiesce);
	g_mutex_unlock(&quiesce->mutex);
	if (!in_time)
		vk_quiesce_release(quiesce, &quiesce->late);
	return NULL;
}

VkQuiesce *vk_quiesce_begin(VkGuest *guest, const VkQuiesceOptions *options, GError **error)
{
	VkQuiesce *quiesce = g_new0(VkQuiesce, 1);
	GError *release_error = NULL;

	quiesce->guest = guest;
	quiesce->options = options;
	quiesce->timeout_sec = MAX(options->timeout_sec, 1);
	g_mutex_init(&quiesce->mutex);
	g_cond_init(&quiesce->changed);
	if (vk_quiesce_hold(quiesce, error)) {
		if (quiesce->held)
			quiesce->timer = g_thread_new("budget", run_timer, quiesce);
		return quiesce;
	}
	/* That it could not be brought back matters more than why it could not be held. */
	if (!vk_quiesce_end(quiesce, &release_error)) {
		g_clear_error(error);
		g_propagate_error(error, release_error);
	}
	vk_quiesce_free(quiesce);
	return NULL;
}

gint64 vk_quiesce_limit(const VkQuiesce *quiesce)
{
	return quiesce->timer ? quiesce->limit : G_MAXINT64;
}

gboolean vk_quiesce_over_budget(const VkQuiesce *quiesce)
{
	return quiesce->over_budget;
}

void vk_quiesce_point_taken(VkQuiesce *quiesce)
{
	g_mutex_lock(&quiesce->mutex);
	/* If this process was halted, the guard was quicker than the timer. */
	if (quiesce->timer && !quiesce->over_budget && vk_deadline_passed(quiesce->limit))
		note_over_budget(quiesce);
	quiesce->point_taken = TRUE;
	g_mutex_unlock(&quiesce->mutex);
}

static void stop_timer(VkQuiesce *quiesce)
{
	if (!quiesce->timer)
		return;
	g_mutex_lock(&quiesce->mutex);
	quiesce->ending = TRUE;
	g_cond_signal(&quiesce->changed);
	g_mutex_unlock(&quiesce->mutex);
	g_thread_join(g_steal_pointer(&quiesce->timer));
}

gboolean vk_quiesce_end(VkQuiesce *quiesce, GError **error)
{
	stop_timer(quiesce);
	if (quiesce->late) {
		g_propagate_error(error, g_steal_pointer(&quiesce->late));
		return FALSE;
	}
	return !quiesce->held || vk_quiesce_release(quiesce, error);
}

const char *vk_quiesce_consistency(const VkQuiesce *quiesce)
{
	return quiesce->filesystem && !quiesce->over_budget ? "filesystem" : "crash";
}

guint64 vk_quiesce_pause_usec(const VkQuiesce *quiesce)
{
	return quiesce->pause_usec;
}

const char *vk_quiesce_note(const VkQuiesce *quiesce)
{
	return quiesce->note;
}

void vk_quiesce_free(VkQuiesce *quiesce)
{
	if (!quiesce)
		return;
	vk_quiesce_end(quiesce, NULL);
	g_clear_error(&quiesce->late);
	g_mutex_clear(&quiesce->mutex);
	g_cond_clear(&quiesce->changed);
	g_free(quiesce->note);
	g_free(quiesce);
}
