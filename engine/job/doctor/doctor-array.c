/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots on arrays that no snapshot of the vault needs. */
#include "doctor-priv.h"

#include "array-leftovers.h"
#include "disk-on-array.h"

/* With or without an obstacle. */
static gboolean is_known(const VkDoctorVisit *visit, const char *what)
{
	for (guint i = 0; i < visit->findings->len; i++)
		if (g_str_has_prefix(((VkFinding *)g_ptr_array_index(visit->findings, i))->what,
				     what))
			return TRUE;
	return FALSE;
}

/* Disks and guests share volumes, and so their leftovers: each is found once. */
static void examine_leftover(VkDoctorVisit *visit, const VkArraySnapshot *leftover)
{
	const VkDoctorOptions *options = visit->options;
	g_autofree char *what = g_strdup_printf(
		leftover->is_unlisted
			? "the %s '%s' is a leftover of a backup or a reader that was killed, or "
			  "expired"
			: "the %s '%s' belongs to no snapshot of the vault; remove it if no "
			  "other copy of the vault needs it",
		leftover->kind, leftover->title);
	g_autoptr(GError) trouble = NULL;
	VkFinding *finding;

	if (is_known(visit, what))
		return;
	finding = vk_doctor_add(visit, "array", g_steal_pointer(&what),
				leftover->is_unlisted ? vk_finding_fix_command() : NULL);
	if (!leftover->is_unlisted || !options->fix)
		return;
	finding->fixed = vk_arrays_remove(options->arrays, leftover, &trouble);
	if (!finding->fixed)
		vk_finding_set_obstacle(finding, trouble->message);
}

static gboolean examine_array_disk(VkDoctorVisit *visit, const VkArrayDisk *disk, GError **error)
{
	const VkDoctorOptions *options = visit->options;
	const char *uuid = vk_guest_uuid(visit->guest);
	g_autoptr(GPtrArray) leftovers =
		vk_array_leftovers_list(options->arrays, disk, options->vault, uuid, error);

	for (guint i = 0; leftovers && i < leftovers->len; i++)
		examine_leftover(visit, g_ptr_array_index(leftovers, i));
	return leftovers != NULL;
}

/* A disk that no array can take has nothing there. */
gboolean vk_doctor_examine_arrays(VkDoctorVisit *visit, GError **error)
{
	const VkDoctorOptions *options = visit->options;

	for (guint i = 0; options->vault && i < visit->domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(visit->domain->disks, i);
		g_autoptr(VkArrayDisk) found = NULL;

		if (vk_domain_disk_skip_reason(disk))
			continue;
		found = vk_array_disk_find(options->arrays, visit->host, disk, NULL);
		if (found && !examine_array_disk(visit, found, error))
			return FALSE;
	}
	return TRUE;
}
