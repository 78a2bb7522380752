/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A freeze whose answer did not come may still happen later. Therefore whatever was sent to an
 * agent is undone until the agent itself says "thawed", and waits of the way back are bounded but
 * not interruptible: a signal must not leave a guest frozen.
 */
#include "quiesce-priv.h"

#include "errors.h"
#include "guest-agent.h"
#include "polling.h"

/* How long a guest's release is tried: longer than libvirtd takes to restart. */
#define RELEASE_TIMEOUT_SEC 120

/* How much later than ourselves the guard releases a guest. */
#define GUARD_GRACE_USEC (2 * G_TIME_SPAN_SECOND)

void vk_quiesce_set_note(VkQuiesce *quiesce, const char *note)
{
	g_free(quiesce->note);
	quiesce->note = g_strdup(note);
}

/* As long as QEMU does not answer, a suspension that was asked for may come yet. */
static gboolean check_resumed(VkGuest *guest, VkGuestState state, GError **error)
{
	return state != VK_GUEST_RUNNING || !vk_guest_is_stalled(guest) ||
	       vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s' may still be suspended: its QEMU does not answer",
		       vk_guest_name(guest));
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
	if (quiesce->held & VK_HOLD_SUSPENDED) {
		if (!check_resumed(quiesce->guest, state, error))
			return FALSE;
		if ((state == VK_GUEST_PAUSED || state == VK_GUEST_MIGRATING) &&
		    !vk_guest_resume(quiesce->guest, error))
			return FALSE;
		quiesce->held &= ~VK_HOLD_SUSPENDED;
	}
	return !(quiesce->held & VK_HOLD_FROZEN) ||
	       vk_agent_thaw(quiesce->guest, quiesce->timeout_sec, &quiesce->frozen, error);
}

static gboolean fail_release(const VkQuiesce *quiesce, const GError *cause, GError **error)
{
	g_autofree char *remedy = vk_hold_remedy(quiesce->held, vk_guest_uuid(quiesce->guest));

	return vk_fail(error, VK_ERROR_FAILED, "guest '%s' may still be %s: %s; run %s",
		       vk_guest_name(quiesce->guest), vk_hold_words(quiesce->held), cause->message,
		       remedy);
}

gboolean vk_quiesce_tell_hold(const VkQuiesce *quiesce, VkHold hold, GError **error)
{
	const VkQuiesceOptions *options = quiesce->options;

	if (options->lock && !vk_guest_lock_set_hold(options->lock, hold, error))
		return FALSE;
	if (options->guard && hold == VK_HOLD_NONE)
		vk_guard_released(options->guard, quiesce->guest);
	return !options->guard || hold == VK_HOLD_NONE ||
	       vk_guard_hold(options->guard, quiesce->guest, hold,
			     quiesce->limit + GUARD_GRACE_USEC, error);
}

gboolean vk_quiesce_check_here(VkGuest *guest, VkHold held, GError **error)
{
	g_autofree char *remedy = NULL;

	if (held == VK_HOLD_NONE || !vk_guest_has_left(guest))
		return TRUE;
	remedy = vk_hold_remedy(held, vk_guest_uuid(guest));
	return vk_fail(error, VK_ERROR_FAILED,
		       "guest '%s' left this host while it was %s; if it was migrated, run %s on "
		       "the host where it is now",
		       vk_guest_name(guest), vk_hold_words(held), remedy);
}

gboolean vk_quiesce_release(VkQuiesce *quiesce, GError **error)
{
	gint64 deadline = vk_deadline(RELEASE_TIMEOUT_SEC);
	VkHold held = quiesce->held;
	gboolean was_frozen = (held & VK_HOLD_FROZEN) != 0;
	int frozen = quiesce->frozen;
	g_autoptr(GError) cause = NULL;
	gboolean late = FALSE;
	guint pause = 0;

	while (!release_once(quiesce, &cause)) {
		if (vk_deadline_passed(deadline)) {
			fail_release(quiesce, cause, error);
			quiesce->held = VK_HOLD_NONE;
			return FALSE;
		}
		g_clear_error(&cause);
		late = TRUE;
		vk_poll_pause(&pause);
	}
	quiesce->pause_usec = (guint64)(g_get_monotonic_time() - quiesce->start);
	if (was_frozen && quiesce->is_frozen && frozen > 0 && quiesce->frozen == 0) {
		quiesce->filesystem = FALSE;
		vk_quiesce_set_note(quiesce,
				    late ? "the guest agent answered late, so the guest may have "
					   "thawed before its time"
					 : "the guest thawed by itself before its time");
	}
	quiesce->held = VK_HOLD_NONE;
	if (quiesce->options)
		vk_quiesce_tell_hold(quiesce, VK_HOLD_NONE, NULL);
	if (was_frozen)
		vk_agent_done(quiesce->guest);
	return vk_quiesce_check_here(quiesce->guest, held, error);
}

gboolean vk_quiesce_recover(VkGuest *guest, VkHold left, guint timeout_sec, GError **error)
{
	VkQuiesce quiesce = {.guest = guest, .timeout_sec = MAX(timeout_sec, 1)};
	VkGuestState state = VK_GUEST_OTHER;
	gboolean ok;

	if (!vk_guest_get_state(guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_MIGRATING)
		return vk_fail(error, VK_ERROR_BUSY,
			       "guest '%s' may be %s, and is being migrated: it can be released "
			       "when that has ended",
			       vk_guest_name(guest), vk_hold_words(left));
	if (!(left & VK_HOLD_SUSPENDED) && state == VK_GUEST_PAUSED)
		return vk_fail(
			error, VK_ERROR_BUSY,
			"guest '%s' may be frozen, and another program has paused it: it can "
			"be thawed only when it runs again",
			vk_guest_name(guest));
	if ((left & VK_HOLD_SUSPENDED) && !check_resumed(guest, state, error))
		return FALSE;
	if (state == VK_GUEST_PAUSED)
		quiesce.held |= VK_HOLD_SUSPENDED;
	if ((left & VK_HOLD_FROZEN) && (state == VK_GUEST_RUNNING || quiesce.held) &&
	    vk_agent_check(guest, NULL))
		quiesce.held |= VK_HOLD_FROZEN;
	if ((quiesce.held & VK_HOLD_FROZEN) &&
	    !vk_agent_set_timeout(guest, quiesce.timeout_sec, error))
		return FALSE;
	quiesce.start = g_get_monotonic_time();
	ok = !quiesce.held || vk_quiesce_release(&quiesce, error);
	g_free(quiesce.note);
	return ok;
}

gboolean vk_quiesce_is_frozen(VkGuest *guest, guint timeout_sec)
{
	gboolean frozen = FALSE;

	if (!vk_agent_check(guest, NULL) || !vk_agent_probe(guest, timeout_sec, &frozen, NULL))
		return FALSE;
	vk_agent_done(guest);
	return frozen;
}
