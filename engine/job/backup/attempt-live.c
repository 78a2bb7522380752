/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attempt-priv.h"

#include "errors.h"
#include "log.h"
#include "interrupt.h"

/* Without bitmaps and checkpoints it may work. */
static void note_tracking_trouble(VkAttempt *attempt, const GError *trouble)
{
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_FAILED) || vk_interrupted() ||
	    !vk_backup_plan_has_tracked(attempt->plan))
		return;
	g_free(attempt->try->tracking_trouble);
	attempt->try->tracking_trouble = g_strdup(trouble->message);
}

/* Begins the job DATA, which reads the disks as they are at this point in time. */
static gboolean begin_job(VkAttempt *attempt, VkQuiesce *quiesce, gpointer data, GError **error)
{
	VkBackupJob *job = data;
	g_autoptr(GError) trouble = NULL;

	if (vk_backup_job_begin(job, &trouble)) {
		vk_quiesce_point_taken(quiesce);
		return TRUE;
	}
	if (vk_backup_job_was_refused(job))
		note_tracking_trouble(attempt, trouble);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean read_live(VkAttempt *attempt, VkBackupJob *job, GError **error)
{
	const GPtrArray *disks = attempt->plan->disks;

	if (attempt->snapshot->checkpoint) {
		attempt->snapshot->checkpoint_xml = vk_backup_job_checkpoint_xml(job, error);
		if (!attempt->snapshot->checkpoint_xml)
			return FALSE;
	}
	if (!vk_attempt_capture_firmware(attempt, error))
		return FALSE;
	for (guint i = 0; i < disks->len; i++) {
		VkBackupPlanDisk *planned = g_ptr_array_index(disks, i);
		g_autoptr(VkSource) source =
			vk_backup_job_source(job, planned->disk->target, error);

		if (!vk_attempt_save_disk(attempt, planned, source, error))
			return FALSE;
	}
	return vk_attempt_save_firmware(attempt, error);
}

/* Ends JOB after TROUBLE. A guest that went away explains both, and deserves another try. */
static gboolean fail_live(VkBackupJob *job, const GError *trouble, GError **error)
{
	g_autoptr(GError) end_trouble = NULL;

	if (vk_backup_job_end(job, &end_trouble) ||
	    (g_error_matches(end_trouble, VK_ERROR, VK_ERROR_CHANGED) && vk_interrupted()))
		g_propagate_error(error, g_error_copy(trouble));
	else if (g_error_matches(end_trouble, VK_ERROR, VK_ERROR_CHANGED) ||
		 g_error_matches(trouble, VK_ERROR, VK_ERROR_CHANGED))
		g_propagate_error(error, g_steal_pointer(&end_trouble));
	else
		vk_fail(error, VK_ERROR_FAILED, "%s; also: %s", trouble->message,
			end_trouble->message);
	return FALSE;
}

/* A disk resized since the last snapshot is known before the job begins to read its changes. */
static gboolean check_sizes(VkAttempt *attempt, GError **error)
{
	for (guint i = 0; i < attempt->plan->disks->len; i++) {
		VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);
		guint64 size = 0, allocation = 0;

		if (!planned->incremental)
			continue;
		if (!vk_guest_disk_size(attempt->guest, planned->disk->target, &size, &allocation,
					error))
			return FALSE;
		vk_backup_plan_set_size(planned, size);
	}
	return TRUE;
}

static VkBackupJob *prepare(VkAttempt *attempt, GError **error)
{
	const VkBackupOptions *options = attempt->context->options;
	const VkBackupJobPaths paths = {.scratch_dir = options->scratch_dir,
					.run_dir = options->run_dir};
	g_autoptr(GArray) disks = NULL;
	VkBackupJobPlan plan = {.guard = attempt->context->guard};

	if (!check_sizes(attempt, error))
		return NULL;
	if (vk_backup_plan_has_tracked(attempt->plan))
		attempt->snapshot->checkpoint =
			vk_checkpoint_name_new(vk_vault_id(attempt->context->vault));
	disks = vk_backup_plan_job_disks(attempt->plan);
	plan.disks = disks;
	plan.checkpoint = attempt->snapshot->checkpoint;
	if (vk_backup_plan_has_incremental(attempt->plan))
		plan.base = attempt->last->checkpoint;
	return vk_backup_job_prepare(attempt->guest, &plan, &paths, error);
}

static gboolean take_live_shielded(VkAttempt *attempt, GError **error)
{
	static const VkAttemptSteps steps = {.act = begin_job};
	g_autoptr(VkBackupJob) job = prepare(attempt, error);
	g_autoptr(GError) trouble = NULL;

	if (!job)
		return FALSE;
	if (!vk_attempt_take_instant(attempt, &steps, job, &trouble) ||
	    !read_live(attempt, job, &trouble))
		return fail_live(job, trouble, error);
	if (!vk_backup_job_end(job, error))
		return FALSE;
	attempt->snapshot->scratch = vk_backup_job_scratch(job);
	return TRUE;
}

/* An impatient second signal must leave no guest frozen, and no job. */
gboolean vk_attempt_take_live(VkAttempt *attempt, GError **error)
{
	gboolean ok;

	vk_shield_begin();
	ok = take_live_shielded(attempt, error);
	vk_shield_end();
	return ok;
}
