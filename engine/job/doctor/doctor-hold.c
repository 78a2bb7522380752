/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a guest is frozen or paused, or has a backup job without a process that drives it. */
#include "doctor-priv.h"

#include "backup-job.h"
#include "quiesce.h"

gboolean vk_doctor_examine_job(VkDoctorVisit *visit, GError **error)
{
	g_autoptr(GPtrArray) files = vk_backup_job_files(visit->guest, &visit->paths);
	guint first = visit->findings->len;
	VkJobOwner owner = VK_JOB_NONE;

	if (!vk_backup_job_find(visit->guest, &owner, error))
		return FALSE;
	if (owner == VK_JOB_FOREIGN) {
		vk_doctor_add(visit, "job", g_strdup("another tool's backup job runs"), NULL);
		return TRUE;
	}
	if (owner == VK_JOB_OURS)
		vk_doctor_add(visit, "job",
			      g_strdup("a backup job of virtkeep is running without its backup"),
			      vk_finding_fix_command());
	for (guint i = 0; i < files->len; i++)
		vk_doctor_add(visit, "file",
			      g_strdup_printf("'%s' is a leftover of a backup",
					      (char *)g_ptr_array_index(files, i)),
			      vk_finding_fix_command());
	if (!visit->options->fix || visit->findings->len == first)
		return TRUE;
	if (!vk_backup_job_recover(visit->guest, &visit->paths, error))
		return FALSE;
	for (guint i = first; i < visit->findings->len; i++)
		((VkFinding *)g_ptr_array_index(visit->findings, i))->fixed = TRUE;
	return TRUE;
}

/*
 * Releases only what virtkeep noted in the lock: a user may have frozen or paused the rest on
 * purpose.
 */
gboolean vk_doctor_examine_hold(VkDoctorVisit *visit, GError **error)
{
	const VkDoctorOptions *options = visit->options;
	VkHold left = vk_guest_lock_left(visit->lock);
	gboolean is_ours = FALSE;
	VkFinding *finding = NULL;

	if (visit->facts->state == VK_GUEST_PAUSED) {
		is_ours = (left & VK_HOLD_SUSPENDED) != 0;
		finding = vk_doctor_add(
			visit, "paused",
			g_strdup(is_ours ? "suspended by a backup that did not end well"
					 : "paused, not by virtkeep"),
			is_ours ? vk_finding_fix_command()
				: g_strdup_printf("virsh resume %s", vk_guest_uuid(visit->guest)));
	} else if (visit->facts->state == VK_GUEST_RUNNING &&
		   vk_quiesce_is_frozen(visit->guest, options->agent_timeout_sec)) {
		is_ours = (left & VK_HOLD_FROZEN) != 0;
		finding = vk_doctor_add(
			visit, "frozen",
			g_strdup(is_ours ? "frozen by a backup that did not end well"
					 : "its file systems are frozen, not by virtkeep"),
			is_ours ? vk_finding_fix_command()
				: g_strdup_printf("virsh domfsthaw %s",
						  vk_guest_uuid(visit->guest)));
	}
	if (!finding || !options->fix || !is_ours)
		return TRUE;
	if (!vk_quiesce_recover(visit->guest, left, options->agent_timeout_sec, error) ||
	    !vk_guest_lock_set_hold(visit->lock, VK_HOLD_NONE, error))
		return FALSE;
	finding->fixed = TRUE;
	return TRUE;
}
