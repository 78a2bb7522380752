/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "offline-watch.h"

#include "errors.h"
#include "guest-start-watch.h"
#include "image-chain.h"
#include "qemu-image.h"

#include <errno.h>
#include <sys/stat.h>

typedef struct WatchedFile {
	char *path;
	struct stat info;
} WatchedFile;

struct VkOfflineWatch {
	VkGuest *guest; /* borrowed */
	VkStartWatch *start;
	GPtrArray *files; /* WatchedFile */
};

static void watched_file_free(gpointer data)
{
	WatchedFile *file = data;

	g_free(file->path);
	g_free(file);
}

static gboolean add_file(VkOfflineWatch *watch, const char *path, GError **error)
{
	WatchedFile *file = g_new0(WatchedFile, 1);

	file->path = g_strdup(path);
	g_ptr_array_add(watch->files, file);
	if (stat(path, &file->info) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", path);
	return TRUE;
}

static gboolean add_disk(VkOfflineWatch *watch, const VkDomainDisk *disk, GError **error)
{
	g_autoptr(GPtrArray) chain = vk_image_chain_new(vk_guest_host(watch->guest), disk, error);

	for (guint i = 0; chain && i < chain->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(chain, i);

		if (!add_file(watch, image->path, error) ||
		    (image->data_file && !add_file(watch, image->data_file, error)))
			return FALSE;
	}
	return chain != NULL;
}

static gboolean fail_started(VkOfflineWatch *watch, GError **error)
{
	return vk_fail(error, VK_ERROR_CHANGED,
		       "guest '%s' was started while its disks were read; try again",
		       vk_guest_name(watch->guest));
}

static gboolean check_off(VkOfflineWatch *watch, GError **error)
{
	VkGuestState state = VK_GUEST_OTHER;

	if (!vk_guest_get_state(watch->guest, &state, error))
		return FALSE;
	return state == VK_GUEST_OFF || fail_started(watch, error);
}

/* The guest may run on another host: this libvirt knows nothing of that. */
static gboolean check_unwritten(const VkOfflineWatch *watch, GError **error)
{
	for (guint i = 0; i < watch->files->len; i++) {
		const WatchedFile *file = g_ptr_array_index(watch->files, i);

		if (vk_image_file_is_written(file->path))
			return vk_fail(error, VK_ERROR_BUSY,
				       "guest '%s' is off, but another program has '%s' open to "
				       "write to it: if the guest runs on another host, back it up "
				       "there",
				       vk_guest_name(watch->guest), file->path);
	}
	return TRUE;
}

VkOfflineWatch *vk_offline_watch_new(VkGuest *guest, const VkDomain *domain,
				     const GPtrArray *targets, GError **error)
{
	g_autoptr(VkOfflineWatch) watch = g_new0(VkOfflineWatch, 1);

	watch->guest = guest;
	watch->files = g_ptr_array_new_with_free_func(watched_file_free);
	watch->start = vk_start_watch_new(guest, error);
	if (!watch->start)
		return NULL;
	for (guint i = 0; i < targets->len; i++) {
		const char *target = g_ptr_array_index(targets, i);

		if (!add_disk(watch, vk_domain_find_disk(domain, target), error)) {
			g_prefix_error(error, "guest '%s', disk '%s': ", vk_guest_name(guest),
				       target);
			return NULL;
		}
	}
	/* A guest that was just started explains who writes. */
	if (!check_off(watch, error) || !check_unwritten(watch, error))
		return NULL;
	return g_steal_pointer(&watch);
}

gboolean vk_offline_watch_allow_ours(VkOfflineWatch *watch, GError **error)
{
	for (guint i = 0; i < watch->files->len; i++) {
		WatchedFile *file = g_ptr_array_index(watch->files, i);

		if (stat(file->path, &file->info) < 0)
			return vk_fail_errno(error, errno, "cannot examine '%s'", file->path);
	}
	return TRUE;
}

/* Devices have no time of change that would mean something. */
static gboolean file_changed(const WatchedFile *file)
{
	struct stat now;

	if (stat(file->path, &now) < 0)
		return TRUE;
	if (S_ISBLK(now.st_mode))
		return now.st_rdev != file->info.st_rdev;
	return now.st_ino != file->info.st_ino || now.st_dev != file->info.st_dev ||
	       now.st_size != file->info.st_size ||
	       now.st_mtim.tv_sec != file->info.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != file->info.st_mtim.tv_nsec;
}

gboolean vk_offline_watch_unchanged(VkOfflineWatch *watch, GError **error)
{
	g_autoptr(GError) cause = NULL;
	VkStart start = VK_START_MISSED;

	if (!check_off(watch, &cause) || !vk_start_watch_ask(watch->start, &start, &cause))
		return vk_fail(error, VK_ERROR_CHANGED, "%s", cause->message);
	if (start == VK_START_MISSED)
		return vk_fail(error, VK_ERROR_CHANGED,
			       "libvirtd was restarted while the disks of guest '%s' were read, so "
			       "a start of it may have been missed; try again",
			       vk_guest_name(watch->guest));
	if (start == VK_START_SEEN)
		return fail_started(watch, error);
	for (guint i = 0; i < watch->files->len; i++) {
		const WatchedFile *file = g_ptr_array_index(watch->files, i);

		if (file_changed(file))
			return vk_fail(error, VK_ERROR_CHANGED,
				       "'%s' was changed while guest '%s' was read; try again",
				       file->path, vk_guest_name(watch->guest));
	}
	return check_unwritten(watch, error);
}

void vk_offline_watch_free(VkOfflineWatch *watch)
{
	if (!watch)
		return;
	vk_start_watch_free(watch->start);
	g_ptr_array_unref(watch->files);
	g_free(watch);
}
