/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backupplan.h"

static void add_disk(VkBackupPlan *plan, const VkDomainDisk *disk)
{
	const char *reason = vk_domain_disk_skip_reason(disk);
	VkPlanDisk *planned;

	if (reason) {
		g_ptr_array_add(plan->skipped, vk_skip_record_new(disk->target, reason));
		return;
	}
	planned = g_new0(VkPlanDisk, 1);
	planned->disk = disk;
	if (plan->last)
		planned->earlier = vk_snapshot_find_disk(plan->last, disk->target);
	g_ptr_array_add(plan->disks, planned);
}

VkBackupPlan *vk_backup_plan_new(const VkDomain *domain, const VkSnapshot *last)
{
	VkBackupPlan *plan = g_new0(VkBackupPlan, 1);

	plan->last = last;
	plan->disks = g_ptr_array_new_with_free_func(g_free);
	plan->skipped = g_ptr_array_new_with_free_func((GDestroyNotify)vk_skip_record_free);
	for (guint i = 0; i < domain->disks->len; i++)
		add_disk(plan, g_ptr_array_index(domain->disks, i));
	for (guint i = 0; i < domain->passthrough->len; i++)
		g_ptr_array_add(
			plan->skipped,
			vk_skip_record_new(g_ptr_array_index(domain->passthrough, i),
					   "device of the host given through to the guest"));
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

GArray *vk_backup_plan_job_disks(const VkBackupPlan *plan)
{
	GArray *disks = g_array_new(FALSE, FALSE, sizeof(VkBackupJobDisk));

	for (guint i = 0; i < plan->disks->len; i++) {
		const VkPlanDisk *planned = g_ptr_array_index(plan->disks, i);
		VkBackupJobDisk disk = {.target = planned->disk->target};

		g_array_append_val(disks, disk);
	}
	return disks;
}

const char *vk_backup_plan_mode(const VkPlanDisk *disk)
{
	return disk->earlier ? "compare" : "full";
}

char *vk_backup_plan_reason(const VkBackupPlan *plan, const VkPlanDisk *disk, guint64 size)
{
	g_autofree char *was = NULL;

	if (!plan->last)
		return g_strdup("first snapshot of this disk");
	if (!disk->earlier)
		return g_strdup_printf("first snapshot of this disk: the guest's last, %s, is "
				       "without it",
				       plan->last->time);
	if (disk->earlier->image->size != size)
		was = g_strdup_printf("resized from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
				      " bytes; ",
				      disk->earlier->image->size, size);
	return g_strdup_printf("%sno changed-block tracking: everything is read, only new blocks "
			       "are stored",
			       was ? was : "");
}
