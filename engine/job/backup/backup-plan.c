/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-plan.h"

#include "selection.h"

static void plan_disk_free(VkBackupPlanDisk *disk)
{
	g_free(disk->cause);
	g_free(disk);
}

static void add_disk(VkBackupPlan *plan, const VkDomainDisk *disk, char *const *exclude)
{
	const char *reason = vk_disk_skip_reason(disk, exclude);
	VkBackupPlanDisk *planned;

	if (reason) {
		g_ptr_array_add(plan->skipped, vk_skip_record_new(disk->target, reason));
		return;
	}
	planned = g_new0(VkBackupPlanDisk, 1);
	planned->disk = disk;
	if (plan->last)
		planned->earlier = vk_snapshot_find_disk(plan->last, disk->target);
	g_ptr_array_add(plan->disks, planned);
}

VkBackupPlan *vk_backup_plan_new(const VkDomain *domain, const VkSnapshot *last,
				 char *const *exclude)
{
	VkBackupPlan *plan = g_new0(VkBackupPlan, 1);

	plan->last = last;
	plan->disks = g_ptr_array_new_with_free_func((GDestroyNotify)plan_disk_free);
	plan->skipped = g_ptr_array_new_with_free_func((GDestroyNotify)vk_skip_record_free);
	for (guint i = 0; i < domain->disks->len; i++)
		add_disk(plan, g_ptr_array_index(domain->disks, i), exclude);
	for (guint i = 0; i < domain->passthrough->len; i++)
		g_ptr_array_add(
			plan->skipped,
			vk_skip_record_new(g_ptr_array_index(domain->passthrough, i),
					   "device of the host, passed through to the guest"));
	for (guint i = 0; i < domain->foreign->len; i++)
		g_ptr_array_add(plan->skipped,
				vk_skip_record_new(g_ptr_array_index(domain->foreign, i),
						   vk_domain_foreign_reason()));
	return plan;
}

void vk_backup_plan_free(VkBackupPlan *plan)
{
	if (!plan)
		return;
	g_clear_pointer(&plan->disks, g_ptr_array_unref);
	g_clear_pointer(&plan->skipped, g_ptr_array_unref);
	g_free(plan);
}

GPtrArray *vk_backup_plan_targets(const VkBackupPlan *plan)
{
	GPtrArray *targets = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < plan->disks->len; i++) {
		const VkBackupPlanDisk *disk = g_ptr_array_index(plan->disks, i);

		g_ptr_array_add(targets, g_strdup(disk->disk->target));
	}
	return targets;
}

static void set_cause(VkBackupPlanDisk *disk, const char *cause)
{
	disk->incremental = FALSE;
	g_free(disk->cause);
	disk->cause = g_strdup(cause);
}

/* Whether the last snapshot's bitmap of the disk is the one of its checkpoint. */
static gboolean has_bitmap(const VkBackupPlan *plan, const VkBackupPlanDisk *disk)
{
	return plan->last && plan->last->checkpoint && disk->earlier &&
	       g_strcmp0(disk->earlier->bitmap, plan->last->checkpoint) == 0;
}

void vk_backup_plan_set_tracking(VkBackupPlan *plan, const GPtrArray *tracking)
{
	g_assert(tracking->len == plan->disks->len);
	for (guint i = 0; i < tracking->len; i++) {
		const VkTracking *found = g_ptr_array_index(tracking, i);
		VkBackupPlanDisk *disk = g_ptr_array_index(plan->disks, i);

		disk->track = found->can_track;
		if (!found->can_track)
			set_cause(disk, found->reason);
		else if (!has_bitmap(plan, disk))
			set_cause(disk, "the last snapshot began no dirty bitmap of it");
		else if (!found->usable)
			set_cause(disk, found->reason);
		else
			disk->incremental = TRUE;
	}
}

void vk_backup_plan_set_no_tracking(VkBackupPlan *plan, const char *cause)
{
	for (guint i = 0; i < plan->disks->len; i++) {
		VkBackupPlanDisk *disk = g_ptr_array_index(plan->disks, i);

		disk->track = FALSE;
		set_cause(disk, cause);
	}
}

void vk_backup_plan_set_compare(VkBackupPlan *plan, const char *cause)
{
	for (guint i = 0; i < plan->disks->len; i++) {
		VkBackupPlanDisk *disk = g_ptr_array_index(plan->disks, i);

		if (disk->incremental)
			set_cause(disk, cause);
	}
}

void vk_backup_plan_set_file(VkBackupPlanDisk *disk, const char *source, guint64 inode)
{
	if (disk->incremental && disk->earlier->inode && disk->earlier->inode != inode &&
	    g_strcmp0(disk->earlier->source, source) == 0)
		set_cause(disk, "its image is another file now");
}

void vk_backup_plan_set_restored(VkBackupPlanDisk *disk, const char *time)
{
	g_autofree char *cause = NULL;

	if (!disk->earlier || !disk->track || disk->incremental)
		return;
	cause = g_strdup_printf("restored from %s", time);
	set_cause(disk, cause);
}

void vk_backup_plan_set_size(VkBackupPlanDisk *disk, guint64 size)
{
	g_autofree char *cause = NULL;

	if (!disk->earlier || disk->earlier->image->size == size)
		return;
	cause = g_strdup_printf("resized from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " bytes",
				disk->earlier->image->size, size);
	set_cause(disk, cause);
}

static gboolean has_any(const VkBackupPlan *plan, gboolean incremental)
{
	for (guint i = 0; i < plan->disks->len; i++) {
		const VkBackupPlanDisk *disk = g_ptr_array_index(plan->disks, i);

		if (incremental ? disk->incremental : disk->track)
			return TRUE;
	}
	return FALSE;
}

gboolean vk_backup_plan_has_tracked(const VkBackupPlan *plan)
{
	return has_any(plan, FALSE);
}

gboolean vk_backup_plan_has_incremental(const VkBackupPlan *plan)
{
	return has_any(plan, TRUE);
}

gboolean vk_backup_plan_has_whole(const VkBackupPlan *plan)
{
	for (guint i = 0; i < plan->disks->len; i++)
		if (!((const VkBackupPlanDisk *)g_ptr_array_index(plan->disks, i))->incremental)
			return TRUE;
	return FALSE;
}

GArray *vk_backup_plan_job_disks(const VkBackupPlan *plan)
{
	GArray *disks = g_array_new(FALSE, FALSE, sizeof(VkBackupJobDisk));

	for (guint i = 0; i < plan->disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(plan->disks, i);
		VkBackupJobDisk disk = {
			.target = planned->disk->target,
			.incremental = planned->incremental,
			.track = planned->track,
		};

		g_array_append_val(disks, disk);
	}
	return disks;
}

const char *vk_backup_plan_mode(const VkBackupPlanDisk *disk)
{
	if (disk->incremental)
		return "incremental";
	return disk->earlier ? "compare" : "full";
}

char *vk_backup_plan_reason(const VkBackupPlan *plan, const VkBackupPlanDisk *disk)
{
	if (!plan->last)
		return g_strdup("first snapshot of this disk");
	if (!disk->earlier)
		return g_strdup_printf(
			"first snapshot of this disk: the guest's last snapshot, %s, "
			"does not have it",
			plan->last->time);
	if (disk->incremental)
		return g_strdup_printf("its dirty bitmap has recorded the changes since %s",
				       plan->last->time);
	return g_strdup(disk->cause ? disk->cause : "no changed-block tracking");
}
