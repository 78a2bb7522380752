/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent.h"

#include "domain.h"
#include "errors.h"
#include "json.h"
#include "libvirt-priv.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

gboolean vk_agent_check(VkGuest *guest, GError **error)
{
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(guest, error);
	g_autoptr(VkDomain) domain = NULL;

	if (!facts)
		return FALSE;
	if (!facts->live_xml)
		return vk_fail(error, VK_ERROR_CHANGED, "it was shut off");
	domain = vk_domain_parse(facts->live_xml, error);
	if (!domain)
		return FALSE;
	if (!domain->has_agent_channel)
		return vk_fail(error, VK_ERROR_FAILED,
			       "it has no channel 'org.qemu.guest_agent.0' for a guest agent");
	if (!domain->agent_connected)
		return vk_fail(error, VK_ERROR_FAILED,
			       "no guest agent runs in it; install qemu-guest-agent there");
	return TRUE;
}

/* What the agent says of its file systems; NULL when it does not say. New string. */
static char *freeze_status(virDomainPtr domain, guint timeout_sec)
{
	char *answer = virDomainQemuAgentCommand(domain, "{\"execute\":\"guest-fsfreeze-status\"}",
						 (int)timeout_sec, 0);
	const char *status = NULL;
	g_autoptr(json_t) object = NULL;

	if (!answer)
		return NULL;
	object = vk_json_parse(answer, strlen(answer), "guest-fsfreeze-status", NULL);
	free(answer);
	if (!object || !vk_json_string(object, "return", &status, NULL))
		return NULL;
	return g_strdup(status);
}

static gboolean has_status(virDomainPtr domain, guint timeout_sec, const char *wanted)
{
	g_autofree char *status = freeze_status(domain, timeout_sec);

	return g_strcmp0(status, wanted) == 0;
}

gboolean vk_agent_set_timeout(VkGuest *guest, guint timeout_sec, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	return virDomainAgentSetResponseTimeout(domain, (int)timeout_sec, 0) == 0 ||
	       vk_fail_libvirt(error, "cannot set the timeout of the guest agent");
}

gboolean vk_agent_probe(VkGuest *guest, guint timeout_sec, gboolean *ret_frozen, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	long long seconds = 0;
	unsigned int nseconds = 0;

	*ret_frozen = FALSE;
	if (!domain || !vk_agent_set_timeout(guest, timeout_sec, error))
		return FALSE;
	if (virDomainGetTime(domain, &seconds, &nseconds, 0) == 0)
		return TRUE;
	if (virGetLastErrorCode() == VIR_ERR_AGENT_UNRESPONSIVE ||
	    virGetLastErrorCode() == VIR_ERR_AGENT_UNSYNCED) {
		g_autofree char *reason = vk_libvirt_reason();

		vk_fail(error, VK_ERROR_FAILED, "its guest agent did not answer within %u s (%s)",
			timeout_sec, reason);
		vk_agent_done(guest);
		return FALSE;
	}
	/*
	 * Any answer will do: a policy in the guest may forbid telling the time, and so does a
	 * freeze.
	 */
	*ret_frozen = has_status(domain, timeout_sec, "frozen");
	return TRUE;
}

char **vk_agent_mountpoints(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	virDomainFSInfoPtr *list = NULL;
	int count = domain ? virDomainGetFSInfo(domain, &list, 0) : -1;

	for (int i = 0; i < count; i++) {
		g_strv_builder_add(builder, list[i]->mountpoint);
		virDomainFSInfoFree(list[i]);
	}
	free(list);
	return count > 0 ? g_strv_builder_end(builder) : NULL;
}

int vk_agent_freeze(VkGuest *guest, char *const *mountpoints, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autoptr(GPtrArray) places = g_ptr_array_new();
	int count;

	if (!domain)
		return -1;
	for (; mountpoints && *mountpoints; mountpoints++)
		g_ptr_array_add(places, *mountpoints);
	count = virDomainFSFreeze(domain, places->len ? (const char **)places->pdata : NULL,
				  places->len, 0);
	if (count < 0)
		vk_fail_libvirt(error, "its guest agent could not freeze the file systems");
	return count;
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
		reason = vk_libvirt_reason();
		if (!has_status(domain, timeout_sec, "thawed"))
			return vk_fail(error, VK_ERROR_FAILED,
				       "its guest agent did not thaw the file systems: %s", reason);
	}
	*ret_count = MAX(count, 0);
	return TRUE;
}

void vk_agent_done(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);

	/* libvirt does not say what it was before. No later call depends on it. */
	if (domain)
		virDomainAgentSetResponseTimeout(domain, VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK,
						 0);
}
