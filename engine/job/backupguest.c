/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backupguest.h"

#include "backupjob.h"
#include "backupplan.h"
#include "catalog.h"
#include "domain.h"
#include "errors.h"
#include "firmware.h"
#include "guestlock.h"
#include "log.h"
#include "bytessource.h"
#include "offline.h"
#include "program.h"
#include "progress.h"
#include "timestamp.h"

#define STATE_SETTLES_USEC (2 * G_TIME_SPAN_SECOND)

/* What one attempt gathers. */
typedef struct {
	const VkBackupContext *context;
	VkGuest *guest;
	VkGuestLock *lock; /* borrowed */
	VkBackupJobPaths paths;
	VkGuestFacts *facts;
	VkDomain *domain;
	VkSnapshot *last;
	VkBackupPlan *plan;
	GPtrArray *firmware; /* VkFirmwareFile */
	VkSnapshot *snapshot;
	GError **ret_held;
} Attempt;

static void attempt_clear(Attempt *attempt)
{
	g_clear_pointer(&attempt->plan, vk_backup_plan_free);
	g_clear_pointer(&attempt->last, vk_snapshot_free);
	g_clear_pointer(&attempt->domain, vk_domain_free);
	g_clear_pointer(&attempt->facts, vk_guest_facts_free);
	g_clear_pointer(&attempt->firmware, g_ptr_array_unref);
	g_clear_pointer(&attempt->snapshot, vk_snapshot_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Attempt, attempt_clear)

static gboolean gather_facts(Attempt *attempt, GError **error)
{
	const char *name = vk_guest_name(attempt->guest);
	const char *xml;

	attempt->facts = vk_guest_get_facts(attempt->guest, error);
	if (!attempt->facts)
		return FALSE;
	if (attempt->facts->state == VK_GUEST_OTHER)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"guest '%s' is crashed, suspended by itself, or migrating: back it up "
			"when it runs or is shut off",
			name);
	xml = attempt->facts->live_xml ? attempt->facts->live_xml : attempt->facts->domain_xml;
	attempt->domain = vk_domain_parse(xml, error);
	if (!attempt->domain)
		g_prefix_error(error, "guest '%s': ", name);
	return attempt->domain != NULL;
}

/* The newest snapshot of the guest that can be read; *RET is NULL when there is none. */
static gboolean load_last(const Attempt *attempt, VkSnapshot **ret, GError **error)
{
	VkVault *vault = attempt->context->vault;
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, vk_guest_uuid(attempt->guest), error);

	if (!keys)
		return FALSE;
	for (guint i = keys->len; i > 0 && !*ret; i--) {
		g_autoptr(GError) trouble = NULL;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		*ret = vk_catalog_load(vault, g_ptr_array_index(keys, i - 1), &trouble);
		if (!*ret)
			vk_log_warning("%s; building on an older snapshot", trouble->message);
	}
	return TRUE;
}

static VkSnapshot *new_snapshot(const Attempt *attempt)
{
	const VkGuestFacts *facts = attempt->facts;
	VkSnapshot *snapshot = vk_snapshot_new();

	snapshot->uuid = g_strdup(vk_guest_uuid(attempt->guest));
	snapshot->name = g_strdup(vk_guest_name(attempt->guest));
	snapshot->host = g_strdup(vk_host_name(attempt->context->host));
	snapshot->parent = attempt->last ? g_strdup(attempt->last->id) : NULL;
	snapshot->tool = g_strdup("virtkeep " VK_VERSION);
	snapshot->state = g_strdup(vk_guest_state_name(facts->state));
	snapshot->persistent = facts->persistent;
	snapshot->autostart = facts->autostart;
	snapshot->domain_xml = g_strdup(facts->domain_xml);
	snapshot->live_xml = g_strdup(facts->live_xml);
	for (guint i = 0; i < attempt->plan->skipped->len; i++) {
		const VkSkipRecord *skip = g_ptr_array_index(attempt->plan->skipped, i);

		g_ptr_array_add(snapshot->skipped, vk_skip_record_new(skip->target, skip->reason));
	}
	return snapshot;
}

static gboolean plan(Attempt *attempt, GError **error)
{
	if (!load_last(attempt, &attempt->last, error))
		return FALSE;
	attempt->plan = vk_backup_plan_new(attempt->domain, attempt->last);
	attempt->snapshot = new_snapshot(attempt);
	return TRUE;
}

static void set_instant(Attempt *attempt)
{
	g_free(attempt->snapshot->time);
	attempt->snapshot->time = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
}

