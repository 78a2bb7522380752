/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent.h"

#include "errors.h"
#include "json.h"
#include "virt-priv.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

gboolean vk_agent_probe(VkGuest *guest, guint timeout_sec, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	long long seconds = 0;
	unsigned int nseconds = 0;

	if (!domain)
		return FALSE;
	if (virDomainAgentSetResponseTimeout(domain, (int)timeout_sec, 0) < 0)
		return vk_fail_libvirt(error, "cannot set the timeout of the guest agent");
	/* Any answer will do: a policy in the guest may forbid telling the time. */
	if (virDomainGetTime(domain, &seconds, &nseconds, 0) < 0 &&
	    (virGetLastErrorCode() == VIR_ERR_AGENT_UNRESPONSIVE ||
	     virGetLastErrorCode() == VIR_ERR_AGENT_UNSYNCED)) {
		vk_fail(error, VK_ERROR_FAILED,
			"its guest agent did not answer within %u seconds (%s)", timeout_sec,
			virGetLastErrorMessage());
		vk_agent_done(guest);
		return FALSE;
	}
	return TRUE;
}

int vk_agent_freeze(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	int count;

	if (!domain)
		return -1;
	count = virDomainFSFreeze(domain, NULL, 0, 0);
	if (count < 0)
		vk_fail_libvirt(error, "its guest agent could not freeze the file systems");
	return count;
}

static gboolean is_thawed(virDomainPtr domain, guint timeout_sec)
{
	char *answer = virDomainQemuAgentCommand(domain, "{\"execute\":\"guest-fsfreeze-status\"}",
						 (int)timeout_sec, 0);
	const char *status = NULL;
	g_autoptr(json_t) object = NULL;

	if (!answer)
		return FALSE;
	object = vk_json_parse(answer, strlen(answer), "guest-fsfreeze-status", NULL);
	free(answer);
	return object && vk_json_string(object, "return", &status, NULL) &&
	       g_str_equal(status, "thawed");
}

gboolean vk_agent_thaw(VkGuest *guest, guint timeout_sec, int *ret_count, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autofree char *reason = NULL;
	int count;

	if (!domain)
		return FALSE;
	count = virDomainFSThaw(domain, NULL, 0, 0);
	if (count < 0) {
		reason = g_strdup(virGetLastErrorMessage());
		if (!is_thawed(domain, timeout_sec))
			return vk_fail(error, VK_ERROR_FAILED,
				       "its guest agent did not thaw the file systems: %s", reason);
	}
	*ret_count = MAX(count, 0);
	return TRUE;
}

void vk_agent_done(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);

	/* libvirt does not tell what it was before. It bears upon no call of ours any more. */
	if (domain)
		virDomainAgentSetResponseTimeout(domain, VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK,
						 0);
}
