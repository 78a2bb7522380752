/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting, suspending and resuming a guest, and shutting it down: woken up if it sleeps, politely
 * by its agent, then by its power button, then by force.
 */
#include "guest.h"

#include "errors.h"
#include "libvirt-priv.h"
#include "polling.h"
#include "interrupt.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

/* A guest that obeys may not answer at all, so the agent is not waited for long. */
#define AGENT_ANSWER_SEC 2

#define WAKING_SEC 10

gboolean vk_guest_set_autostart(VkGuest *guest, gboolean autostart, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	if (virDomainSetAutostart(domain, autostart) < 0)
		return vk_fail_libvirt(error, "cannot set the autostart of guest '%s'",
				       vk_guest_name(guest));
	return TRUE;
}

gboolean vk_guest_start(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	if (virDomainCreate(domain) < 0)
		return vk_fail_libvirt(error, "cannot start guest '%s'", vk_guest_name(guest));
	return TRUE;
}

gboolean vk_guest_suspend(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	if (virDomainSuspend(domain) < 0)
		return vk_fail_libvirt(error, "cannot suspend guest '%s'", vk_guest_name(guest));
	return TRUE;
}

gboolean vk_guest_resume(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	return virDomainResume(domain) == 0 || vk_fail_libvirt(error, "libvirt cannot resume it");
}

/* ---- shutting down ---- */

/* Waits until DEADLINE for the guest to be off. *RET_OFF says whether it is. */
static gboolean wait_off(VkGuest *guest, gint64 deadline, gboolean *ret_off, GError **error)
{
	guint pause = 0;

	for (;;) {
		g_autoptr(GError) cause = NULL;
		VkGuestState state = VK_GUEST_OTHER;

		if (vk_guest_get_state(guest, &state, &cause)) {
			*ret_off = state == VK_GUEST_OFF;
		} else if (g_error_matches(cause, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			*ret_off = TRUE; /* a transient guest ends to exist */
		} else {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		if (*ret_off || vk_deadline_passed(deadline))
			return TRUE;
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		vk_poll_pause(&pause);
	}
}

/* A guest that does not wake up is no failure: it is shut down by force then. */
static gboolean wake_up(VkGuest *guest, virDomainPtr domain, gint64 deadline, GError **error)
{
	VkGuestState state = VK_GUEST_ASLEEP;
	guint pause = 0;

	if (virDomainPMWakeup(domain, 0) < 0)
		return TRUE;
	while (state == VK_GUEST_ASLEEP && !vk_deadline_passed(deadline)) {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		vk_poll_pause(&pause);
		if (!vk_guest_get_state(guest, &state, NULL))
			break;
	}
	return TRUE;
}

static void ask_agent(virDomainPtr domain)
{
	char *answer = virDomainQemuAgentCommand(domain, "{\"execute\":\"guest-shutdown\"}",
						 AGENT_ANSWER_SEC, 0);

	free(answer);
}

static gboolean destroy(VkGuest *guest, virDomainPtr domain, GError **error)
{
	gboolean off = FALSE;

	if (virDomainDestroy(domain) < 0 && virGetLastErrorCode() != VIR_ERR_OPERATION_INVALID &&
	    virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return vk_fail_libvirt(error, "cannot switch off guest '%s'", vk_guest_name(guest));
	if (!wait_off(guest, vk_deadline(5), &off, error))
		return FALSE;
	if (!off)
		return vk_fail(error, VK_ERROR_FAILED,
			       "guest '%s' does not end; see 'virsh domstate --reason %s'",
			       vk_guest_name(guest), vk_guest_uuid(guest));
	return TRUE;
}

gboolean vk_guest_shut_down(VkGuest *guest, guint timeout_sec, GError **error)
{
	gint64 start = g_get_monotonic_time();
	gint64 budget = (gint64)timeout_sec * G_TIME_SPAN_SECOND;
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	VkGuestState state = VK_GUEST_OFF;
	gboolean off = FALSE;

	if (!domain || !vk_guest_get_state(guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_OFF)
		return TRUE;
	if (state == VK_GUEST_ASLEEP && timeout_sec > 0) {
		if (!wake_up(guest, domain, vk_deadline(MIN(timeout_sec, WAKING_SEC)), error))
			return FALSE;
		if (!vk_guest_get_state(guest, &state, error))
			return FALSE;
	}
	/* A guest that does not run cannot shut itself down. */
	if (state == VK_GUEST_RUNNING && timeout_sec > 0) {
		ask_agent(domain);
		if (!wait_off(guest, start + budget / 2, &off, error))
			return FALSE;
		if (!off &&
		    virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) == 0 &&
		    !wait_off(guest, start + budget, &off, error))
			return FALSE;
	}
	return off || destroy(guest, domain, error);
}
