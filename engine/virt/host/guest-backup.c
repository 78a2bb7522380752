/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-backup.h"

#include "errors.h"
#include "libvirt-priv.h"
#include "polling.h"
#include "xml-text.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#define ABORT_TIMEOUT_SEC 60
#define DISK_ERRORS_MAX   64

gboolean vk_backup_socket_directory(VkGuest *guest, char **ret, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autofree char *pattern = NULL;
	glob_t found = {0};

	*ret = NULL;
	if (!domain)
		return FALSE;
	if (!strstr(vk_host_uri(vk_guest_host(guest)), "/system"))
		return TRUE;
	pattern =
		g_strdup_printf(VK_LIBVIRT_STATE_DIRECTORY "/domain-%u-*", virDomainGetID(domain));
	if (glob(pattern, GLOB_ONLYDIR, NULL, &found) == 0 && found.gl_pathc == 1)
		*ret = g_strdup(found.gl_pathv[0]);
	globfree(&found);
	return TRUE;
}

gboolean vk_backup_begin(VkGuest *guest, const char *xml, const char *checkpoint_xml,
			 gboolean *ret_refused, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autoptr(GError) cause = NULL;
	gboolean is_bitmap;

	*ret_refused = FALSE;
	if (!domain)
		return FALSE;
	if (virDomainBackupBegin(domain, xml, checkpoint_xml, 0) == 0)
		return TRUE;
	is_bitmap = virGetLastErrorCode() == VIR_ERR_CHECKPOINT_INCONSISTENT;
	vk_fail_libvirt(&cause, "cannot begin a backup job of guest '%s'", vk_guest_name(guest));
	*ret_refused = virConnectIsAlive(virDomainGetConnect(domain)) == 1;
	if (is_bitmap) /* it broke since it was examined */
		return vk_fail(error, VK_ERROR_CHANGED, "%s; try again", cause->message);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

gboolean vk_backup_running(VkGuest *guest, char **ret_socket, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(virDomain) domain = vk_guest_domain(guest, &cause);
	char *xml;

	*ret_socket = NULL;
	if (!domain) {
		if (g_error_matches(cause, VK_ERROR, VK_ERROR_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	xml = virDomainBackupGetXMLDesc(domain, 0);
	if (!xml) {
		int code = virGetLastErrorCode();

		if (code == VIR_ERR_NO_DOMAIN_BACKUP || code == VIR_ERR_NO_DOMAIN ||
		    code == VIR_ERR_OPERATION_INVALID)
			return TRUE;
		return vk_fail_libvirt(error, "cannot look for a backup job of guest '%s'",
				       vk_guest_name(guest));
	}
	*ret_socket = vk_xml_text_at(xml, "/domainbackup/server/@socket");
	if (!*ret_socket)
		*ret_socket = g_strdup("");
	free(xml);
	return TRUE;
}

gboolean vk_backup_is_beginning(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	virDomainJobInfo info = {0};

	if (!domain)
		return FALSE;
	if (virDomainGetJobInfo(domain, &info) < 0)
		/* QEMU has not answered to what was asked for before. */
		return virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT;
	return info.type != VIR_DOMAIN_JOB_NONE;
}

gboolean vk_backup_scratch_used(VkGuest *guest, guint64 *ret)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	virTypedParameterPtr params = NULL;
	unsigned long long used = 0;
	int type = 0, count = 0;
	gboolean known;

	if (!domain || virDomainGetJobStats(domain, &type, &params, &count, 0) < 0)
		return FALSE;
	known = virTypedParamsGetULLong(params, count, VIR_DOMAIN_JOB_DISK_TEMP_USED, &used) > 0;
	virTypedParamsFree(params, count);
	*ret = used;
	return known;
}

static gboolean wait_ended(VkGuest *guest, GError **error)
{
	gint64 deadline = vk_deadline(ABORT_TIMEOUT_SEC);
	guint pause = 0;

	for (;;) {
		g_autofree char *socket = NULL;

		if (!vk_backup_running(guest, &socket, error))
			return FALSE;
		if (!socket)
			return TRUE;
		if (vk_deadline_passed(deadline))
			return vk_fail(error, VK_ERROR_FAILED,
				       "the backup job of guest '%s' does not end within %d "
				       "seconds; run 'virsh domjobabort %s'",
				       vk_guest_name(guest), ABORT_TIMEOUT_SEC,
				       vk_guest_uuid(guest));
		vk_poll_pause(&pause);
	}
}

gboolean vk_backup_abort(VkGuest *guest, gboolean *ret_aborted, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	VkGuestState state = VK_GUEST_OFF;
	gboolean aborted;

	if (!domain)
		return FALSE;
	aborted = virDomainAbortJob(domain) == 0;
	if (!aborted && virGetLastErrorCode() != VIR_ERR_OPERATION_INVALID &&
	    virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return vk_fail_libvirt(error, "cannot end the backup job of guest '%s'",
				       vk_guest_name(guest));
	if (!wait_ended(guest, error))
		return FALSE;
	/* The job of a guest that is just ending can be aborted, though its server is dead. */
	if (!vk_guest_get_state(guest, &state, NULL) || state == VK_GUEST_OFF)
		aborted = FALSE;
	if (ret_aborted)
		*ret_aborted = aborted;
	return TRUE;
}

static gboolean is_out_of_space(virDomainPtr domain)
{
	virDomainDiskError errors[DISK_ERRORS_MAX];
	gboolean found = FALSE;
	int count = virDomainGetDiskErrors(domain, errors, G_N_ELEMENTS(errors), 0);

	for (int i = 0; i < count; i++) {
		found = found || errors[i].error == VIR_DOMAIN_DISK_ERROR_NO_SPACE;
		free(errors[i].disk);
	}
	return found;
}

gboolean vk_backup_has_stopped_guest(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	int state = 0, reason = 0;

	return domain && virDomainGetState(domain, &state, &reason, 0) == 0 &&
	       state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR &&
	       is_out_of_space(domain);
}

gboolean vk_backup_resume_guest(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = NULL;

	if (!vk_backup_has_stopped_guest(guest))
		return TRUE;
	domain = vk_guest_domain(guest, error);
	if (!domain)
		return FALSE;
	if (virDomainResume(domain) < 0)
		return vk_fail_libvirt(error,
				       "guest '%s' was stopped by a full disk and cannot be "
				       "resumed; run 'virsh resume %s'",
				       vk_guest_name(guest), vk_guest_uuid(guest));
	return TRUE;
}
