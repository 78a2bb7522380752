/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-guest.h"

#include "attempt-priv.h"
#include "errors.h"
#include "expire.h"
#include "log.h"
#include "interrupt.h"
#include "replication.h"

#define STATE_SETTLES_USEC (2 * G_TIME_SPAN_SECOND)

static VkSnapshot *new_snapshot(const VkAttempt *attempt)
{
	const VkGuestFacts *facts = attempt->facts;
	VkSnapshot *snapshot = vk_snapshot_new();

	snapshot->uuid = g_strdup(vk_guest_uuid(attempt->guest));
	/* As the definition has it, which is saved with it: a guest may be renamed meanwhile. */
	snapshot->name = g_strdup(attempt->domain->name);
	snapshot->host = g_strdup(vk_host_name(attempt->try->host));
	snapshot->group = attempt->try->group ? g_strdup(vk_group_id(attempt->try->group)) : NULL;
	snapshot->label = g_strdup(attempt->context->options->label);
	snapshot->tool = g_strdup("virtkeep " VK_VERSION);
	snapshot->state = g_strdup(vk_guest_state_name(facts->state));
	snapshot->incomplete = attempt->domain->foreign->len > 0;
	snapshot->persistent = facts->persistent;
	snapshot->autostart = facts->autostart;
	snapshot->domain_xml = g_strdup(facts->domain_xml);
	snapshot->live_xml = g_strdup(facts->live_xml);
	for (guint i = 0; i < attempt->plan->skipped->len; i++) {
		const VkSkipRecord *skip = g_ptr_array_index(attempt->plan->skipped, i);

		vk_log_debug("guest '%s': '%s' is not saved: %s", snapshot->name, skip->target,
			     skip->reason);

		g_ptr_array_add(snapshot->skipped, vk_skip_record_new(skip->target, skip->reason));
	}
	return snapshot;
}

/* From here on it is known how many images will be read, in the place of one guest. */
static void await_disks(const VkAttempt *attempt)
{
	VkBackupTry *try = attempt->try;
	guint count = attempt->guest_options->mode == VK_MODE_ARRAY ? 0 : attempt->plan->disks->len;

	vk_progress_await(attempt->context->progress, (int)count - (int)try->awaited);
	try->awaited = count;
}

/*
 * How long it takes to know the vault's blocks, the guest's job should not have to wait: its
 * scratch files grow meanwhile. An array's snapshots are read later, and changes alone may be none.
 */
static gboolean open_finders(VkAttempt *attempt, GError **error)
{
	return vk_attempt_is_array(attempt) || !vk_backup_plan_has_whole(attempt->plan) ||
	       vk_session_open_finders(attempt->session, error);
}

static gboolean begin_snapshot(VkAttempt *attempt, GError **error)
{
	attempt->snapshot = new_snapshot(attempt);
	attempt->session =
		vk_session_new(attempt->context->vault, attempt->context->workers, error);
	if (!attempt->session || !vk_session_check_parent(attempt->session, attempt->last, error))
		return FALSE;
	vk_session_set_limit(attempt->session, attempt->context->limit);
	await_disks(attempt);
	return open_finders(attempt, error);
}

/* All of a group are waited for, whatever their mode: they may share a set. */
static gboolean meet_planned(VkAttempt *attempt, GError **error)
{
	gboolean met;

	if (!attempt->is_grouped)
		return TRUE;
	vk_attempt_leave_semaphore(attempt);
	met = vk_attempt_meet(attempt, VK_GROUP_PLANNED, error);
	vk_attempt_enter_semaphore(attempt);
	return met;
}

static gboolean take(VkAttempt *attempt, GError **error)
{
	if ((vk_attempt_is_array(attempt) && !vk_attempt_join_set(attempt, error)) ||
	    !meet_planned(attempt, error))
		return FALSE;
	if (attempt->facts->live_xml && attempt->plan->disks->len == 0)
		return vk_attempt_take_diskless(attempt, error);
	if (vk_attempt_is_array(attempt))
		return vk_attempt_take_array(attempt, error);
	if (!attempt->facts->live_xml)
		return vk_attempt_take_offline(attempt, error);
	return vk_attempt_take_live(attempt, error);
}

