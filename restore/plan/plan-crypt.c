/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks that QEMU had encrypted. The snapshot has the bytes that the guest saw. They are encrypted
 * again with the same secret, or written as plain text if that was asked for.
 */
#include "planner-priv.h"

#include "errors.h"

static gboolean refuse(const VkRestoreItem *item, const char *why, GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED,
		       "disk '%s' was encrypted, and %s, or use --decrypted to write it as plain "
		       "text",
		       item->name, why);
}

/* The secret that the image of DISK is to be written with. */
static gboolean take_secret(const VkFacts *facts, const VkDomainDisk *disk, VkRestoreItem *item,
			    GError **error)
{
	const VkDomainImage *image = disk->image;
	g_autoptr(GError) trouble = NULL;
	g_autofree char *why = NULL;

	if (!vk_domain_image_has_secret(image))
		return refuse(item, "in a way that is not QEMU's LUKS: write it by other means",
			      error);
	if (item->place.kind != VK_PLACE_FILE)
		return refuse(item,
			      "it goes to a device, where the header of LUKS need not fit: use "
			      "--to DIR",
			      error);
	item->secret = facts->ops->secret(facts, image, &trouble);
	if (item->secret) {
		item->place.secret = vk_qemu_secret_path(item->secret);
		return TRUE;
	}
	why = g_strdup_printf(
		"cannot be encrypted again, because %s: make it with 'virsh secret-define' "
		"and 'virsh secret-set-value'",
		trouble->message);
	return refuse(item, why, error);
}

gboolean vk_planner_encrypt(VkPlanner *planner, VkRestoreItem *item, GError **error)
{
	const VkDomainDisk *then = vk_domain_find_disk(planner->domain, item->name);
	const VkDomainDisk *now = vk_domain_find_disk(planner->written, item->name);
	gboolean was = then && then->image && then->image->encrypted;

	if (planner->options->decrypted) {
		if (then && vk_domain_disk_is_encrypted(then))
			vk_restore_plan_note(planner->plan,
					     "disk '%s' was encrypted and is written as plain text",
					     item->name);
		return TRUE;
	}
	if (now && now->image && now->image->encrypted)
		return take_secret(planner->facts, now, item, error);
	if (was)
		return refuse(item,
			      "is not encrypted in the present definition: restore the whole guest",
			      error);
	return !then || !vk_domain_disk_is_encrypted(then) ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "disk '%s' had a backing file that was encrypted, and comes back as plain "
		       "text in one file: use --decrypted if that is wanted",
		       item->name);
}
