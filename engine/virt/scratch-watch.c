/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch-watch.h"

#include "backup-priv.h"
#include "errors.h"
#include "virt-priv.h"

#include <errno.h>
#include <sys/statvfs.h>

#define MIB          (G_GUINT64_CONSTANT(1) << 20)
#define PERIOD_USEC  (50 * G_TIME_SPAN_MILLISECOND)
#define STATE_PERIOD 20 /* how often the guest is asked, in periods */

/* What stays free: at first an eighth of the room, for what is written until the job has ended. */
#define RESERVE_MIN (64 * MIB)
#define RESERVE_MAX (1024 * MIB)
#define ROOM_MIN    (2 * RESERVE_MIN)

struct VkScratchWatch {
	VkGuest *guest;
	const char *directory, *socket;
	guint64 reserve;
	GThread *thread;
	GMutex lock; /* guards what follows */
	GCond stop_cond;
	gboolean stop;
	gboolean gave_up;
};

static gboolean get_room(const char *directory, guint64 *ret, GError **error)
{
	struct statvfs info;

	if (statvfs(directory, &info) < 0)
		return vk_fail_errno(error, errno, "cannot examine the scratch directory '%s'",
				     directory);
	*ret = (guint64)info.f_bavail * info.f_frsize;
	return TRUE;
}

gboolean vk_scratch_check(VkGuest *guest, const char *directory, GError **error)
{
	guint64 room = 0;

	if (!get_room(directory, &room, error))
		return FALSE;
	if (room < ROOM_MIN)
		return vk_fail(error, VK_ERROR_FAILED,
			       "guest '%s': the scratch directory '%s' has only %" G_GUINT64_FORMAT
			       " MiB free, at least %" G_GUINT64_FORMAT
			       " are needed; make room, or set [backup] scratch_dir to another "
			       "place",
			       vk_guest_name(guest), directory, room / MIB, ROOM_MIN / MIB);
	return TRUE;
}

static gboolean is_short(VkScratchWatch *watch, gboolean ask_guest)
{
	guint64 room = G_MAXUINT64;

	if (get_room(watch->directory, &room, NULL) && room < watch->reserve)
		return TRUE;
	/* A quota may be met before the file system is full. */
	return ask_guest && vk_backup_has_stopped_guest(watch->guest);
}

static void give_up(VkScratchWatch *watch)
{
	g_autofree char *socket = NULL;

	if (!vk_backup_running(watch->guest, &socket, NULL) ||
	    g_strcmp0(socket, watch->socket) != 0)
		return;
	g_mutex_lock(&watch->lock);
	watch->gave_up = TRUE;
	g_mutex_unlock(&watch->lock);
	vk_backup_abort(watch->guest, NULL, NULL);
	vk_backup_resume_guest(watch->guest, NULL);
}

/* Waits for one period. TRUE when the watch ends. */
static gboolean wait_period(VkScratchWatch *watch)
{
	gint64 deadline = g_get_monotonic_time() + PERIOD_USEC;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&watch->lock);

	while (!watch->stop && g_cond_wait_until(&watch->stop_cond, &watch->lock, deadline))
		;
	return watch->stop;
}

static gpointer run_watch(gpointer data)
{
	VkScratchWatch *watch = data;

	for (guint period = 1; !wait_period(watch); period++) {
		if (is_short(watch, period % STATE_PERIOD == 0))
			give_up(watch);
	}
	return NULL;
}

VkScratchWatch *vk_scratch_watch_start(VkGuest *guest, const char *directory, const char *socket)
{
	VkScratchWatch *watch = g_new0(VkScratchWatch, 1);
	guint64 room = 0;

	watch->guest = guest;
	watch->directory = directory;
	watch->socket = socket;
	if (get_room(directory, &room, NULL))
		watch->reserve = CLAMP(room / 8, RESERVE_MIN, RESERVE_MAX);
	g_mutex_init(&watch->lock);
	g_cond_init(&watch->stop_cond);
	watch->thread = g_thread_new("scratch", run_watch, watch);
	return watch;
}

gboolean vk_scratch_watch_stop(VkScratchWatch *watch, GError **error)
{
	gboolean gave_up;

	if (!watch)
		return TRUE;
	g_mutex_lock(&watch->lock);
	watch->stop = TRUE;
	g_cond_signal(&watch->stop_cond);
	g_mutex_unlock(&watch->lock);
	g_thread_join(watch->thread);
	gave_up = watch->gave_up;
	if (gave_up)
		vk_fail(error, VK_ERROR_FAILED,
			"the backup of guest '%s' was given up, for the scratch directory '%s' is "
			"nearly full; make room, or set [backup] scratch_dir to another place",
			vk_guest_name(watch->guest), watch->directory);
	g_mutex_clear(&watch->lock);
	g_cond_clear(&watch->stop_cond);
	g_free(watch);
	return !gave_up;
}