static gboolean capture_firmware(Attempt *attempt, GError **error)
{
	attempt->firmware = vk_firmware_capture(attempt->domain, VK_FIRMWARE_TPM_ROOT, error);
	if (!attempt->firmware)
		g_prefix_error(error, "guest '%s': ", vk_guest_name(attempt->guest));
	return attempt->firmware != NULL;
}

static gboolean save_firmware(Attempt *attempt, GError **error)
{
	for (guint i = 0; i < attempt->firmware->len; i++) {
		const VkFirmwareFile *file = g_ptr_array_index(attempt->firmware, i);
		g_autoptr(VkSource) source = vk_source_bytes_new(file->content);
		g_autoptr(VkFileRecord) record = vk_file_record_new();
		VkSaveStats stats = {0};

		record->name = g_strdup(file->name);
		record->role = g_strdup(file->role);
		record->path = g_strdup(file->path);
		record->mode = file->mode;
		record->image = vk_session_save(attempt->context->session, source, NULL, &stats,
						NULL, error);
		if (!record->image) {
			g_prefix_error(error, "guest '%s', '%s': ", vk_guest_name(attempt->guest),
				       file->path);
			return FALSE;
		}
		g_ptr_array_add(attempt->snapshot->files, g_steal_pointer(&record));
	}
	return TRUE;
}

static gboolean save_image(Attempt *attempt, const VkPlanDisk *planned, VkSource *source,
			   VkDiskRecord *record, GError **error)
{
	const VkImageRecord *parent = planned->earlier ? planned->earlier->image : NULL;
	g_autofree char *label =
		g_strdup_printf("%s %s", vk_guest_name(attempt->guest), record->target);
	g_autoptr(VkProgress) progress = vk_progress_new(label, source->size);
	VkSaveStats stats = {0};

	record->image =
		vk_session_save(attempt->context->session, source, parent, &stats, progress, error);
	if (!record->image)
		return FALSE;
	record->read = stats.read;
	record->fresh = stats.fresh;
	record->stored = stats.stored;
	if (!stats.parent_damaged) {
		record->mode = g_strdup(vk_backup_plan_mode(planned));
		record->reason = vk_backup_plan_reason(attempt->plan, planned, source->size);
		return TRUE;
	}
	record->mode = g_strdup("full");
	record->reason =
		g_strdup_printf("the snapshot before, %s, is damaged", attempt->last->time);
	vk_log_warning("guest '%s', disk '%s': saved in full, for %s; 'virtkeep verify' tells more",
		       vk_guest_name(attempt->guest), record->target, record->reason);
	return TRUE;
}

/* Saves SOURCE, which may be NULL with ERROR set already. */
static gboolean save_disk(Attempt *attempt, const VkPlanDisk *planned, VkSource *source,
			  GError **error)
{
	const VkDomainDisk *disk = planned->disk;
	g_autoptr(VkDiskRecord) record = vk_disk_record_new();

	record->target = g_strdup(disk->target);
	record->bus = g_strdup(disk->bus);
	record->format = g_strdup(disk->image->format);
	record->source_type = g_strdup(disk->image->type);
	record->source = vk_domain_image_label(disk->image);
	if (!source || !save_image(attempt, planned, source, record, error)) {
		if (!vk_interrupted())
			g_prefix_error(error,
				       "guest '%s', disk '%s': ", vk_guest_name(attempt->guest),
				       disk->target);
		return FALSE;
	}
	g_ptr_array_add(attempt->snapshot->disks, g_steal_pointer(&record));
	return TRUE;
}

/* A guest that is paused already stays as it is. */
static VkHold hold_of_mode(const Attempt *attempt, VkQuiesceMode mode)
{
	if (mode == VK_QUIESCE_NONE || attempt->facts->state != VK_GUEST_RUNNING)
		return VK_HOLD_NONE;
	return mode == VK_QUIESCE_SUSPEND ? VK_HOLD_SUSPENDED : VK_HOLD_FROZEN;
}

/*
 * The point in time of a running guest. It is held only while the job begins; that it goes on is
 * more important than the snapshot, so a guest that could not be released is told first.
 */
