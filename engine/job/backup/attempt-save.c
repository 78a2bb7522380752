/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attempt-priv.h"

#include "boot-file.h"
#include "bytes-source.h"
#include "disk-layout.h"
#include "errors.h"
#include "firmware.h"
#include "log.h"
#include "interrupt.h"
#include "same-fs.h"

gboolean vk_attempt_capture_firmware(VkAttempt *attempt, GError **error)
{
	g_autofree char *tpm_root = vk_host_tpm_directory(attempt->try->host);

	attempt->firmware = vk_firmware_capture(attempt->domain, tpm_root, error);
	if (!attempt->firmware)
		g_prefix_error(error, "guest '%s': ", vk_guest_name(attempt->guest));
	return attempt->firmware != NULL;
}

static gboolean save_file(VkAttempt *attempt, const char *name, const char *role, const char *path,
			  guint32 mode, GBytes *content, GError **error)
{
	g_autoptr(VkSource) source = vk_source_bytes_new(content);
	g_autoptr(VkFileRecord) record = vk_file_record_new();
	VkSaveStats stats = {0};

	record->name = g_strdup(name);
	record->role = g_strdup(role);
	record->path = g_strdup(path);
	record->mode = mode;
	record->image = vk_session_save(attempt->session, source, NULL, &stats, NULL, error);
	if (!record->image) {
		g_prefix_error(error, "guest '%s', '%s': ", vk_guest_name(attempt->guest), path);
		return FALSE;
	}
	g_ptr_array_add(attempt->snapshot->files, g_steal_pointer(&record));
	return TRUE;
}

/*
 * The guest does not write to these files of the host, so they are read when it runs on. One that
 * cannot be read is a warning: the guest's data are worth more than its kernel.
 */
static gboolean save_boot_files(VkAttempt *attempt, GError **error)
{
	const GArray *files = attempt->domain->boot;

	for (guint i = 0; i < files->len; i++) {
		const VkDomainBoot *boot = &g_array_index(files, VkDomainBoot, i);
		g_autoptr(GError) trouble = NULL;
		g_autoptr(GBytes) content = NULL;
		guint32 mode = 0;

		content = vk_boot_file_read(boot->path, &mode, &trouble);
		if (content &&
		    !save_file(attempt, boot->element, "boot", boot->path, mode, content, error))
			return FALSE;
		if (content)
			continue;
		vk_log_warning("guest '%s': its %s is not saved: %s", vk_guest_name(attempt->guest),
			       boot->element, trouble->message);
		g_ptr_array_add(attempt->snapshot->skipped,
				vk_skip_record_new(boot->path, trouble->message));
	}
	return TRUE;
}

gboolean vk_attempt_save_firmware(VkAttempt *attempt, GError **error)
{
	for (guint i = 0; i < attempt->firmware->len; i++) {
		const VkFirmwareFile *file = g_ptr_array_index(attempt->firmware, i);

		if (!save_file(attempt, file->name, file->role, file->path, file->mode,
			       file->content, error))
			return FALSE;
	}
	return save_boot_files(attempt, error);
}

static char *damage_reason(const VkAttempt *attempt)
{
	return g_strdup_printf("the snapshot before, %s, is damaged", attempt->last->time);
}

/* Upon a damaged map, or half of the changes, nothing can be built: all is to be read in whole. */
static void note_tracking_trouble(VkAttempt *attempt, const VkBackupPlanDisk *planned,
				  const VkSaveStats *stats)
{
	if (!stats->parent_damaged && !stats->was_cut)
		return;
	g_free(attempt->try->tracking_trouble);
	attempt->try->tracking_trouble =
		stats->parent_damaged
			? damage_reason(attempt)
			: g_strdup_printf("disk '%s' was made smaller and larger again",
					  planned->disk->target);
}

static void set_mode(VkAttempt *attempt, const VkBackupPlanDisk *planned, VkDiskRecord *record,
		     gboolean parent_damaged)
{
	if (!parent_damaged) {
		record->mode = g_strdup(vk_backup_plan_mode(planned));
		record->reason = vk_backup_plan_reason(attempt->plan, planned);
		return;
	}
	record->mode = g_strdup("full");
	record->reason = damage_reason(attempt);
	vk_log_warning(
		"guest '%s', disk '%s': saved in full, because %s; 'virtkeep verify' shows more",
		vk_guest_name(attempt->guest), record->target, record->reason);
}

