/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "same-fs.h"

#include "discover.h"
#include "log.h"
#include "mounts.h"

#include <string.h>
#include <sys/stat.h>

/*
 * Subvolumes and exports have device numbers of their own, but the source of their mounts is one.
 */
static gboolean have_one_source(const char *one, const char *other)
{
	g_autoptr(VkMounts) mounts = vk_mounts_load(NULL, NULL);
	g_autoptr(VkMountFacts) left = mounts ? vk_mounts_find(mounts, one, NULL) : NULL;
	g_autoptr(VkMountFacts) right = left ? vk_mounts_find(mounts, other, NULL) : NULL;

	/* Other sources, for example "tmpfs", do not name a device. */
	return right && left->source && strpbrk(left->source, "/:") &&
	       g_strcmp0(left->source, right->source) == 0;
}

gboolean vk_is_same_file_system(const char *one, const char *other)
{
	struct stat left, right;

	if (stat(one, &left) < 0 || stat(other, &right) < 0)
		return FALSE;
	return left.st_dev == right.st_dev || have_one_source(one, other);
}

gboolean vk_warn_same_file_system(const VkVault *vault, const char *guest, const char *path)
{
	const char *directory = vk_vault_directory(vault);
	struct stat facts;

	/* A device is not stored where its node lies. */
	if (!directory || stat(path, &facts) < 0 || !S_ISREG(facts.st_mode) ||
	    !vk_is_same_file_system(directory, path))
		return FALSE;
	vk_log_warning("the vault '%s' lies on the same file system as '%s' of the guest '%s': "
		       "one failure destroys both; put the vault on other storage",
		       directory, path, guest);
	return TRUE;
}

static gboolean warn_of_guest(const VkVault *vault, const VkFoundGuest *guest)
{
	for (guint i = 0; i < guest->disks->len; i++) {
		const VkFoundDisk *disk = g_ptr_array_index(guest->disks, i);

		if (disk->path && !disk->reason &&
		    vk_warn_same_file_system(vault, guest->name, disk->path))
			return TRUE;
	}
	return FALSE;
}

void vk_warn_same_file_system_of_host(const VkVault *vault, VkHost *host)
{
	g_autoptr(GPtrArray) guests = vk_host_list(host, NULL);
	g_autoptr(VkMounts) mounts = vk_mounts_load(NULL, NULL);
	gboolean warned = FALSE;

	for (guint i = 0; guests && mounts && !warned && i < guests->len; i++) {
		g_autoptr(VkFoundGuest) guest =
			vk_discover_guest(host, g_ptr_array_index(guests, i), mounts, NULL, NULL);

		warned = guest && warn_of_guest(vault, guest);
	}
}
