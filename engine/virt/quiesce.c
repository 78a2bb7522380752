/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A freeze whose answer did not come may still happen later. Therefore whatever was sent to an
 * agent is undone until the agent itself says "thawed", and waits of the way back are bounded but
 * not interruptible: a signal must not leave a guest frozen.
 */
#include "quiesce.h"

#include "agent-mountpoints.h"
#include "agent-priv.h"
#include "domain.h"
#include "errors.h"
#include "guest-libvirt.h"
#include "libvirt-error.h"
#include "polling.h"

#include <libvirt/virterror.h>

/* How long a guest's release is tried: longer than libvirtd takes to restart. */
#define RELEASE_TIMEOUT_SEC 120

/* How much later than ourselves the guard releases a guest. */
#define GUARD_GRACE_USEC (2 * G_TIME_SPAN_SECOND)

struct VkQuiesce {
	VkGuest *guest;                  /* borrowed */
	const VkQuiesceOptions *options; /* borrowed */
	guint timeout_sec;
	VkHold held;         /* what has to be undone */
	gboolean is_frozen;  /* the agent said so; else it may be */
	int frozen;          /* file systems */
	gint64 start, limit; /* monotonic: since when it is held, and how long at the most */
	guint64 pause_usec;
	gboolean filesystem; /* the consistency */
	gboolean over_budget;
	char *note;
	GThread *timer; /* releases the guest at the limit; NULL: none */
	GError *late;   /* the timer's own failure to release */
	GMutex mutex;   /* guards what follows */
	GCond changed;
	gboolean ending;      /* the timer is not needed any more */
	gboolean point_taken; /* the guest was held until then */
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

/* As long as QEMU does not answer, a suspension that was asked for may come yet. */
static gboolean check_resumed(VkQuiesce *quiesce, VkGuestState state, GError **error)
{
	return state != VK_GUEST_RUNNING || !vk_guest_is_stalled(quiesce->guest) ||
	       vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s' may be suspended yet, for its QEMU does not answer",
		       vk_guest_name(quiesce->guest));
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
		g_autoptr(virDomain) domain = vk_guest_domain(quiesce->guest, error);

		if (!domain || !check_resumed(quiesce, state, error))
			return FALSE;
		if ((state == VK_GUEST_PAUSED || state == VK_GUEST_MIGRATING) &&
		    virDomainResume(domain) < 0)
			return vk_fail_libvirt(error, "libvirt cannot resume it");
		quiesce->held &= ~VK_HOLD_SUSPENDED;
	}
	return !(quiesce->held & VK_HOLD_FROZEN) ||
	       vk_agent_thaw(quiesce->guest, quiesce->timeout_sec, &quiesce->frozen, error);
}

static gboolean fail_release(const VkQuiesce *quiesce, const GError *cause, GError **error)
{
	g_autofree char *cure = vk_hold_cure(quiesce->held, vk_guest_uuid(quiesce->guest));

	return vk_fail(error, VK_ERROR_FAILED, "guest '%s' may still be %s: %s; run %s",
		       vk_guest_name(quiesce->guest), vk_hold_words(quiesce->held), cause->message,
		       cure);
}

/* Lock and guard learn how the guest is held. */
static gboolean tell_hold(const VkQuiesce *quiesce, VkHold hold, GError **error)
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
	g_autofree char *cure = NULL;

	if (held == VK_HOLD_NONE || !vk_guest_has_left(guest))
		return TRUE;
	cure = vk_hold_cure(held, vk_guest_uuid(guest));
	return vk_fail(error, VK_ERROR_FAILED,
		       "guest '%s' left this host while it was %s; if it was migrated, run %s on "
		       "the host where it is now",
		       vk_guest_name(guest), vk_hold_words(held), cure);
}

static gboolean release(VkQuiesce *quiesce, GError **error)
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
		set_note(quiesce, late ? "the guest agent answered late, so the guest may have "
					 "thawed before its time"
				       : "the guest thawed by itself before its time");
	}
	quiesce->held = VK_HOLD_NONE;
	if (quiesce->options)
		tell_hold(quiesce, VK_HOLD_NONE, NULL);
	if (was_frozen)
		vk_agent_done(quiesce->guest);
	return vk_quiesce_check_here(quiesce->guest, held, error);
}

/* From now on the guest counts as held: lock and guard know it before it is so, and not earlier. */
static gboolean start_hold(VkQuiesce *quiesce, VkHold more, GError **error)
{
	const VkQuiesceOptions *options = quiesce->options;

	if (!quiesce->held) {
		quiesce->start = g_get_monotonic_time();
		quiesce->limit = options->deadline;
		if (options->budget_usec)
			quiesce->limit =
				MIN(quiesce->limit, quiesce->start + (gint64)options->budget_usec);
	}
	if (!tell_hold(quiesce, quiesce->held | more, error)) {
		tell_hold(quiesce, quiesce->held, NULL);
		return FALSE;
	}
	quiesce->held |= more;
	return TRUE;
}

