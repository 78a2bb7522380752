/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the guest is, and which of its disks are saved, how and why. */
#include "attempt-priv.h"

#include "errors.h"
#include "last-snapshot.h"
#include "log.h"
#include "origin.h"

static gboolean gather_facts(VkAttempt *attempt, GError **error)
{
	const char *name = vk_guest_name(attempt->guest);

	attempt->facts = vk_guest_get_facts(attempt->guest, error);
	if (!attempt->facts)
		return FALSE;
	if (attempt->facts->state == VK_GUEST_OTHER)
		return vk_fail(error, VK_ERROR_FAILED,
			       "guest '%s' has crashed: back it up when it runs or is shut off",
			       name);
	/* There it may be paused, and then its images have no lock. */
	if (attempt->facts->state == VK_GUEST_OFF && vk_guest_has_left(attempt->guest))
		return vk_fail(
			error, VK_ERROR_BUSY,
			"guest '%s' was migrated to another host: back it up there, or start "
			"it here again first",
			name);
	if (attempt->facts->state != VK_GUEST_OFF && !vk_guest_check_stays(attempt->guest, error))
		return FALSE;
	attempt->domain = vk_domain_parse(vk_guest_facts_present_xml(attempt->facts), error);
	if (!attempt->domain)
		g_prefix_error(error, "guest '%s': ", name);
	else
		vk_log_debug("guest '%s' is %s, its uuid is %s", name,
			     vk_guest_state_name(attempt->facts->state),
			     vk_guest_uuid(attempt->guest));
	return attempt->domain != NULL;
}

/* Disks that libvirt does not know cannot be saved: each snapshot warns of them, and is marked. */
static void warn_of_foreign(const VkAttempt *attempt)
{
	for (guint i = 0; i < attempt->domain->foreign->len; i++)
		vk_log_warning("guest '%s': the disk '%s' is not saved: %s",
			       vk_guest_name(attempt->guest),
			       (const char *)g_ptr_array_index(attempt->domain->foreign, i),
			       vk_domain_foreign_reason());
}

static void check_files(VkAttempt *attempt)
{
	for (guint i = 0; i < attempt->plan->disks->len; i++) {
		VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);
		const VkDomainImage *image = planned->disk->image;
		g_autofree char *source = vk_domain_image_label(image);
		g_autofree char *restored = image->path ? vk_origin_get(image->path) : NULL;
		guint64 inode = vk_attempt_inode(image);

		vk_backup_plan_set_file(planned, source, inode);
		if (restored && planned->earlier && planned->earlier->inode != inode)
			vk_backup_plan_set_restored(planned, restored);
	}
}

/* What is known of the disks' bitmaps; a failure there costs speed, not the snapshot. */
static void plan_tracking(VkAttempt *attempt)
{
	g_autoptr(GPtrArray) targets = vk_backup_plan_targets(attempt->plan);
	const VkSnapshot *last = attempt->last;
	g_autoptr(GPtrArray) tracking = NULL;
	g_autoptr(GError) trouble = NULL;

	if (vk_attempt_is_array(attempt)) {
		vk_backup_plan_set_no_tracking(attempt->plan,
					       "it was read from the array's snapshot");
		return;
	}
	if (attempt->guest_options->no_tracking) {
		vk_backup_plan_set_no_tracking(attempt->plan,
					       "the configuration says tracking = no");
		return;
	}
	if (attempt->try->no_tracking) {
		vk_backup_plan_set_no_tracking(attempt->plan, attempt->try->no_tracking);
		return;
	}
	tracking = vk_checkpoint_examine(attempt->guest, attempt->facts, attempt->domain, targets,
					 last ? last->checkpoint : NULL,
					 last ? last->checkpoint_xml : NULL, &trouble);
	if (tracking) {
		vk_backup_plan_set_tracking(attempt->plan, tracking);
		check_files(attempt);
		if (attempt->context->options->compare)
			vk_backup_plan_set_compare(attempt->plan, "--compare was given");
		return;
	}
	vk_log_warning("guest '%s': no changed-block tracking this time: %s",
		       vk_guest_name(attempt->guest), trouble->message);
	vk_backup_plan_set_no_tracking(attempt->plan, trouble->message);
}

/* An array takes the files whatever QEMU does with them, and sees when a disk gets another. */
static gboolean check_block_jobs(VkAttempt *attempt, GError **error)
{
	const GPtrArray *disks = attempt->plan->disks;

	if (!attempt->facts->live_xml || vk_attempt_is_array(attempt))
		return TRUE;
	for (guint i = 0; i < disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(disks, i);

		if (!vk_guest_check_block_job(attempt->guest, planned->disk->target, error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_attempt_plan(VkAttempt *attempt, GError **error)
{
	if (!gather_facts(attempt, error) ||
	    !vk_last_snapshot_load(attempt->context->vault, vk_guest_uuid(attempt->guest),
				   &attempt->last, error))
		return FALSE;
	attempt->plan =
		vk_backup_plan_new(attempt->domain, attempt->last, attempt->guest_options->exclude);
	if (!check_block_jobs(attempt, error))
		return FALSE;
	plan_tracking(attempt);
	warn_of_foreign(attempt);
	return TRUE;
}