static gboolean begin_live(Attempt *attempt, VkBackupJob *job, GError **error)
{
	const VkBackupOptions *options = attempt->context->options;
	g_autoptr(GError) begin_trouble = NULL;
	const VkQuiesceOptions how = {.mode = options->quiesce,
				      .timeout_sec = options->agent_timeout_sec};
	g_autoptr(GError) held = NULL;
	g_autoptr(VkQuiesce) quiesce = NULL;
	gboolean is_held = FALSE;

	if (!vk_guest_lock_set_hold(attempt->lock, hold_of_mode(attempt, options->quiesce), error))
		return FALSE;
	quiesce = vk_quiesce_begin(attempt->guest, &how, &is_held, error);
	if (!quiesce) {
		if (!is_held)
			vk_guest_lock_set_hold(attempt->lock, VK_HOLD_NONE, NULL);
		return FALSE;
	}
	set_instant(attempt);
	if (vk_backup_job_begin(job, &begin_trouble))
		vk_quiesce_point_taken(quiesce);
	if (vk_quiesce_end(quiesce, &held))
		vk_guest_lock_set_hold(attempt->lock, VK_HOLD_NONE, NULL);
	if (held && begin_trouble)
		return vk_fail(error, VK_ERROR_FAILED, "%s; and no backup began: %s", held->message,
			       begin_trouble->message);
	if (begin_trouble) {
		g_propagate_error(error, g_steal_pointer(&begin_trouble));
		return FALSE;
	}
	if (held) {
		vk_log_error("%s", held->message);
		if (!*attempt->ret_held)
			*attempt->ret_held = g_steal_pointer(&held);
	}
	if (vk_quiesce_note(quiesce))
		vk_log_warning("guest '%s': the snapshot is %s-consistent only: %s",
			       vk_guest_name(attempt->guest), vk_quiesce_consistency(quiesce),
			       vk_quiesce_note(quiesce));
	attempt->snapshot->consistency = g_strdup(vk_quiesce_consistency(quiesce));
	attempt->snapshot->pause_usec = vk_quiesce_pause_usec(quiesce);
	return TRUE;
}

static gboolean read_live(Attempt *attempt, VkBackupJob *job, GError **error)
{
	const GPtrArray *disks = attempt->plan->disks;

	if (!capture_firmware(attempt, error))
		return FALSE;
	for (guint i = 0; i < disks->len; i++) {
		const VkPlanDisk *planned = g_ptr_array_index(disks, i);
		g_autoptr(VkSource) source =
			vk_backup_job_source(job, planned->disk->target, error);

		if (!save_disk(attempt, planned, source, error))
			return FALSE;
	}
	return save_firmware(attempt, error);
}

/* Ends JOB after READ_TROUBLE. A guest that went away explains both, and deserves another try. */
static gboolean fail_live(VkBackupJob *job, const GError *read_trouble, GError **error)
{
	g_autoptr(GError) end_trouble = NULL;

	if (vk_backup_job_end(job, &end_trouble) ||
	    (g_error_matches(end_trouble, VK_ERROR, VK_ERROR_CHANGED) && vk_interrupted()))
		g_propagate_error(error, g_error_copy(read_trouble));
	else if (g_error_matches(end_trouble, VK_ERROR, VK_ERROR_CHANGED) ||
		 g_error_matches(read_trouble, VK_ERROR, VK_ERROR_CHANGED))
		g_propagate_error(error, g_steal_pointer(&end_trouble));
	else
		vk_fail(error, VK_ERROR_FAILED, "%s; besides: %s", read_trouble->message,
			end_trouble->message);
	return FALSE;
}

static gboolean take_live_shielded(Attempt *attempt, GError **error)
{
	g_autoptr(GArray) disks = vk_backup_plan_job_disks(attempt->plan);
	const VkBackupJobPlan job_plan = {.disks = disks};
	g_autoptr(VkBackupJob) job = NULL;
	g_autoptr(GError) trouble = NULL;

	if (!vk_backup_job_recover(attempt->guest, &attempt->paths, error))
		return FALSE;
	job = vk_backup_job_prepare(attempt->guest, &job_plan, &attempt->paths, error);
	if (!job || !begin_live(attempt, job, error))
		return FALSE;
	if (!read_live(attempt, job, &trouble))
		return fail_live(job, trouble, error);
	return vk_backup_job_end(job, error);
}

/* An impatient second signal must leave no guest frozen, and no job. */
static gboolean take_live(Attempt *attempt, GError **error)
{
	gboolean ok;

	vk_shield_begin();
	ok = take_live_shielded(attempt, error);
	vk_shield_end();
	return ok;
}

