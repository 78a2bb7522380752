/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "release.h"

#include "checkpoint.h"
#include "errors.h"
#include "guest-lock.h"

static void add_released(GPtrArray *findings, const VkGuest *guest, const VkCheckpointFact *fact)
{
	char *what = fact->target ? g_strdup_printf("the bitmap '%s' of disk '%s'", fact->name,
						    fact->target)
				  : g_strdup_printf("the checkpoint '%s'", fact->name);

	vk_finding_add(findings, vk_guest_name(guest), "checkpoint", what, NULL)->fixed = TRUE;
}

static gboolean release(VkGuest *guest, GPtrArray *findings, GError **error)
{
	g_autoptr(GPtrArray) facts = vk_checkpoint_list(guest, error);
	guint left = 0;

	if (!facts || !vk_checkpoint_drop_others(guest, NULL, NULL, &left, error))
		return FALSE;
	if (left > 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "%u broken bitmaps cannot be removed while it runs; try again when "
			       "it is off",
			       left);
	for (guint i = 0; i < facts->len; i++) {
		const VkCheckpointFact *fact = g_ptr_array_index(facts, i);

		/* A checkpoint that libvirt knows is one finding, with its bitmaps. */
		if (!fact->target || !fact->in_libvirt)
			add_released(findings, guest, fact);
	}
	return TRUE;
}

gboolean vk_release_guest(VkGuest *guest, const VkDoctorOptions *options, GPtrArray *findings,
			  GError **error)
{
	VkGuestLock *lock = vk_guest_lock_take(options->run_dir, vk_guest_uuid(guest),
					       vk_guest_name(guest), error);
	gboolean ok;

	if (!lock)
		return FALSE;
	ok = release(guest, findings, error);
	vk_guest_lock_free(lock);
	if (!ok)
		g_prefix_error(error, "guest '%s': ", vk_guest_name(guest));
	return ok;
}