static gboolean release_left(const VkAttempt *attempt, GError **error)
{
	VkHold left = vk_guest_lock_left(attempt->lock);
	g_autoptr(GError) trouble = NULL;

	if (left == VK_HOLD_NONE)
		return TRUE;
	vk_log_warning("guest '%s': an earlier backup did not end well and may have left it %s; "
		       "releasing it",
		       vk_guest_name(attempt->guest), vk_hold_words(left));
	if (vk_quiesce_recover(attempt->guest, left, attempt->context->options->agent_timeout_sec,
			       &trouble)) {
		if (!vk_quiesce_check_here(attempt->guest, left, &trouble))
			vk_log_warning("%s", trouble->message);
		return vk_guest_lock_set_hold(attempt->lock, VK_HOLD_NONE, error);
	}
	/* The note stays: the next backup that finds the guest running needs it. */
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY)) {
		vk_log_warning("%s", trouble->message);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

/* What a killed backup left: a guest that is held, a job, its files. */
static gboolean recover(const VkAttempt *attempt, GError **error)
{
	const VkBackupOptions *options = attempt->context->options;
	const VkBackupJobPaths paths = {.scratch_dir = options->scratch_dir,
					.run_dir = options->run_dir};

	return release_left(attempt, error) && vk_backup_job_recover(attempt->guest, &paths, error);
}

static gboolean commit(VkAttempt *attempt, GError **error)
{
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (attempt->try->group)
		attempt->snapshot->skew_usec = vk_group_skew_usec(attempt->try->group);
	attempt->snapshot->duration_usec = (guint64)(g_get_monotonic_time() - attempt->began);
	if (vk_session_commit(attempt->session, attempt->snapshot, error)) {
		vk_log_debug("guest '%s': the snapshot %s is listed", attempt->snapshot->name,
			     attempt->snapshot->time);
		vk_attempt_warn_decrypted(attempt);
		return TRUE;
	}
	g_prefix_error(error, "guest '%s': ", vk_guest_name(attempt->guest));
	return FALSE;
}

/* Of the vault's checkpoints in the guest only that of its newest snapshot stays. */
static void drop_old_checkpoints(VkAttempt *attempt, const VkSnapshot *newest)
{
	const char *keep = newest ? newest->checkpoint : NULL;
	g_autoptr(GError) trouble = NULL;
	guint left = 0;

	if (vk_attempt_is_array(attempt))
		return;
	/* While the guest leaves, libvirt would only let us wait. */
	if (!vk_guest_check_stays(attempt->guest, &trouble) ||
	    !vk_checkpoint_drop_others(attempt->guest, vk_vault_id(attempt->context->vault), keep,
				       &left, &trouble))
		vk_log_warning("guest '%s': old checkpoints stay until the next backup: %s",
			       vk_guest_name(attempt->guest), trouble->message);
	else if (keep)
		vk_log_debug("guest '%s': changes are noted from the checkpoint '%s' on",
			     vk_guest_name(attempt->guest), keep);
	if (left > 0)
		vk_log_debug("guest '%s': %u broken bitmaps stay until it is off",
			     vk_guest_name(attempt->guest), left);
}

/* The array's copies stay from now on. A mark that is left on them is removed by the next run. */
static void keep_array_copies(VkAttempt *attempt)
{
	g_autoptr(GError) trouble = NULL;

	if (attempt->set &&
	    !vk_snapshot_set_keep(attempt->set, vk_guest_uuid(attempt->guest), &trouble))
		vk_log_warning("guest '%s': %s", vk_guest_name(attempt->guest), trouble->message);
}

/* The snapshot is listed whether or not it gets to another system. */
static void replicate(VkAttempt *attempt)
{
	const VkBackupContext *context = attempt->context;
	VkBackupTry *try = attempt->try;

	if (!attempt->set || !context->options->replicate ||
	    vk_replicate(context->arrays, attempt->snapshot, context->options->replicate_wait_sec,
			 &try->not_replicated))
		return;
	g_prefix_error(&try->not_replicated,
		       "guest '%s' is saved, but not replicated: ", vk_guest_name(attempt->guest));
	vk_log_error("%s", try->not_replicated->message);
}

static void expire_array_copies(VkAttempt *attempt)
{
	const VkBackupContext *context = attempt->context;
	g_autoptr(GError) trouble = NULL;

	if (attempt->set &&
	    !vk_expire_copies(context->vault, context->arrays, context->options->settings,
			      vk_guest_uuid(attempt->guest), context->options->label, &trouble))
		vk_log_warning("guest '%s': old array snapshots stay until the next backup: %s",
			       vk_guest_name(attempt->guest), trouble->message);
}

static gboolean make_snapshot(VkAttempt *attempt, GError **error)
{
	g_autoptr(GError) hook_trouble = NULL;

	if (!recover(attempt, error) || !vk_attempt_plan(attempt, error) ||
	    !begin_snapshot(attempt, error) ||
	    !vk_guard_add(attempt->context->guard, attempt->guest, vk_guest_lock_fd(attempt->lock),
			  error))
		return FALSE;
	if (!take(attempt, error) || !commit(attempt, error)) {
		drop_old_checkpoints(attempt, attempt->last);
		return FALSE;
	}
	keep_array_copies(attempt);
	if (!vk_attempt_run_hooks(attempt, VK_HOOK_POST_COMMIT, NULL, &hook_trouble))
		vk_log_warning("%s", hook_trouble->message);
	drop_old_checkpoints(attempt, attempt->snapshot);
	replicate(attempt);
	expire_array_copies(attempt);
	return TRUE;
}

static gboolean is_off_changed(const VkAttempt *attempt)
{
	VkGuestState state;

	return vk_guest_get_state(attempt->guest, &state, NULL) &&
	       (state == VK_GUEST_OFF) != (attempt->facts->state == VK_GUEST_OFF);
}

/*
 * A guest that was started or stopped may make any call fail, and libvirt seldom says why: so it
 * is asked how the guest is now. It may learn of the end of QEMU a moment after we do.
 */
static gboolean has_changed(const VkAttempt *attempt)
{
	gint64 deadline = g_get_monotonic_time() + STATE_SETTLES_USEC;

	if (!attempt->facts)
		return FALSE;
	while (!is_off_changed(attempt)) {
		if (vk_interrupted() || g_get_monotonic_time() >= deadline)
			return FALSE;
		g_usleep(100 * G_TIME_SPAN_MILLISECOND);
	}
	return TRUE;
}

static gboolean run_attempt(VkAttempt *attempt, GError **error)
{
	const VkBackupOptions *options = attempt->context->options;
	VkGuest *guest = attempt->guest;
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GError) hook_trouble = NULL;

	attempt->lock = vk_guest_lock_take(options->run_dir, vk_guest_uuid(guest),
					   vk_guest_name(guest), error);
	if (!attempt->lock)
		return FALSE;
	attempt->guest_options = vk_guest_options_new(options, guest, error);
	if (!attempt->guest_options)
		return FALSE;
	if (make_snapshot(attempt, &trouble))
		return TRUE;
	if (trouble->domain == VK_ERROR && !vk_interrupted() && has_changed(attempt))
		trouble->code = VK_ERROR_CHANGED;
	attempt->try->hooks_ran =
		vk_attempt_run_hooks(attempt, VK_HOOK_FAILURE, trouble, &hook_trouble);
	if (!attempt->try->hooks_ran)
		vk_log_warning("%s", hook_trouble->message);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

VkSnapshot *vk_backup_guest(const VkBackupContext *context, VkBackupTry *try, GError **error)
{
	g_auto(VkAttempt) attempt = {
		.context = context,
		.try = try,
		.guest = try->guest,
		.is_grouped = try->group != NULL,
	};
	gboolean ok;

	vk_attempt_enter_semaphore(&attempt);
	attempt.began = g_get_monotonic_time();
	/* How long others take is not its fault. */
	attempt.deadline = g_get_monotonic_time() +
			   context->options->operation_timeout_sec * G_TIME_SPAN_SECOND;
	ok = run_attempt(&attempt, error);
	vk_attempt_leave_group(&attempt);
	vk_attempt_leave_semaphore(&attempt);
	vk_guard_remove(context->guard, try->guest);
	return ok ? g_steal_pointer(&attempt.snapshot) : NULL;
}
