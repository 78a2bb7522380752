/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply.h"

#include "copy.h"
#include "count.h"
#include "errors.h"
#include "guestlock.h"
#include "io.h"
#include "log.h"
#include "plan-place.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static gboolean copy_image(VkImage *image, VkSink *sink, VkProgress *progress, GError **error)
{
	VkCount *count = vk_count_image(image, progress);
	gboolean done = vk_copy_image(image, sink, progress, error);

	if (done)
		vk_count_end(count);
	else
		vk_count_cut(count, 0);
	return done;
}

static gboolean write_item(const VkPlan *plan, const VkPlanItem *item, VkSwap *swap,
			   VkProgress *progress, GError **error)
{
	g_autoptr(VkImage) image = NULL;
	g_autoptr(VkSink) sink = NULL;

	vk_log_debug("%s '%s' goes to '%s': %s", item->is_disk ? "disk" : "file", item->name,
		     item->path ? item->path : "standard output",
		     item->clone        ? "cloned by its array"
		     : item->why_copied ? item->why_copied
					: "copied");
	if (!vk_swap_make_directory(swap, item, error))
		return FALSE;
	if (item->clone && !vk_carry_clone(plan, item, swap, &sink, error))
		return FALSE;
	if (sink) {
		vk_swap_add(swap, item, g_steal_pointer(&sink));
		return TRUE;
	}
	if (item->record) {
		image = vk_view_open_image(plan->view, item->record, error);
		if (!image)
			return FALSE;
	}
	sink = vk_sink_new(&item->place, error);
	if (!sink)
		return FALSE;
	if (item->place.kind == VK_PLACE_BLOCK)
		vk_swap_note_overwriting(swap);
	if (image ? !copy_image(image, sink, progress, error)
		  : !vk_copy_text(item->text, sink, error))
		return FALSE;
	vk_swap_add(swap, item, g_steal_pointer(&sink));
	return TRUE;
}

gboolean vk_carry_items(const VkPlan *plan, VkSwap *swap, gboolean blocks, GError **error)
{
	g_autoptr(VkProgress) progress = NULL;
	int count = 0;

	for (guint i = 0; i < plan->items->len; i++) {
		const VkPlanItem *item = g_ptr_array_index(plan->items, i);

		if (item->record && !item->clone && (item->place.kind == VK_PLACE_BLOCK) == blocks)
			count++;
	}
	progress = vk_progress_new(plan->reference, 0);
	vk_progress_await(progress, count);
	for (guint i = 0; i < plan->items->len; i++) {
		const VkPlanItem *item = g_ptr_array_index(plan->items, i);

		if ((item->place.kind == VK_PLACE_BLOCK) != blocks)
			continue;
		if (!write_item(plan, item, swap, progress, error)) {
			g_prefix_error(error, "%s '%s': ", item->is_disk ? "disk" : "file",
				       item->name);
			return FALSE;
		}
	}
	return TRUE;
}

gboolean vk_carry_start(VkGuest *guest, gboolean *ret_started, GError **error)
{
	VkGuestState state;

	if (!vk_guest_get_state(guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_OFF && !vk_guest_start(guest, error))
		return FALSE;
	*ret_started = TRUE;
	return TRUE;
}

void vk_carry_autostart(const VkPlan *plan, VkGuest *guest)
{
	g_autoptr(GError) error = NULL;

	if (plan->autostart && !vk_guest_set_autostart(guest, TRUE, &error))
		vk_log_warning("'%s': autostart is not set: %s", plan->guest, error->message);
}

gboolean vk_carry_drop_save(const VkPlan *plan, GError **error)
{
	if (plan->managed_save && vk_io.unlinkat(AT_FDCWD, plan->managed_save, 0) < 0 &&
	    errno != ENOENT)
		return vk_fail_errno(error, errno, "cannot drop the saved memory state '%s'",
				     plan->managed_save);
	return TRUE;
}

static gboolean carry_parts(const VkPlan *plan, GError **error)
{
	g_autoptr(VkSwap) swap =
		vk_swap_new(vk_view_snapshot(plan->view)->time, plan->old_mark);
	g_autoptr(GError) trouble = NULL;

	if (!vk_carry_items(plan, swap, FALSE, error) || !vk_carry_items(plan, swap, TRUE, error) ||
	    !vk_swap_commit(swap, error))
		return FALSE;
	if (!vk_swap_keep(swap, &trouble))
		vk_log_warning("%s", trouble->message);
	return TRUE;
}

gboolean vk_plan_carry_out(const VkPlan *plan, const char *run_dir, guint shutdown_timeout_sec,
			   gboolean *ret_started, GError **error)
{
	g_autoptr(VkGuestLock) lock = NULL;
	VkHost *host;

	*ret_started = FALSE;
	if (plan->kind == VK_PLAN_PARTS)
		return carry_parts(plan, error);
	host = vk_world_host(plan->world, error);
	if (!host)
		return FALSE;
	lock = vk_guest_lock_take(run_dir, plan->uuid, plan->guest, error);
	if (!lock)
		return FALSE;
	if (plan->kind == VK_PLAN_IN_PLACE)
		return vk_carry_in_place(plan, host, shutdown_timeout_sec, ret_started, error);
	return vk_carry_guest(plan, host, ret_started, error);
}
