/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints of a guest and their bitmaps: the next backup builds on some, the others are
 * leftovers.
 */
#include "doctor-priv.h"

#include "checkpoint.h"
#include "last-snapshot.h"
#include "qemu-image.h"

/* The checkpoint that the next backup builds on; NULL: it has none. New string. */
static gboolean find_wanted(VkDoctorVisit *visit, char **ret, GError **error)
{
	g_autoptr(VkSnapshot) last = NULL;

	*ret = NULL;
	if (!vk_last_snapshot_load(visit->options->vault, vk_guest_uuid(visit->guest), &last,
				   error))
		return FALSE;
	*ret = last ? g_strdup(last->checkpoint) : NULL;
	return TRUE;
}

/* What is wrong with FACT of the checkpoint that is WANTED; NULL: nothing. */
static char *describe_wanted(const VkCheckpointFact *fact, gboolean is_off)
{
	if (!fact->target)
		return NULL;
	if (fact->broken)
		return g_strdup_printf("the bitmap '%s' of disk '%s' is broken, QEMU did not end "
				       "cleanly: the next backup reads the disk in whole",
				       fact->name, fact->target);
	/* A running guest's newest bitmaps are in QEMU's memory only. */
	if (is_off && fact->in_libvirt && !fact->in_image)
		return g_strdup_printf(
			"the bitmap '%s' of disk '%s' is gone: the next backup reads "
			"the disk in whole",
			fact->name, fact->target);
	return NULL;
}

static char *describe_leftover(const VkCheckpointFact *fact)
{
	if (!fact->target)
		return g_strdup_printf("the checkpoint '%s' belongs to no snapshot", fact->name);
	if (fact->in_libvirt)
		return NULL; /* a finding with its checkpoint */
	return g_strdup_printf("the bitmap '%s' of disk '%s' belongs to no snapshot", fact->name,
			       fact->target);
}

/* A finding without a remedy: that vault may be in use. */
static void add_foreign(VkDoctorVisit *visit, const VkCheckpointFact *fact)
{
	if (fact->target)
		return;
	vk_doctor_add(visit, "checkpoint",
		      g_strdup_printf("the checkpoint '%s' is of another vault, %s...", fact->name,
				      fact->vault_id8),
		      NULL);
}

static gboolean drop_leftovers(VkDoctorVisit *visit, const char *wanted, guint first,
			       GError **error)
{
	guint left = 0;

	if (!visit->options->fix || visit->findings->len == first)
		return TRUE;
	if (!vk_checkpoint_drop_others(visit->guest, vk_vault_id(visit->options->vault), wanted,
				       &left, error))
		return FALSE;
	for (guint i = first; left == 0 && i < visit->findings->len; i++)
		((VkFinding *)g_ptr_array_index(visit->findings, i))->fixed = TRUE;
	return TRUE;
}

/* Nothing here says anything of a guest that runs on another host. */
static gboolean runs_elsewhere(VkDoctorVisit *visit)
{
	if (visit->facts->state != VK_GUEST_OFF)
		return FALSE;
	for (guint i = 0; i < visit->domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(visit->domain->disks, i);
		g_autofree char *path = vk_doctor_image_path(visit, disk);

		if (!path || vk_domain_disk_skip_reason(disk) || !vk_image_file_is_written(path))
			continue;
		vk_doctor_add(
			visit, "image",
			g_strdup_printf("the guest is off, but another program has '%s' open to "
					"write to it: it may run on another host",
					path),
			NULL);
		return TRUE;
	}
	return FALSE;
}

gboolean vk_doctor_examine_checkpoints(VkDoctorVisit *visit, GError **error)
{
	g_autoptr(GPtrArray) facts = NULL;
	g_autofree char *wanted = NULL;
	const char *id;
	guint first;

	if (!visit->options->vault || runs_elsewhere(visit))
		return TRUE;
	id = vk_vault_id(visit->options->vault);
	facts = vk_checkpoint_list(visit->guest, error);
	if (!facts || !find_wanted(visit, &wanted, error))
		return FALSE;
	for (guint i = 0; i < facts->len; i++) {
		const VkCheckpointFact *fact = g_ptr_array_index(facts, i);
		char *what;

		if (!vk_checkpoint_is_ours(fact->name, id)) {
			add_foreign(visit, fact);
			continue;
		}
		what = g_strcmp0(fact->name, wanted) == 0
			       ? describe_wanted(fact, !visit->facts->live_xml)
			       : NULL;
		if (what)
			vk_doctor_add(visit, "checkpoint", what, NULL);
	}
	first = visit->findings->len;
	for (guint i = 0; i < facts->len; i++) {
		const VkCheckpointFact *fact = g_ptr_array_index(facts, i);
		char *what = NULL;

		if (vk_checkpoint_is_ours(fact->name, id) && g_strcmp0(fact->name, wanted) != 0)
			what = describe_leftover(fact);
		if (what)
			vk_doctor_add(visit, "checkpoint", what, vk_finding_fix_command());
	}
	return drop_leftovers(visit, wanted, first, error);
}
