/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the backup job that a killed run left behind, and ends it. */
#include "backup-job.h"

#include "backup-names-priv.h"
#include "guest-backup.h"
#include "errors.h"

#include <errno.h>
#include <glib/gstdio.h>

static VkJobOwner owner_of(const char *socket)
{
	if (!socket)
		return VK_JOB_NONE;
	return vk_backup_is_our_socket(socket) ? VK_JOB_OURS : VK_JOB_FOREIGN;
}

gboolean vk_backup_job_find(VkGuest *guest, VkJobOwner *ret, GError **error)
{
	g_autofree char *socket = NULL;

	if (!vk_backup_running(guest, &socket, error))
		return FALSE;
	*ret = owner_of(socket);
	return TRUE;
}

gboolean vk_backup_job_recover(VkGuest *guest, const VkBackupJobPaths *paths, GError **error)
{
	g_autoptr(GPtrArray) files = NULL;
	g_autofree char *socket = NULL;

	if (!vk_backup_running(guest, &socket, error))
		return FALSE;
	if (owner_of(socket) == VK_JOB_FOREIGN)
		return vk_fail(error, VK_ERROR_BUSY,
			       "another tool's backup job runs on guest '%s'; wait for its "
			       "end, or end it with 'virsh domjobabort %s'",
			       vk_guest_name(guest), vk_guest_uuid(guest));
	if (socket) {
		if (!vk_backup_abort(guest, NULL, error) || !vk_backup_resume_guest(guest, error))
			return FALSE;
		g_unlink(socket);
	}
	files = vk_backup_job_files(guest, paths);
	for (guint i = 0; i < files->len; i++) {
		const char *path = g_ptr_array_index(files, i);

		if (g_unlink(path) < 0 && errno != ENOENT)
			return vk_fail_errno(error, errno, "cannot remove '%s'", path);
	}
	return TRUE;
}