static void note_not_running(VkQuiesce *quiesce)
{
	g_autofree char *note = g_strdup_printf("%s: nothing in it could be frozen",
						vk_guest_why_still(quiesce->guest));

	set_note(quiesce, note);
}

static gboolean suspend(VkQuiesce *quiesce, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(quiesce->guest, error);
	VkGuestState state = VK_GUEST_OTHER;

	if (!domain || !vk_guest_get_state(quiesce->guest, &state, error))
		return FALSE;
	/* Its owner was quicker: it must not be us who resumes it. */
	if (state != VK_GUEST_RUNNING) {
		note_not_running(quiesce);
		return TRUE;
	}
	if (!vk_guest_check_stays(quiesce->guest, error) ||
	    !start_hold(quiesce, VK_HOLD_SUSPENDED, error))
		return FALSE;
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

/* An agent that needs more than the budget for one call is of no use. */
static guint call_timeout(const VkQuiesce *quiesce)
{
	guint64 budget = quiesce->options->budget_usec / G_USEC_PER_SEC;

	return budget ? (guint)MIN(budget, quiesce->timeout_sec) : quiesce->timeout_sec;
}

static gboolean freeze(VkQuiesce *quiesce, GError **error)
{
	const VkQuiesceOptions *options = quiesce->options;
	gboolean frozen_already = FALSE;
	g_autofree char *missing = NULL;

	if (!check_agent(quiesce, error) ||
	    !vk_agent_probe(quiesce->guest, call_timeout(quiesce), &frozen_already, error))
		return FALSE;
	if (frozen_already)
		vk_fail(error, VK_ERROR_FAILED,
			"somebody else has frozen its file systems, and they stay so");
	if (frozen_already ||
	    !vk_mountpoints_check(quiesce->guest, options->mountpoints,
				  options->mode == VK_QUIESCE_AGENT, &missing, error) ||
	    !start_hold(quiesce, VK_HOLD_FROZEN, error)) {
		vk_agent_done(quiesce->guest);
		return FALSE;
	}
	quiesce->frozen = vk_agent_freeze(quiesce->guest, options->mountpoints, error);
	if (quiesce->frozen < 0)
		return FALSE;
	quiesce->is_frozen = TRUE;
	quiesce->filesystem = quiesce->frozen > 0;
	if (quiesce->frozen == 0)
		set_note(quiesce, "the guest agent found no file system to freeze");
	else if (missing)
		set_note(quiesce, missing);
	return TRUE;
}

/* Without the agent: for one instant of a group the guest is suspended, else it runs on. */
static gboolean freeze_or_fall_back(VkQuiesce *quiesce, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GError) release_error = NULL;

	if (freeze(quiesce, &cause))
		return TRUE;
	if (quiesce->held && !vk_quiesce_end(quiesce, &release_error)) {
		g_propagate_error(error, g_steal_pointer(&release_error));
		return FALSE;
	}
	quiesce->filesystem = FALSE;
	if (quiesce->options->mode == VK_QUIESCE_AGENT || cause->code == VK_ERROR_CHANGED)
		return vk_fail(error, (VkErrorCode)cause->code, "cannot freeze guest '%s': %s",
			       vk_guest_name(quiesce->guest), cause->message);
	set_note(quiesce, cause->message);
	return !quiesce->options->group || quiesce->options->suspend_too || suspend(quiesce, error);
}

static void note_over_budget(VkQuiesce *quiesce)
{
	guint64 budget = quiesce->options->budget_usec;
	g_autofree char *note = NULL;

	if (budget && quiesce->limit == quiesce->start + (gint64)budget)
		note = g_strdup_printf("the pause budget of %" G_GUINT64_FORMAT
				       " seconds was used up before its backup began",
				       budget / G_USEC_PER_SEC);
	else
		note = g_strdup("the time of SC_AGENT_TIMEOUT was used up before its backup began");
	quiesce->over_budget = TRUE;
	set_note(quiesce, note);
}

/* The guest goes on at once, even while another thread is in the midst of beginning its backup. */
static gpointer run_timer(gpointer data)
{
	VkQuiesce *quiesce = data;
	gboolean in_time;

	g_mutex_lock(&quiesce->mutex);
	while (!quiesce->ending &&
	       g_cond_wait_until(&quiesce->changed, &quiesce->mutex, quiesce->limit))
		;
	in_time = quiesce->ending;
	if (!in_time && !quiesce->point_taken)
		note_over_budget(quiesce);
	g_mutex_unlock(&quiesce->mutex);
	if (!in_time)
		release(quiesce, &quiesce->late);
	return NULL;
}

