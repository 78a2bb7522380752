/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way into a hold: the agent freezes the guest, or libvirt suspends it. */
#include "quiesce-priv.h"

#include "agent-mountpoints.h"
#include "errors.h"
#include "guest-agent.h"

/* From now on the guest counts as held: lock and guard know it before it is so, and not earlier. */
static gboolean start_hold(VkQuiesce *quiesce, VkHold more, GError **error)
{
	const VkQuiesceOptions *options = quiesce->options;

	if (!quiesce->held) {
		/* The guest's pause is none of what the guard still has to do for other guests. */
		if (options->guard && !vk_guard_await(options->guard, quiesce->guest, error))
			return FALSE;
		quiesce->start = g_get_monotonic_time();
		quiesce->limit = options->deadline;
		if (options->budget_usec)
			quiesce->limit =
				MIN(quiesce->limit, quiesce->start + (gint64)options->budget_usec);
	}
	if (!vk_quiesce_tell_hold(quiesce, quiesce->held | more, error)) {
		vk_quiesce_tell_hold(quiesce, quiesce->held, NULL);
		return FALSE;
	}
	quiesce->held |= more;
	return TRUE;
}

static void note_not_running(VkQuiesce *quiesce)
{
	g_autofree char *note = g_strdup_printf("%s: nothing in it could be frozen",
						vk_guest_why_still(quiesce->guest));

	vk_quiesce_set_note(quiesce, note);
}

static gboolean suspend(VkQuiesce *quiesce, GError **error)
{
	VkGuestState state = VK_GUEST_OTHER;

	if (!vk_guest_get_state(quiesce->guest, &state, error))
		return FALSE;
	/* Its owner was quicker: it must not be us who resumes it. */
	if (state != VK_GUEST_RUNNING) {
		note_not_running(quiesce);
		return TRUE;
	}
	return vk_guest_check_stays(quiesce->guest, error) &&
	       start_hold(quiesce, VK_HOLD_SUSPENDED, error) &&
	       vk_guest_suspend(quiesce->guest, error);
}

/* An agent that needs more than the budget for one call is of no use. */
static guint call_timeout(const VkQuiesce *quiesce)
{
	guint64 budget = quiesce->options->budget_usec / G_USEC_PER_SEC;

	return budget ? (guint)MIN(budget, quiesce->timeout_sec) : quiesce->timeout_sec;
}

static gboolean freeze(VkQuiesce *quiesce, GError **error)
{
	const VkQuiesceOptions *options = quiesce->options;
	gboolean frozen_already = FALSE;
	g_autofree char *missing = NULL;

	if (!vk_agent_check(quiesce->guest, error) ||
	    !vk_agent_probe(quiesce->guest, call_timeout(quiesce), &frozen_already, error))
		return FALSE;
	if (frozen_already)
		vk_fail(error, VK_ERROR_FAILED,
			"another program has frozen its file systems; they stay frozen");
	if (frozen_already ||
	    !vk_mountpoints_check(quiesce->guest, options->mountpoints,
				  options->mode == VK_QUIESCE_AGENT, &missing, error) ||
	    !start_hold(quiesce, VK_HOLD_FROZEN, error)) {
		vk_agent_done(quiesce->guest);
		return FALSE;
	}
	quiesce->frozen = vk_agent_freeze(quiesce->guest, options->mountpoints, error);
	if (quiesce->frozen < 0)
		return FALSE;
	quiesce->is_frozen = TRUE;
	quiesce->filesystem = quiesce->frozen > 0;
	if (quiesce->frozen == 0)
		vk_quiesce_set_note(quiesce, "the guest agent found no file system to freeze");
	else if (missing)
		vk_quiesce_set_note(quiesce, missing);
	return TRUE;
}

/* Without the agent: for one instant of a group the guest is suspended, else it runs on. */
static gboolean freeze_or_fall_back(VkQuiesce *quiesce, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GError) release_error = NULL;

	if (freeze(quiesce, &cause))
		return TRUE;
	if (quiesce->held && !vk_quiesce_release(quiesce, &release_error)) {
		g_propagate_error(error, g_steal_pointer(&release_error));
		return FALSE;
	}
	quiesce->filesystem = FALSE;
	if (quiesce->options->mode == VK_QUIESCE_AGENT || cause->code == VK_ERROR_CHANGED)
		return vk_fail(error, (VkErrorCode)cause->code, "cannot freeze guest '%s': %s",
			       vk_guest_name(quiesce->guest), cause->message);
	vk_quiesce_set_note(quiesce, cause->message);
	return !quiesce->options->group || quiesce->options->suspend_too || suspend(quiesce, error);
}

gboolean vk_quiesce_hold(VkQuiesce *quiesce, GError **error)
{
	VkGuestState state = VK_GUEST_OTHER;

	if (!vk_guest_get_state(quiesce->guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_OFF)
		return vk_fail(error, VK_ERROR_CHANGED,
			       "guest '%s' was shut off, or has left this host; try again",
			       vk_guest_name(quiesce->guest));
	if (state != VK_GUEST_RUNNING) {
		note_not_running(quiesce);
		return TRUE;
	}
	if (quiesce->options->mode == VK_QUIESCE_NONE)
		return TRUE;
	if (quiesce->options->mode == VK_QUIESCE_SUSPEND)
		return suspend(quiesce, error);
	/* It must not leave while it is frozen; so it is asked when that has begun. */
	return freeze_or_fall_back(quiesce, error) && vk_guest_check_stays(quiesce->guest, error) &&
	       (!quiesce->options->suspend_too || suspend(quiesce, error));
}
