/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A freeze whose answer did not come may still happen later. Therefore whatever was sent to an
 * agent is undone until the agent itself says "thawed", and waits of the way back are bounded but
 * not interruptible: a signal must not leave a guest frozen.
 */
#include "quiesce.h"

#include "agent.h"
#include "domain.h"
#include "errors.h"
#include "virt-priv.h"

#include <libvirt/virterror.h>

/* How long a guest's release is tried: longer than libvirtd takes to restart. */
#define RELEASE_TIMEOUT_SEC 120

typedef enum {
	HELD_NOT,
	HELD_FROZEN,
	HELD_MAYBE_FROZEN,
	HELD_SUSPENDED,
} Held;

struct VkQuiesce {
	VkGuest *guest;                  /* borrowed */
	const VkQuiesceOptions *options; /* borrowed */
	guint timeout_sec;
	Held held;
	int frozen; /* file systems */
	gint64 start;
	guint64 pause_usec;
	gboolean gave_up;    /* it could not be released */
	gboolean filesystem; /* the consistency */
	gboolean point_taken;
	gboolean over_budget;
	char *note;
};

gboolean vk_quiesce_mode_parse(const char *text, VkQuiesceMode *ret, GError **error)
{
	static const char *const names[] = {
		[VK_QUIESCE_AUTO] = "auto",
		[VK_QUIESCE_AGENT] = "agent",
		[VK_QUIESCE_SUSPEND] = "suspend",
		[VK_QUIESCE_NONE] = "none",
	};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_strcmp0(text, names[i]) == 0) {
			*ret = (VkQuiesceMode)i;
			return TRUE;
		}
	}
	return vk_fail(error, VK_ERROR_USAGE,
		       "'%s' is no way to quiesce; use auto, agent, suspend or none", text);
}

static void set_note(VkQuiesce *quiesce, const char *note)
{
	g_free(quiesce->note);
	quiesce->note = g_strdup(note);
}

static gboolean suspend(VkQuiesce *quiesce, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(quiesce->guest, error);

	if (!domain)
		return FALSE;
	quiesce->start = g_get_monotonic_time();
	quiesce->held = HELD_SUSPENDED;
	if (virDomainSuspend(domain) < 0)
		return vk_fail_libvirt(error, "cannot suspend guest '%s'",
				       vk_guest_name(quiesce->guest));
	return TRUE;
}

/* FALSE with the reason when the agent cannot freeze. */
static gboolean check_agent(VkQuiesce *quiesce, GError **error)
{
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(quiesce->guest, error);
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

static gboolean freeze(VkQuiesce *quiesce, GError **error)
{
	if (!check_agent(quiesce, error) ||
	    !vk_agent_probe(quiesce->guest, quiesce->timeout_sec, error))
		return FALSE;
	quiesce->start = g_get_monotonic_time();
	quiesce->held = HELD_MAYBE_FROZEN;
	quiesce->frozen = vk_agent_freeze(quiesce->guest, error);
	if (quiesce->frozen < 0)
		return FALSE;
	quiesce->held = HELD_FROZEN;
	quiesce->filesystem = quiesce->frozen > 0;
	if (quiesce->frozen == 0)
		set_note(quiesce, "the guest agent found no file system to freeze");
	return TRUE;
}

static gboolean freeze_or_go_live(VkQuiesce *quiesce, VkQuiesceMode mode, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GError) release_error = NULL;

	if (freeze(quiesce, &cause))
		return TRUE;
	if (quiesce->held != HELD_NOT && !vk_quiesce_end(quiesce, &release_error)) {
		g_propagate_error(error, g_steal_pointer(&release_error));
		return FALSE;
	}
	quiesce->filesystem = FALSE;
	if (mode == VK_QUIESCE_AGENT || cause->code == VK_ERROR_CHANGED)
		return vk_fail(error, (VkErrorCode)cause->code, "cannot freeze guest '%s': %s",
			       vk_guest_name(quiesce->guest), cause->message);
	set_note(quiesce, cause->message);
	return TRUE;
}

VkQuiesce *vk_quiesce_begin(VkGuest *guest, const VkQuiesceOptions *options, gboolean *ret_held,
			    GError **error)
{
	g_autoptr(VkQuiesce) quiesce = g_new0(VkQuiesce, 1);
	VkQuiesceMode mode = options->mode;
	VkGuestState state = VK_GUEST_OTHER;
	gboolean ok = TRUE;

	*ret_held = FALSE;
	quiesce->guest = guest;
	quiesce->options = options;
	quiesce->timeout_sec = MAX(options->timeout_sec, 1);
	if (!vk_guest_get_state(guest, &state, error))
		return NULL;
	if (state == VK_GUEST_OFF) {
		vk_fail(error, VK_ERROR_CHANGED, "guest '%s' was shut off; try again",
			vk_guest_name(guest));
		return NULL;
	}
	if (state != VK_GUEST_RUNNING)
		set_note(quiesce, "the guest was not running: nothing in it could be frozen");
	else if (mode == VK_QUIESCE_SUSPEND)
		ok = suspend(quiesce, error);
	else if (mode != VK_QUIESCE_NONE)
		ok = freeze_or_go_live(quiesce, mode, error);
	if (ok)
		return g_steal_pointer(&quiesce);
	if (quiesce->held != HELD_NOT)
		vk_quiesce_end(quiesce, NULL);
	*ret_held = quiesce->gave_up;
	return NULL;
}