/* The source's size and knowledge of changes are final, and so is the mode. */
static gboolean settle_mode(VkAttempt *attempt, VkBackupPlanDisk *planned, const VkSource *source,
			    GError **error)
{
	vk_backup_plan_set_size(planned, source->size);
	if (planned->incremental && !source->knows_changes) {
		planned->incremental = FALSE;
		planned->cause = g_strdup("QEMU did not offer its dirty bitmap");
	}
	if (!planned->incremental && source->knows_changes)
		return vk_fail(error, VK_ERROR_CHANGED, "it was resized; try again");
	return TRUE;
}

static void tell_mode(const VkAttempt *attempt, const VkBackupPlanDisk *planned)
{
	g_autofree char *reason = vk_backup_plan_reason(attempt->plan, planned);

	vk_log_debug("guest '%s', disk '%s': %s: %s", vk_guest_name(attempt->guest),
		     planned->disk->target, vk_backup_plan_mode(planned), reason);
}

static gboolean save_image(VkAttempt *attempt, VkBackupPlanDisk *planned, VkSource *source,
			   VkDiskRecord *record, GError **error)
{
	const VkImageRecord *parent = planned->earlier ? planned->earlier->image : NULL;
	VkSaveStats stats = {0};

	if (!settle_mode(attempt, planned, source, error))
		return FALSE;
	tell_mode(attempt, planned);
	attempt->try->awaited--;
	record->image = vk_session_save(attempt->session, source, parent, &stats,
					attempt->context->progress, error);
	if (!record->image) {
		note_tracking_trouble(attempt, planned, &stats);
		return FALSE;
	}
	record->read = stats.read;
	record->fresh = stats.fresh;
	record->stored = stats.stored;
	set_mode(attempt, planned, record, stats.parent_damaged);
	return TRUE;
}

VkDiskRecord *vk_attempt_new_disk_record(const VkAttempt *attempt, const VkDomainDisk *disk)
{
	VkDiskRecord *record = vk_disk_record_new();

	record->target = g_strdup(disk->target);
	record->bus = g_strdup(disk->bus);
	record->format = g_strdup(disk->image->format);
	record->source_type = g_strdup(disk->image->type);
	record->source = vk_domain_image_label(disk->image);
	record->inode = vk_attempt_inode(disk->image);
	record->layout = vk_disk_layout_new(attempt->try->host, disk);
	return record;
}

static void warn_of_file_system(const VkAttempt *attempt, const VkDomainImage *image)
{
	const VkBackupContext *context = attempt->context;

	if (image->path && !g_atomic_int_get(context->same_fs_warned) &&
	    vk_is_same_file_system(vk_vault_directory(context->vault), image->path) &&
	    g_atomic_int_compare_and_exchange(context->same_fs_warned, FALSE, TRUE))
		vk_warn_same_file_system(context->vault, vk_guest_name(attempt->guest),
					 image->path);
}

gboolean vk_attempt_save_disk(VkAttempt *attempt, VkBackupPlanDisk *planned, VkSource *source,
			      GError **error)
{
	const VkDomainDisk *disk = planned->disk;
	g_autoptr(VkDiskRecord) record = vk_attempt_new_disk_record(attempt, disk);

	if (!source || !save_image(attempt, planned, source, record, error)) {
		if (!vk_interrupted())
			g_prefix_error(error,
				       "guest '%s', disk '%s': ", vk_guest_name(attempt->guest),
				       disk->target);
		return FALSE;
	}
	warn_of_file_system(attempt, disk->image);
	if (planned->track)
		record->bitmap = g_strdup(attempt->snapshot->checkpoint);
	g_ptr_array_add(attempt->snapshot->disks, g_steal_pointer(&record));
	return TRUE;
}

void vk_attempt_warn_decrypted(const VkAttempt *attempt)
{
	for (guint i = 0; i < attempt->plan->disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);

		if (vk_domain_disk_is_encrypted(planned->disk))
			vk_log_warning(
				"guest '%s', disk '%s': it is encrypted on the host and saved "
				"decrypted: everyone who can read the vault can read it",
				vk_guest_name(attempt->guest), planned->disk->target);
	}
}
