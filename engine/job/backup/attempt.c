/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attempt-priv.h"

#include "errors.h"
#include "timestamp.h"

#include <sys/stat.h>

void vk_attempt_clear(VkAttempt *attempt)
{
	if (attempt->set)
		vk_snapshot_set_leave(attempt->set, vk_guest_uuid(attempt->guest));
	g_clear_pointer(&attempt->own_set, vk_snapshot_set_free);
	g_clear_pointer(&attempt->watch, vk_offline_watch_free);
	g_clear_pointer(&attempt->plan, vk_backup_plan_free);
	g_clear_pointer(&attempt->last, vk_snapshot_free);
	g_clear_pointer(&attempt->domain, vk_domain_free);
	g_clear_pointer(&attempt->facts, vk_guest_facts_free);
	g_clear_pointer(&attempt->firmware, g_ptr_array_unref);
	g_clear_pointer(&attempt->session, vk_session_free);
	g_clear_pointer(&attempt->snapshot, vk_snapshot_free);
	g_clear_pointer(&attempt->guest_options, vk_guest_options_free);
	g_clear_pointer(&attempt->lock, vk_guest_lock_free);
}

gboolean vk_attempt_is_array(const VkAttempt *attempt)
{
	return attempt->guest_options->mode != VK_MODE_VAULT;
}

void vk_attempt_enter_semaphore(VkAttempt *attempt)
{
	if (attempt->semaphore)
		return;
	attempt->semaphore = attempt->is_grouped ? attempt->context->group_semaphore
						 : attempt->context->semaphore;
	vk_semaphore_enter(attempt->semaphore);
}

void vk_attempt_leave_semaphore(VkAttempt *attempt)
{
	if (attempt->semaphore)
		vk_semaphore_leave(attempt->semaphore);
	attempt->semaphore = NULL;
}

void vk_attempt_give_way(VkAttempt *attempt)
{
	if (attempt->is_grouped)
		vk_attempt_leave_semaphore(attempt);
}

gboolean vk_attempt_meet(VkAttempt *attempt, VkGroupStage stage, GError **error)
{
	const VkBackupOptions *options = attempt->context->options;

	if (attempt->is_grouped &&
	    vk_group_wait(attempt->try->group, stage, attempt->deadline, error))
		return TRUE;
	if (!attempt->is_grouped && g_get_monotonic_time() < attempt->deadline)
		return TRUE;
	if (!attempt->is_grouped)
		vk_fail(error, VK_ERROR_FAILED, "it was not ready within the %u s of %s",
			options->operation_timeout_sec,
			vk_settings_written_key(options->settings, "backup", "operation_timeout"));
	g_prefix_error(error, "guest '%s': ", vk_guest_name(attempt->guest));
	return FALSE;
}

void vk_attempt_leave_group(VkAttempt *attempt)
{
	if (attempt->is_grouped)
		vk_group_leave(attempt->try->group);
	attempt->is_grouped = FALSE;
}

void vk_attempt_set_instant(VkAttempt *attempt)
{
	gint64 time = attempt->try->group ? vk_group_time(attempt->try->group)
					  : g_get_real_time() / G_USEC_PER_SEC;

	g_free(attempt->snapshot->time);
	attempt->snapshot->time = vk_time_format(time);
}

gboolean vk_attempt_run_hooks(VkAttempt *attempt, VkHookPhase phase, const GError *trouble,
			      GError **error)
{
	const VkSnapshot *snapshot = attempt->snapshot;
	g_autofree char *reference =
		phase == VK_HOOK_POST_COMMIT ? vk_snapshot_reference(snapshot) : NULL;
	const VkHookFacts facts = {
		.guest = vk_guest_name(attempt->guest),
		.uuid = vk_guest_uuid(attempt->guest),
		.vault = attempt->context->vault_url,
		.group = attempt->try->group ? vk_group_id(attempt->try->group) : NULL,
		.snapshot = reference,
		.consistency = snapshot ? snapshot->consistency : NULL,
		.pause_usec = snapshot ? snapshot->pause_usec : 0,
		.error = trouble ? trouble->message : NULL,
	};

	if (vk_hooks_run(attempt->context->options->settings, phase, &facts, error))
		return TRUE;
	g_prefix_error(error, "guest '%s': ", vk_guest_name(attempt->guest));
	return FALSE;
}

guint64 vk_attempt_inode(const VkDomainImage *image)
{
	struct stat info;

	return image->path && stat(image->path, &info) == 0 && S_ISREG(info.st_mode)
		       ? (guint64)info.st_ino
		       : 0;
}
