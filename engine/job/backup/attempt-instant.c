/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The choreography around a guest's point in time: hooks, ready, hold, act, leave, hooks.
 * Everything slow is done before the guest is held, and after it goes on.
 */
#include "attempt-priv.h"

#include "errors.h"
#include "log.h"

static VkQuiesceOptions quiesce_options(const VkAttempt *attempt)
{
	const VkBackupOptions *options = attempt->context->options;

	return (VkQuiesceOptions){
		.mode = attempt->guest_options->quiesce,
		.group = attempt->is_grouped,
		.suspend_too = vk_attempt_is_array(attempt),
		.timeout_sec = options->agent_timeout_sec,
		.budget_usec = options->budget_usec,
		.deadline = attempt->deadline,
		.mountpoints = attempt->guest_options->mountpoints,
		.lock = attempt->lock,
		.guard = attempt->context->guard,
	};
}

/* What the quiesce came to: a warning, or the guest's failure when it is to be strict. */
static gboolean grade(VkAttempt *attempt, const VkQuiesce *quiesce, GError **error)
{
	const char *consistency = vk_quiesce_consistency(quiesce);
	const char *note = vk_quiesce_note(quiesce);
	const char *name = vk_guest_name(attempt->guest);

	/* Files of a guest that went on do not fit each other. */
	if (vk_attempt_is_array(attempt) && vk_quiesce_over_budget(quiesce))
		return vk_fail(error, VK_ERROR_FAILED,
			       "guest '%s' had to go on before the storage had taken its snapshot: "
			       "%s; raise --pause-budget",
			       name, note);
	if (note && attempt->context->options->strict)
		return vk_fail(error, VK_ERROR_FAILED,
			       "guest '%s': the snapshot would be %s-consistent only, and --strict "
			       "was asked for: %s",
			       name, consistency, note);
	if (note)
		vk_log_warning("guest '%s': the snapshot is %s-consistent only: %s", name,
			       consistency, note);
	if (attempt->guest_options->has_freeze_hook && g_str_equal(consistency, "filesystem"))
		consistency = "application";
	vk_log_debug("guest '%s' was held for %" G_GUINT64_FORMAT
		     " us: the snapshot is %s-consistent",
		     name, vk_quiesce_pause_usec(quiesce), consistency);
	attempt->snapshot->consistency = g_strdup(consistency);
	attempt->snapshot->pause_usec = vk_quiesce_pause_usec(quiesce);
	return TRUE;
}

/* QUIESCE is NULL for a guest that is off. */
static gboolean reach_point(VkAttempt *attempt, const VkAttemptSteps *steps, VkQuiesce *quiesce,
			    gpointer data, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_attempt_meet(attempt, VK_GROUP_HELD, error))
		return FALSE;
	vk_attempt_set_instant(attempt);
	if (!steps->act(attempt, quiesce, data, error))
		return FALSE;
	if (!attempt->is_grouped)
		return TRUE;
	vk_group_note_point(attempt->try->group);
	/* A guest that is late takes nothing from the snapshots of the others. */
	if (!vk_attempt_meet(attempt, VK_GROUP_BEGUN, &trouble))
		vk_log_warning("guest '%s': it went on before the last point in time of its "
			       "group: %s",
			       vk_guest_name(attempt->guest), trouble->message);
	return TRUE;
}

/* The guest must go on. When it does not, its user hears of that before anything else. */
static void note_release_error(VkAttempt *attempt, GError *release_error)
{
	vk_log_error("%s", release_error->message);
	if (attempt->try->release_error)
		g_error_free(release_error);
	else
		attempt->try->release_error = release_error;
}

/* Holds the running guest for its point in time, and grades the snapshot. */
static gboolean hold(VkAttempt *attempt, const VkAttemptSteps *steps, gpointer data, GError **error)
{
	const VkQuiesceOptions options = quiesce_options(attempt);
	g_autoptr(VkQuiesce) quiesce = vk_quiesce_begin(attempt->guest, &options, error);
	GError *release_error = NULL;
	gboolean taken;

	if (!quiesce)
		return FALSE;
	if (steps->bound)
		steps->bound(attempt, vk_quiesce_limit(quiesce));
	taken = reach_point(attempt, steps, quiesce, data, error);
	/* The group does not wait for the release of a guest that has no point in time. */
	if (!taken)
		vk_attempt_leave_group(attempt);
	if (!vk_quiesce_end(quiesce, &release_error))
		note_release_error(attempt, release_error);
	return taken && grade(attempt, quiesce, error);
}

static gboolean take_point(VkAttempt *attempt, const VkAttemptSteps *steps, gpointer data,
			   GError **error)
{
	gboolean is_live = attempt->facts->live_xml != NULL;

	return vk_attempt_meet(attempt, VK_GROUP_READY, error) &&
	       (is_live ? hold(attempt, steps, data, error)
			: reach_point(attempt, steps, NULL, data, error)) &&
	       (!steps->check || steps->check(attempt, error));
}

gboolean vk_attempt_take_instant(VkAttempt *attempt, const VkAttemptSteps *steps, gpointer data,
				 GError **error)
{
	g_autoptr(GError) hook_trouble = NULL;
	gboolean hooked, taken;

	vk_attempt_give_way(attempt);
	hooked = (!steps->prepare || steps->prepare(attempt, error)) &&
		 vk_guard_await(attempt->context->guard, attempt->guest, error) &&
		 vk_attempt_run_hooks(attempt, VK_HOOK_PRE_FREEZE, NULL, error);
	taken = hooked && take_point(attempt, steps, data, error);
	vk_attempt_leave_group(attempt);
	if (hooked && !vk_attempt_run_hooks(attempt, VK_HOOK_POST_THAW, NULL, &hook_trouble))
		vk_log_warning("%s", hook_trouble->message);
	taken = taken && (!steps->settle || steps->settle(attempt, error));
	/*
	 * Only a guest that goes on to read needs a slot: a failure is reported and cleaned up at
	 * once.
	 */
	if (taken)
		vk_attempt_enter_semaphore(attempt);
	return taken;
}

gboolean vk_attempt_pass_instant(VkAttempt *attempt, GError **error)
{
	gboolean met;

	vk_attempt_give_way(attempt);
	met = vk_attempt_meet(attempt, VK_GROUP_READY, error) &&
	      vk_attempt_meet(attempt, VK_GROUP_HELD, error) &&
	      vk_attempt_meet(attempt, VK_GROUP_BEGUN, error);
	if (met)
		vk_attempt_set_instant(attempt);
	vk_attempt_leave_group(attempt);
	if (met)
		vk_attempt_enter_semaphore(attempt);
	return met;
}