static gboolean read_offline(Attempt *attempt, GError **error)
{
	const GPtrArray *disks = attempt->plan->disks;

	if (!capture_firmware(attempt, error))
		return FALSE;
	for (guint i = 0; i < disks->len; i++) {
		const VkPlanDisk *planned = g_ptr_array_index(disks, i);
		g_autoptr(VkSource) source =
			vk_source_offline_new(attempt->context->host, planned->disk, NULL, error);

		if (!save_disk(attempt, planned, source, error))
			return FALSE;
	}
	return save_firmware(attempt, error);
}

static gboolean take_offline(Attempt *attempt, GError **error)
{
	g_autoptr(VkOfflineWatch) watch =
		vk_offline_watch_new(attempt->guest, attempt->domain, error);
	g_autoptr(GError) trouble = NULL;

	if (!watch)
		return FALSE;
	set_instant(attempt);
	/* The disks of a saved guest are those of a running one whose memory is missing. */
	attempt->snapshot->consistency =
		g_strdup(attempt->facts->has_saved_memory ? "crash" : "offline");
	if (attempt->facts->has_saved_memory)
		vk_log_warning("guest '%s': the snapshot is crash-consistent only: the guest is "
			       "saved, and its memory is not backed up",
			       vk_guest_name(attempt->guest));
	if (read_offline(attempt, &trouble))
		return vk_offline_watch_unchanged(watch, error);
	/* A guest that was started explains why its disk could not be read. */
	if (!vk_interrupted() && !vk_offline_watch_unchanged(watch, error))
		return FALSE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

/* A running guest without a disk to save: its definition and firmware. */
static gboolean take_diskless(Attempt *attempt, GError **error)
{
	set_instant(attempt);
	attempt->snapshot->consistency = g_strdup("crash");
	return capture_firmware(attempt, error) && save_firmware(attempt, error);
}

static gboolean take(Attempt *attempt, GError **error)
{
	if (!attempt->facts->live_xml)
		return take_offline(attempt, error);
	if (attempt->plan->disks->len == 0)
		return take_diskless(attempt, error);
	return take_live(attempt, error);
}

/* What a killed backup left: a guest that is held. */
static gboolean release_left(const Attempt *attempt, GError **error)
{
	VkHold left = vk_guest_lock_left(attempt->lock);

	if (left == VK_HOLD_NONE)
		return TRUE;
	vk_log_warning("guest '%s': an earlier backup did not end well and may have left it %s; "
		       "releasing it",
		       vk_guest_name(attempt->guest),
		       left == VK_HOLD_SUSPENDED ? "suspended" : "frozen");
	return vk_quiesce_recover(attempt->guest, left == VK_HOLD_SUSPENDED,
				  attempt->context->options->agent_timeout_sec, error) &&
	       vk_guest_lock_set_hold(attempt->lock, VK_HOLD_NONE, error);
}

static gboolean run_attempt(Attempt *attempt, GError **error)
{
	if (!release_left(attempt, error) || !gather_facts(attempt, error) ||
	    !plan(attempt, error) || !take(attempt, error))
		return FALSE;
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (vk_session_commit(attempt->context->session, attempt->snapshot, error))
		return TRUE;
	g_prefix_error(error, "guest '%s': ", vk_guest_name(attempt->guest));
	return FALSE;
}

static gboolean is_off_changed(const Attempt *attempt)
{
	VkGuestState state;

	return vk_guest_get_state(attempt->guest, &state, NULL) &&
	       (state == VK_GUEST_OFF) != (attempt->facts->state == VK_GUEST_OFF);
}

/*
 * A guest that was started or stopped may make any call fail, and libvirt seldom says why: so it
 * is asked how the guest is now. It may learn of the end of QEMU a moment after we do.
 */
static gboolean has_changed(const Attempt *attempt)
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

VkSnapshot *vk_backup_guest(const VkBackupContext *context, VkGuest *guest, GError **ret_held,
			    GError **error)
{
	const VkBackupOptions *options = context->options;
	g_auto(Attempt) attempt = {
		.context = context,
		.guest = guest,
		.paths = {.scratch_dir = options->scratch_dir, .run_dir = options->run_dir},
		.ret_held = ret_held,
	};
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkGuestLock) lock = vk_guest_lock_take(options->run_dir, vk_guest_uuid(guest),
							 vk_guest_name(guest), error);

	if (!lock)
		return NULL;
	attempt.lock = lock;
	if (run_attempt(&attempt, &trouble))
		return g_steal_pointer(&attempt.snapshot);
	if (trouble->domain == VK_ERROR && !vk_interrupted() && has_changed(&attempt))
		trouble->code = VK_ERROR_CHANGED;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return NULL;
}