/* TRUE when nothing is held any more; an error that stays may pass by itself. */
static gboolean release_once(VkQuiesce *quiesce, GError **error)
{
	g_autoptr(GError) cause = NULL;
	VkGuestState state = VK_GUEST_OTHER;

	if (!vk_guest_get_state(quiesce->guest, &state, &cause)) {
		if (g_error_matches(cause, VK_ERROR, VK_ERROR_NOT_FOUND))
			return TRUE; /* a transient guest that has ended */
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (state == VK_GUEST_OFF)
		return TRUE;
	if (quiesce->held == HELD_SUSPENDED) {
		g_autoptr(virDomain) domain = vk_guest_domain(quiesce->guest, error);

		if (!domain)
			return FALSE;
		if (state == VK_GUEST_PAUSED && virDomainResume(domain) < 0)
			return vk_fail_libvirt(error, "libvirt cannot resume it");
		return TRUE;
	}
	return vk_agent_thaw(quiesce->guest, quiesce->timeout_sec, &quiesce->frozen, error);
}

void vk_quiesce_point_taken(VkQuiesce *quiesce)
{
	quiesce->point_taken = TRUE;
}

gboolean vk_quiesce_over_budget(const VkQuiesce *quiesce)
{
	return quiesce->over_budget;
}

gboolean vk_quiesce_end(VkQuiesce *quiesce, GError **error)
{
	gint64 deadline = vk_deadline(RELEASE_TIMEOUT_SEC);
	gboolean suspended = quiesce->held == HELD_SUSPENDED;
	int frozen = quiesce->frozen;
	g_autoptr(GError) cause = NULL;
	gboolean late = FALSE;
	guint pause = 0;

	if (quiesce->held == HELD_NOT)
		return TRUE;
	while (!release_once(quiesce, &cause)) {
		if (vk_deadline_passed(deadline)) {
			quiesce->held = HELD_NOT;
			quiesce->gave_up = TRUE;
			return vk_fail(error, VK_ERROR_FAILED,
				       "guest '%s' may still be %s: %s; run 'virsh %s %s'",
				       vk_guest_name(quiesce->guest),
				       suspended ? "suspended" : "frozen", cause->message,
				       suspended ? "resume" : "domfsthaw",
				       vk_guest_uuid(quiesce->guest));
		}
		g_clear_error(&cause);
		late = TRUE;
		vk_poll_pause(&pause);
	}
	quiesce->pause_usec = (guint64)(g_get_monotonic_time() - quiesce->start);
	if (quiesce->held == HELD_FROZEN && frozen > 0 && quiesce->frozen == 0) {
		quiesce->filesystem = FALSE;
		set_note(quiesce, late ? "the guest agent answered late, so the guest may have "
					 "thawed before its time"
				       : "the guest thawed by itself before its time");
	}
	quiesce->held = HELD_NOT;
	if (!suspended)
		vk_agent_done(quiesce->guest);
	return TRUE;
}

gboolean vk_quiesce_recover(VkGuest *guest, gboolean suspended, guint timeout_sec, GError **error)
{
	VkQuiesce quiesce = {.guest = guest, .timeout_sec = MAX(timeout_sec, 1)};
	VkGuestState state = VK_GUEST_OTHER;
	gboolean ok;

	if (!vk_guest_get_state(guest, &state, error))
		return FALSE;
	if (suspended)
		quiesce.held = state == VK_GUEST_PAUSED ? HELD_SUSPENDED : HELD_NOT;
	else if (state == VK_GUEST_RUNNING && check_agent(&quiesce, NULL))
		quiesce.held = HELD_MAYBE_FROZEN;
	quiesce.start = g_get_monotonic_time();
	ok = vk_quiesce_end(&quiesce, error);
	g_free(quiesce.note);
	return ok;
}

const char *vk_quiesce_consistency(const VkQuiesce *quiesce)
{
	return quiesce->filesystem ? "filesystem" : "crash";
}

guint64 vk_quiesce_pause_usec(const VkQuiesce *quiesce)
{
	return quiesce->pause_usec;
}

const char *vk_quiesce_note(const VkQuiesce *quiesce)
{
	return quiesce->note;
}

void vk_quiesce_free(VkQuiesce *quiesce)
{
	if (!quiesce)
		return;
	vk_quiesce_end(quiesce, NULL);
	g_free(quiesce->note);
	g_free(quiesce);
}
