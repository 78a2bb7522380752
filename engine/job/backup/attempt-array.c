/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The storage takes the snapshot. A running guest is frozen, and suspended as well: only then have
 * QEMU and the host written everything. It goes on as soon as the storage has its snapshot. That
 * time does not depend on bytes. A copy for the vault is read from the array's snapshot afterwards,
 * while the guest runs. Bitmaps and checkpoints are left alone.
 */
#include "attempt-priv.h"

#include "array-leftovers.h"
#include "disk-on-array.h"
#include "errors.h"
#include "json.h"
#include "log.h"

static gboolean add_disk(VkAttempt *attempt, const VkDomainDisk *disk, GError **error)
{
	VkArrays *arrays = attempt->context->arrays;
	VkArrayDisk *found = vk_array_disk_find(arrays, attempt->try->host, disk, error);
	g_autoptr(GError) trouble = NULL;

	if (!found) {
		g_prefix_error(error, "guest '%s', disk '%s': ", vk_guest_name(attempt->guest),
			       disk->target);
		return FALSE;
	}
	if (!vk_array_leftovers_settle(arrays, found, attempt->context->vault,
				       vk_guest_uuid(attempt->guest), &trouble))
		vk_log_warning("guest '%s': what an earlier run left on the array stays: %s",
			       vk_guest_name(attempt->guest), trouble->message);
	vk_snapshot_set_add(attempt->set, vk_guest_uuid(attempt->guest), disk->target, found);
	return TRUE;
}

gboolean vk_attempt_join_set(VkAttempt *attempt, GError **error)
{
	const GPtrArray *disks = attempt->plan->disks;

	/* From before its files are looked for, since those are what is taken. */
	if (!attempt->facts->live_xml) {
		attempt->watch = vk_attempt_watch(attempt, error);
		if (!attempt->watch)
			return FALSE;
	}
	if (attempt->try->set)
		attempt->set = attempt->try->set;
	else
		attempt->set = attempt->own_set = vk_snapshot_set_new(
			attempt->context->arrays, vk_vault_id(attempt->context->vault),
			attempt->context->options->label);
	vk_snapshot_set_join(attempt->set, vk_guest_uuid(attempt->guest), attempt->snapshot->id);
	for (guint i = 0; i < disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(disks, i);

		if (!add_disk(attempt, planned->disk, error))
			return FALSE;
	}
	return TRUE;
}

/* A step of the set, which its members share, and whether it succeeded for this guest. */
static gboolean do_step(VkAttempt *attempt, gboolean (*step)(VkSnapshotSet *set, GError **error),
			GError **error)
{
	if (step(attempt->set, error) &&
	    vk_snapshot_set_check(attempt->set, vk_guest_uuid(attempt->guest), error))
		return TRUE;
	g_prefix_error(error, "guest '%s': ", vk_guest_name(attempt->guest));
	return FALSE;
}

/* A guest that was paused by its owner, or that we suspended, may have been resumed by anybody. */
static gboolean check_stopped(const VkAttempt *attempt, GError **error)
{
	VkGuestState state = VK_GUEST_OTHER;

	if (!vk_guest_get_state(attempt->guest, &state, error))
		return FALSE;
	return state != VK_GUEST_RUNNING ||
	       vk_fail(error, VK_ERROR_CHANGED,
		       "guest '%s' was resumed while the storage took its snapshot; try again",
		       vk_guest_name(attempt->guest));
}

/* A guest that went on too early is left to the grade. */
static gboolean snap(VkAttempt *attempt, VkQuiesce *quiesce, gpointer data, GError **error)
{
	if (!do_step(attempt, vk_snapshot_set_snap, error))
		return FALSE;
	if (!quiesce)
		return TRUE;
	vk_quiesce_point_taken(quiesce);
	return vk_quiesce_over_budget(quiesce) || check_stopped(attempt, error);
}

static gboolean has_same_image(const VkDomain *now, const VkDomainDisk *disk)
{
	const VkDomainDisk *other = vk_domain_find_disk(now, disk->target);
	g_autofree char *label = vk_domain_image_label(disk->image);
	g_autofree char *now_label =
		other && other->image ? vk_domain_image_label(other->image) : NULL;

	return g_strcmp0(label, now_label) == 0;
}