static gboolean hold(VkQuiesce *quiesce, GError **error)
{
	VkGuestState state = VK_GUEST_OTHER;

	if (!vk_guest_get_state(quiesce->guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_OFF)
		return vk_fail(error, VK_ERROR_CHANGED,
			       "guest '%s' was shut off, or has left this host; try again",
			       vk_guest_name(quiesce->guest));
	if (state != VK_GUEST_RUNNING) {
		note_not_running(quiesce);
		return TRUE;
	}
	if (quiesce->options->mode == VK_QUIESCE_NONE)
		return TRUE;
	if (quiesce->options->mode == VK_QUIESCE_SUSPEND)
		return suspend(quiesce, error);
	/* It must not leave while it is frozen; so it is asked when that has begun. */
	return freeze_or_fall_back(quiesce, error) && vk_guest_check_stays(quiesce->guest, error) &&
	       (!quiesce->options->suspend_too || suspend(quiesce, error));
}

VkQuiesce *vk_quiesce_begin(VkGuest *guest, const VkQuiesceOptions *options, GError **error)
{
	VkQuiesce *quiesce = g_new0(VkQuiesce, 1);
	GError *held = NULL;

	quiesce->guest = guest;
	quiesce->options = options;
	quiesce->timeout_sec = MAX(options->timeout_sec, 1);
	g_mutex_init(&quiesce->mutex);
	g_cond_init(&quiesce->changed);
	if (hold(quiesce, error)) {
		if (quiesce->held)
			quiesce->timer = g_thread_new("budget", run_timer, quiesce);
		return quiesce;
	}
	/* That it could not be brought back matters more than why it could not be held. */
	if (!vk_quiesce_end(quiesce, &held)) {
		g_clear_error(error);
		g_propagate_error(error, held);
	}
	vk_quiesce_free(quiesce);
	return NULL;
}

gint64 vk_quiesce_limit(const VkQuiesce *quiesce)
{
	return quiesce->timer ? quiesce->limit : G_MAXINT64;
}

gboolean vk_quiesce_over_budget(const VkQuiesce *quiesce)
{
	return quiesce->over_budget;
}

void vk_quiesce_point_taken(VkQuiesce *quiesce)
{
	g_mutex_lock(&quiesce->mutex);
	/* Where we were halted ourselves, the guard was quicker than the timer. */
	if (quiesce->timer && !quiesce->over_budget && vk_deadline_passed(quiesce->limit))
		note_over_budget(quiesce);
	quiesce->point_taken = TRUE;
	g_mutex_unlock(&quiesce->mutex);
}

static void stop_timer(VkQuiesce *quiesce)
{
	if (!quiesce->timer)
		return;
	g_mutex_lock(&quiesce->mutex);
	quiesce->ending = TRUE;
	g_cond_signal(&quiesce->changed);
	g_mutex_unlock(&quiesce->mutex);
	g_thread_join(g_steal_pointer(&quiesce->timer));
}

gboolean vk_quiesce_end(VkQuiesce *quiesce, GError **error)
{
	stop_timer(quiesce);
	if (quiesce->late) {
		g_propagate_error(error, g_steal_pointer(&quiesce->late));
		return FALSE;
	}
	return !quiesce->held || release(quiesce, error);
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
		return vk_fail(error, VK_ERROR_BUSY,
			       "guest '%s' may be frozen, and somebody has paused it: it can be "
			       "thawed only when it runs again",
			       vk_guest_name(guest));
	if ((left & VK_HOLD_SUSPENDED) && !check_resumed(&quiesce, state, error))
		return FALSE;
	if (state == VK_GUEST_PAUSED)
		quiesce.held |= VK_HOLD_SUSPENDED;
	if ((left & VK_HOLD_FROZEN) && (state == VK_GUEST_RUNNING || quiesce.held) &&
	    check_agent(&quiesce, NULL))
		quiesce.held |= VK_HOLD_FROZEN;
	if ((quiesce.held & VK_HOLD_FROZEN) &&
	    !vk_agent_set_timeout(guest, quiesce.timeout_sec, error))
		return FALSE;
	quiesce.start = g_get_monotonic_time();
	ok = !quiesce.held || release(&quiesce, error);
	g_free(quiesce.note);
	return ok;
}

gboolean vk_quiesce_is_frozen(VkGuest *guest, guint timeout_sec)
{
	VkQuiesce quiesce = {.guest = guest};
	gboolean frozen = FALSE;

	if (!check_agent(&quiesce, NULL) || !vk_agent_probe(guest, timeout_sec, &frozen, NULL))
		return FALSE;
	vk_agent_done(guest);
	return frozen;
}

const char *vk_quiesce_consistency(const VkQuiesce *quiesce)
{
	return quiesce->filesystem && !quiesce->over_budget ? "filesystem" : "crash";
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
	g_clear_error(&quiesce->late);
	g_mutex_clear(&quiesce->mutex);
	g_cond_clear(&quiesce->changed);
	g_free(quiesce->note);
	g_free(quiesce);
}
