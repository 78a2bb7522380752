/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest that is off. Its bitmaps lie in its images. When nothing was written since the last
 * snapshot, images and checkpoint stay as they are, and the snapshot costs nothing; else a new
 * bitmap is begun before the first byte is read: what a guest that is started meanwhile writes is
 * in it.
 */
#include "attempt-priv.h"

#include "errors.h"
#include "log.h"
#include "offline-source.h"
#include "interrupt.h"

VkOfflineWatch *vk_attempt_watch(const VkAttempt *attempt, GError **error)
{
	g_autoptr(GPtrArray) targets = g_ptr_array_new();

	for (guint i = 0; i < attempt->plan->disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);

		g_ptr_array_add(targets, planned->disk->target);
	}
	return vk_offline_watch_new(attempt->guest, attempt->domain, targets, error);
}

static VkSource *open_source(VkAttempt *attempt, const VkBackupPlanDisk *planned, GError **error)
{
	return vk_source_offline_new(attempt->try->host, planned->disk,
				     planned->incremental ? attempt->last->checkpoint : NULL,
				     error);
}

static gboolean has_change(VkSource *source, gboolean *ret, GError **error)
{
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, error);
	guint64 next = 0;

	if (!reader || !reader->ops->seek_change(reader, 0, &next, error))
		return FALSE;
	*ret = next < source->size;
	return TRUE;
}

/* Settles whether PLANNED is incremental; *RET_CHANGED is set when anything has to be read. */
static gboolean probe_disk(VkAttempt *attempt, VkBackupPlanDisk *planned, gboolean *ret_changed,
			   GError **error)
{
	g_autoptr(VkSource) source = NULL;
	gboolean changed = TRUE;

	if (planned->incremental) {
		source = open_source(attempt, planned, error);
		if (!source)
			return FALSE;
		vk_backup_plan_set_size(planned, source->size);
	}
	if (planned->incremental && source->knows_changes && !has_change(source, &changed, error))
		return FALSE;
	*ret_changed = *ret_changed || (planned->track && changed);
	return TRUE;
}

/*
 * The checkpoint that the snapshot goes with: the one before, when no tracked disk has changed
 * since, else a new one.
 */
static gboolean choose_checkpoint(VkAttempt *attempt, GError **error)
{
	VkSnapshot *snapshot = attempt->snapshot;
	g_autoptr(GPtrArray) targets = g_ptr_array_new();
	gboolean changed = FALSE;

	for (guint i = 0; i < attempt->plan->disks->len; i++) {
		VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);

		if (!probe_disk(attempt, planned, &changed, error))
			return FALSE;
		if (planned->track)
			g_ptr_array_add(targets, planned->disk->target);
	}
	if (targets->len == 0)
		return TRUE;
	if (!changed) {
		snapshot->checkpoint = g_strdup(attempt->last->checkpoint);
		snapshot->checkpoint_xml = g_strdup(attempt->last->checkpoint_xml);
		return TRUE;
	}
	snapshot->checkpoint = vk_checkpoint_name_new(vk_vault_id(attempt->context->vault));
	if (vk_checkpoint_create_offline(attempt->guest, attempt->domain, targets,
					 snapshot->checkpoint, &snapshot->checkpoint_xml, error))
		return TRUE;
	if (error && g_error_matches(*error, VK_ERROR, VK_ERROR_FAILED))
		attempt->try->tracking_trouble = g_strdup((*error)->message);
	return FALSE;
}

static gboolean read_offline(VkAttempt *attempt, GError **error)
{
	const GPtrArray *disks = attempt->plan->disks;

	if (!vk_attempt_capture_firmware(attempt, error))
		return FALSE;
	for (guint i = 0; i < disks->len; i++) {
		VkBackupPlanDisk *planned = g_ptr_array_index(disks, i);
		g_autoptr(VkSource) source = open_source(attempt, planned, error);

		if (!vk_attempt_save_disk(attempt, planned, source, error))
			return FALSE;
	}
	return vk_attempt_save_firmware(attempt, error);
}

void vk_attempt_grade_offline(VkAttempt *attempt)
{
	gboolean is_saved = attempt->facts->has_saved_memory;

	/* The disks of a saved guest are those of a running one whose memory is missing. */
	attempt->snapshot->consistency = g_strdup(is_saved ? "crash" : "offline");
	if (is_saved)
		vk_log_warning("guest '%s': the snapshot is crash-consistent only: the guest is "
			       "saved, and its memory is not backed up",
			       vk_guest_name(attempt->guest));
}

gboolean vk_attempt_take_offline(VkAttempt *attempt, GError **error)
{
	g_autoptr(VkOfflineWatch) watch = NULL;
	g_autoptr(GError) trouble = NULL;

	watch = vk_attempt_watch(attempt, error);
	if (!watch || !choose_checkpoint(attempt, error) ||
	    !vk_offline_watch_allow_ours(watch, error) || !vk_attempt_pass_instant(attempt, error))
		return FALSE;
	vk_attempt_grade_offline(attempt);
	if (read_offline(attempt, &trouble))
		return vk_offline_watch_unchanged(watch, error);
	/* A guest that was started explains why its disk could not be read. */
	if (!vk_interrupted() && !vk_offline_watch_unchanged(watch, error))
		return FALSE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_attempt_take_diskless(VkAttempt *attempt, GError **error)
{
	if (!vk_attempt_pass_instant(attempt, error))
		return FALSE;
	attempt->snapshot->consistency = g_strdup("crash");
	return vk_attempt_capture_firmware(attempt, error) &&
	       vk_attempt_save_firmware(attempt, error);
}
