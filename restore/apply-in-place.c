/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An existing guest: all that can be is written while it still runs, then it is shut down, the
 * files change places, the definition is put back and the guest started if it ran. Only then are
 * the old files given up: until it runs, every failure leads back to the guest as it was.
 */
#include "apply-priv.h"

#include "log.h"
#include "plan-place.h"
#include "interrupt.h"
#include "user-snapshots.h"

#define POLL_USEC (G_USEC_PER_SEC / 10)

typedef struct InPlace {
	const VkRestorePlan *plan;
	const VkApplyTools *tools;
	VkHost *host; /* that of the tools, connected */
	VkGuest *guest;
	VkGuestFacts *before; /* the guest as it was found */
	VkSwap *swap;
	VkApplied *applied;   /* once the files are kept, nothing is to be undone */
	gboolean ran;         /* and was asked to shut down */
	gboolean defined;     /* the saved definition is in force */
	gboolean overwritten; /* block devices were written to: there is no way back */
} InPlace;

/*
 * No process may still have the old files open: the guest is off, but other guests may share them.
 * The guest must not have written to files that are used as they lie.
 */
static gboolean check_files(const VkRestorePlan *plan, VkArrays *arrays, GError **error)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->exists && !vk_place_check_unused(item->place.path, error))
			return FALSE;
		if (!vk_apply_check_kept(arrays, item, error))
			return FALSE;
	}
	return TRUE;
}

/* Looks again: the plan was made before the copying. */
static gboolean shut_down(InPlace *job, GError **error)
{
	job->before = vk_guest_get_facts(job->guest, error);
	if (!job->before)
		return FALSE;
	if (job->before->state == VK_GUEST_OFF)
		return TRUE;
	job->ran = TRUE;
	vk_log_info("shutting down guest '%s'", vk_guest_name(job->guest));
	return vk_guest_shut_down(job->guest, job->tools->shutdown_timeout_sec, error);
}

static gboolean define(InPlace *job, GError **error)
{
	g_autoptr(VkGuest) defined = NULL;

	if (!job->plan->domain_xml)
		return TRUE;
	defined = vk_host_define(job->host, job->plan->domain_xml, error);
	if (!defined) {
		g_prefix_error(error,
			       "cannot put back the definition of guest '%s': ", job->plan->guest);
		return FALSE;
	}
	job->defined = TRUE;
	vk_apply_autostart(job->plan, defined);
	return TRUE;
}

static gboolean replace(InPlace *job, GError **error)
{
	gboolean written = check_files(job->plan, job->tools->arrays, error) &&
			   vk_apply_items(job->plan, job->tools->arrays, job->swap, TRUE, error);

	job->overwritten = vk_swap_has_overwritten(job->swap);
	if (!written || !vk_swap_commit(job->swap, error))
		return FALSE;
	return define(job, error) && vk_apply_drop_save(job->plan, error);
}

static gboolean start(const InPlace *job, GError **error)
{
	if (!job->ran && !job->plan->start)
		return TRUE;
	if (vk_apply_start(job->guest, &job->applied->started, error))
		return TRUE;
	g_prefix_error(error,
		       job->overwritten ? "guest '%s' was restored but does not start: "
					: "guest '%s' is put back as it was, because it does not "
					  "start from the snapshot: ",
		       job->plan->guest);
	return FALSE;
}

/*
 * Nothing takes back the request to shut down. FALSE when the guest still runs after the timeout.
 * Not interruptible: if the guest goes off after an interruption, nothing would start it again.
 */
static gboolean wait_until_off(const InPlace *job)
{
	gint64 deadline =
		g_get_monotonic_time() + (gint64)job->tools->shutdown_timeout_sec * G_USEC_PER_SEC;
	gboolean warned = FALSE;

	for (;;) {
		VkGuestState state = VK_GUEST_OFF;

		/* A transient guest that is off does not exist. */
		if (!vk_guest_get_state(job->guest, &state, NULL) || state == VK_GUEST_OFF)
			return TRUE;
		if (g_get_monotonic_time() > deadline)
			return FALSE;
		if (!warned)
			vk_log_warning("guest '%s' was asked to shut down: waiting for that, to "
				       "start it again",
				       vk_guest_name(job->guest));
		warned = TRUE;
		g_usleep(POLL_USEC);
	}
}

static gboolean define_again(const InPlace *job, GError **error)
{
	g_autoptr(VkGuest) guest = NULL;

	if (!job->defined && job->before->persistent)
		return TRUE;
	guest = vk_host_define(job->host, job->before->domain_xml, error);
	return guest && (!job->plan->autostart || job->before->autostart ||
			 vk_guest_set_autostart(guest, FALSE, error));
}

/* After a failure: the old definition, and the guest running if it ran. The old files are back. */
static void go_back(const InPlace *job)
{
	g_autoptr(GError) error = NULL;
	const char *name = job->plan->guest;
	gboolean started;

	if (job->ran && !wait_until_off(job))
		vk_log_warning("guest '%s' was asked to shut down and may still do so: look after "
			       "it",
			       name);
	else if (!define_again(job, &error))
		vk_log_error("guest '%s' cannot get its old definition back: %s", name,
			     error->message);
	else if (job->overwritten)
		vk_log_error("guest '%s' stays off, because its block devices were overwritten: "
			     "restore it again",
			     name);
	else if (job->ran && !vk_apply_start(job->guest, &started, &error))
		vk_log_error("guest '%s' cannot be started again: %s", name, error->message);
}

/* They belong to images that no longer exist: to revert to one would fail, or worse. */
static void forget_snapshots(const InPlace *job)
{
	g_autoptr(GError) error = NULL;

	if (job->plan->forget_snapshots && !vk_user_snapshots_forget(job->guest, &error))
		vk_log_warning("%s: remove it with 'virsh snapshot-delete --metadata'",
			       error->message);
}

/* All files are written beside the old ones. */
static gboolean exchange(InPlace *job, GError **error)
{
	gboolean done;

	if (!shut_down(job, error) || !replace(job, error))
		return FALSE;
	done = start(job, error);
	/* Old files beside new block devices would be worth nothing. */
	if (done || job->overwritten) {
		g_autoptr(GError) trouble = NULL;

		if (!vk_swap_keep(job->swap, &trouble))
			vk_log_warning("%s", trouble->message);
		forget_snapshots(job);
		job->applied->kept = TRUE;
	}
	return done;
}

static gboolean finish(InPlace *job, GError **error)
{
	gboolean done = exchange(job, error);

	/* Old files must be back before the guest is. */
	vk_swap_free(job->swap);
	if (!done && job->before && !job->applied->kept)
		go_back(job);
	return done;
}

gboolean vk_apply_in_place(const VkRestorePlan *plan, const VkApplyTools *tools, VkHost *host,
			   VkApplied *ret, GError **error)
{
	InPlace job = {.plan = plan,
		       .tools = tools,
		       .host = host,
		       .applied = ret,
		       .guest = vk_host_find(host, plan->uuid, error)};
	gboolean done = FALSE;

	if (!job.guest)
		return FALSE;
	job.swap = vk_swap_new(vk_view_snapshot(plan->view)->time, plan->old_mark);
	if (vk_apply_items(plan, tools->arrays, job.swap, FALSE, error)) {
		/* From here on an end in the middle would leave the guest off. */
		vk_shield_begin();
		done = finish(&job, error);
		vk_shield_end();
	} else {
		vk_swap_free(job.swap);
	}
	vk_guest_facts_free(job.before);
	vk_guest_free(job.guest);
	return done;
}
