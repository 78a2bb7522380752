/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-command.h"

#include "errors.h"
#include "json.h"
#include "libvirt-priv.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

static gboolean is_late(int code)
{
	return code == VIR_ERR_AGENT_UNRESPONSIVE || code == VIR_ERR_AGENT_UNSYNCED ||
	       code == VIR_ERR_OPERATION_TIMEOUT;
}

static gboolean fail_command(const char *command, guint timeout_sec, GError **error)
{
	gboolean late = is_late(virGetLastErrorCode());
	g_autofree char *reason = vk_libvirt_reason();

	if (late)
		return vk_fail(error, VK_ERROR_BUSY,
			       "its guest agent did not answer '%s' within %u s (%s)", command,
			       timeout_sec, reason);
	return vk_fail(error, VK_ERROR_FAILED, "its guest agent refuses '%s': %s", command, reason);
}

/* The answer's text; NULL after a failure. To be freed by free(). */
static char *execute(VkGuest *guest, const char *command, json_t *arguments, guint timeout_sec,
		     GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	g_autoptr(json_t) object =
		json_pack("{s:s, s:O*}", "execute", command, "arguments", arguments);
	g_autofree char *text = object ? vk_json_line(object) : NULL;
	char *answer;

	if (!domain)
		return NULL;
	if (!text) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' cannot be put into words", command);
		return NULL;
	}
	answer = virDomainQemuAgentCommand(domain, text, (int)timeout_sec, 0);
	if (!answer)
		fail_command(command, timeout_sec, error);
	return answer;
}

json_t *vk_agent_command(VkGuest *guest, const char *command, json_t *arguments, guint timeout_sec,
			 GError **error)
{
	char *answer = execute(guest, command, arguments, timeout_sec, error);
	g_autoptr(json_t) object =
		answer ? vk_json_parse(answer, strlen(answer), command, NULL) : NULL;
	json_t *value = json_incref(json_object_get(object, "return"));

	if (answer && !value)
		vk_fail(error, VK_ERROR_FAILED, "its guest agent answers '%s' with nonsense",
			command);
	free(answer);
	return value;
}
