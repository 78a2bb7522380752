/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a guest runs, and what else goes on with it. */
#include "guest.h"

#include "errors.h"
#include "libvirt-priv.h"

#include <libvirt/virterror.h>

/* A guest of which a part is on another host. */
static gboolean is_between_hosts(int libvirt_state, int reason)
{
	if (libvirt_state == VIR_DOMAIN_PAUSED)
		return reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
		       reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
	return libvirt_state == VIR_DOMAIN_RUNNING &&
	       (reason == VIR_DOMAIN_RUNNING_POSTCOPY ||
		reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED);
}

/* At the source of a migration its job shows it. At the destination libvirt shows no job. */
static gboolean is_migrating(virDomainPtr domain)
{
	virTypedParameterPtr parameters = NULL;
	int type = VIR_DOMAIN_JOB_NONE, count = 0, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

	if (virDomainGetJobStats(domain, &type, &parameters, &count, 0) < 0)
		return virGetLastErrorCode() == VIR_ERR_OPERATION_UNSUPPORTED;
	virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation);
	virTypedParamsFree(parameters, count);
	return operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
}

static VkGuestState state_of(int libvirt_state)
{
	switch (libvirt_state) {
	case VIR_DOMAIN_SHUTOFF:
		return VK_GUEST_OFF;
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_SHUTDOWN:
		return VK_GUEST_RUNNING;
	case VIR_DOMAIN_PAUSED:
		return VK_GUEST_PAUSED;
	case VIR_DOMAIN_PMSUSPENDED:
		return VK_GUEST_ASLEEP;
	default:
		return VK_GUEST_OTHER;
	}
}

gboolean vk_guest_get_state(VkGuest *guest, VkGuestState *ret, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	int state = 0, reason = 0;

	if (!domain)
		return FALSE;
	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return vk_fail_libvirt(error, "cannot get the state of guest '%s'",
				       vk_guest_name(guest));
	/* A guest that was restored paused has the same reason until it runs. */
	if (is_between_hosts(state, reason) ||
	    (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION &&
	     is_migrating(domain)))
		*ret = VK_GUEST_MIGRATING;
	else
		*ret = state_of(state);
	return TRUE;
}

gboolean vk_guest_is_stalled(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	virDomainJobInfo info;

	return domain && virDomainGetJobInfo(domain, &info) < 0 &&
	       virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT;
}

const char *vk_guest_why_still(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	int state = 0, reason = 0;

	if (!domain || virDomainGetState(domain, &state, &reason, 0) < 0)
		return "the guest was not running";
	if (state == VIR_DOMAIN_PMSUSPENDED)
		return "the guest is asleep (pmsuspended)";
	if (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR)
		return "an I/O error of a disk has stopped the guest ('virsh domblkerror' says "
		       "which)";
	return "the guest was not running";
}

static const char *block_job_words(int type)
{
	switch (type) {
	case VIR_DOMAIN_BLOCK_JOB_TYPE_PULL:
		return "block pull";
	case VIR_DOMAIN_BLOCK_JOB_TYPE_COPY:
		return "block copy";
	case VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT:
	case VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT:
		return "block commit";
	default:
		return "block job";
	}
}

gboolean vk_guest_check_block_job(VkGuest *guest, const char *target, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	virDomainBlockJobInfo info = {0};
	gboolean may_pivot;

	if (!domain)
		return FALSE;
	/* If libvirt does not know, the backup will find out. */
	if (virDomainGetBlockJobInfo(domain, target, &info, 0) != 1)
		return TRUE;
	may_pivot = info.cur == info.end && (info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY ||
					     info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT);
	return vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s', disk '%s': a %s of another program runs on it; %s 'virsh "
		       "blockjob %s %s "
		       "%s', and try again",
		       vk_guest_name(guest), target, block_job_words(info.type),
		       may_pivot ? "it is ready: end it with" : "wait for its end, or end it with",
		       vk_guest_name(guest), target,
		       may_pivot ? "--pivot' or '--abort" : "--abort");
}

gboolean vk_guest_check_stays(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	VkGuestState state = VK_GUEST_OTHER;

	if (!domain || !vk_guest_get_state(guest, &state, error))
		return FALSE;
	return (state != VK_GUEST_MIGRATING && !is_migrating(domain)) ||
	       vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s' is being migrated; back it up when it has arrived",
		       vk_guest_name(guest));
}

gboolean vk_guest_has_left(VkGuest *guest)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(virDomain) domain = vk_guest_domain(guest, &cause);
	int state = 0, reason = 0;

	if (domain && virDomainGetState(domain, &state, &reason, 0) == 0)
		return state == VIR_DOMAIN_SHUTOFF && reason == VIR_DOMAIN_SHUTOFF_MIGRATED;
	return domain ? virGetLastErrorCode() == VIR_ERR_NO_DOMAIN
		      : g_error_matches(cause, VK_ERROR, VK_ERROR_NOT_FOUND);
}

const char *vk_guest_state_name(VkGuestState state)
{
	switch (state) {
	case VK_GUEST_OFF:
		return "shut off";
	case VK_GUEST_RUNNING:
		return "running";
	case VK_GUEST_PAUSED:
		return "paused";
	case VK_GUEST_MIGRATING:
		return "migrating";
	case VK_GUEST_ASLEEP:
		return "pmsuspended";
	case VK_GUEST_OTHER:
		break;
	}
	return "other";
}