/*
 * The array snapshots files, not disks. If a user made or committed a snapshot of the guest after
 * the plan, the guest writes to another file now, and the planned one would be of an earlier time.
 */
static gboolean check_images(const VkAttempt *attempt, GError **error)
{
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(attempt->guest, error);
	g_autoptr(VkDomain) now = NULL;

	if (facts)
		now = vk_domain_parse(vk_guest_facts_present_xml(facts), error);
	for (guint i = 0; now && i < attempt->plan->disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);

		if (!has_same_image(now, planned->disk))
			return vk_fail(error, VK_ERROR_CHANGED,
				       "guest '%s', disk '%s': it got another image while it was "
				       "backed up; try again",
				       vk_guest_name(attempt->guest), planned->disk->target);
	}
	return now != NULL;
}

static gboolean prepare(VkAttempt *attempt, GError **error)
{
	if (attempt->guest_options->quiesce == VK_QUIESCE_NONE &&
	    attempt->facts->state == VK_GUEST_RUNNING)
		return vk_fail(error, VK_ERROR_USAGE,
			       "guest '%s': an array can take the files of a running guest only "
			       "while it is suspended; use another --quiesce than none",
			       vk_guest_name(attempt->guest));
	return do_step(attempt, vk_snapshot_set_prepare, error);
}

/* By then the array must have taken the snapshot. */
static void bound(VkAttempt *attempt, gint64 limit)
{
	vk_snapshot_set_bound(attempt->set, vk_guest_uuid(attempt->guest), limit);
}

/* Whether what the array took is of one time. */
static gboolean check(VkAttempt *attempt, GError **error)
{
	if (attempt->facts->live_xml)
		return check_images(attempt, error);
	if (!vk_offline_watch_unchanged(attempt->watch, error))
		return FALSE;
	vk_attempt_grade_offline(attempt);
	return TRUE;
}

static gboolean settle(VkAttempt *attempt, GError **error)
{
	return do_step(attempt, vk_snapshot_set_settle, error);
}

/* The disk is opened in any case: an unreadable copy is not a snapshot. */
static gboolean save_disk(VkAttempt *attempt, VkBackupPlanDisk *planned, GError **error)
{
	VkArrays *arrays = attempt->context->arrays;
	g_autoptr(json_t) copy = vk_snapshot_set_copy(attempt->set, vk_guest_uuid(attempt->guest),
						      planned->disk->target);
	g_autoptr(VkSource) source = vk_arrays_open(arrays, copy, error);
	VkDiskRecord *record;

	if (!source) {
		g_prefix_error(error, "guest '%s', disk '%s': ", vk_guest_name(attempt->guest),
			       planned->disk->target);
		return FALSE;
	}
	if (attempt->guest_options->mode == VK_MODE_ARRAY_AND_VAULT) {
		if (!vk_attempt_save_disk(attempt, planned, source, error))
			return FALSE;
		record = g_ptr_array_index(attempt->snapshot->disks,
					   attempt->snapshot->disks->len - 1);
		record->image->array = json_incref(copy);
		return TRUE;
	}
	record = vk_attempt_new_disk_record(attempt, planned->disk);
	record->mode = g_strdup("array");
	record->reason = vk_arrays_reason(arrays, copy);
	record->image = vk_image_record_new_on_array(
		source->size, vk_arrays_allocated(arrays, copy), json_incref(copy));
	g_ptr_array_add(attempt->snapshot->disks, record);
	return TRUE;
}

gboolean vk_attempt_take_array(VkAttempt *attempt, GError **error)
{
	static const VkAttemptSteps steps = {
		.prepare = prepare,
		.bound = bound,
		.act = snap,
		.check = check,
		.settle = settle,
	};
	const GPtrArray *disks = attempt->plan->disks;

	if (!vk_attempt_take_instant(attempt, &steps, NULL, error) ||
	    !vk_attempt_capture_firmware(attempt, error))
		return FALSE;
	for (guint i = 0; i < disks->len; i++)
		if (!save_disk(attempt, g_ptr_array_index(disks, i), error))
			return FALSE;
	return vk_attempt_save_firmware(attempt, error);
}
