/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attempt.h"

#include "errors.h"
#include "log.h"

static VkQuiesceOptions quiesce_options(const VkAttempt *attempt)
{
	const VkBackupOptions *options = attempt->context->options;

	return (VkQuiesceOptions){
		.mode = attempt->how->quiesce,
		.group = attempt->is_grouped,
		.suspend_too = vk_attempt_is_array(attempt),
		.timeout_sec = options->agent_timeout_sec,
		.budget_usec = options->budget_usec,
		.deadline = attempt->deadline,
		.mountpoints = attempt->how->mountpoints,
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
	if (attempt->how->has_freeze_hook && g_str_equal(consistency, "filesystem"))
		consistency = "application";
	vk_log_debug("guest '%s' was held for %" G_GUINT64_FORMAT
		     " us: the snapshot is %s-consistent",
		     name, vk_quiesce_pause_usec(quiesce), consistency);
	attempt->snapshot->consistency = g_strdup(consistency);
	attempt->snapshot->pause_usec = vk_quiesce_pause_usec(quiesce);
	return TRUE;
}

/* The guest must go on: when it does not, that is told before all else. */
static void tell_held(VkAttempt *attempt, GError *held)
{
	vk_log_error("%s", held->message);
	if (attempt->try->held)
		g_error_free(held);
	else
		attempt->try->held = held;
}

gboolean vk_attempt_hold(VkAttempt *attempt, VkAttemptPoint point, gpointer data, GError **error)
{
	const VkQuiesceOptions how = quiesce_options(attempt);
	g_autoptr(VkQuiesce) quiesce = vk_quiesce_begin(attempt->guest, &how, error);
	GError *held = NULL;
	gboolean taken;

	if (!quiesce)
		return FALSE;
	taken = point(attempt, quiesce, data, error);
	/* Who has no point in time keeps nobody waiting while it is released. */
	if (!taken)
		vk_attempt_leave_group(attempt);
	if (!vk_quiesce_end(quiesce, &held))
		tell_held(attempt, held);
	return taken && grade(attempt, quiesce, error);
}
