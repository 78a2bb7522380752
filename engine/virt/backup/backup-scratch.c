/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-scratch-priv.h"

#include "guest-backup.h"
#include "errors.h"

#include <errno.h>
#include <sys/statvfs.h>

#define MIB         (G_GUINT64_CONSTANT(1) << 20)
#define PERIOD_USEC (50 * G_TIME_SPAN_MILLISECOND)
#define ASK_USEC    G_TIME_SPAN_SECOND /* how often the guest is asked */

/* What stays free: an eighth of the room at first, or what a fast guest writes until the end. */
#define END_SEC     2
#define RESERVE_MIN (64 * MIB)
#define RESERVE_MAX (1024 * MIB)
#define ROOM_MIN    (2 * RESERVE_MIN)

struct VkScratchWatch {
	VkGuest *guest;
	const char *directory, *socket;
	gboolean was_stopped;
	guint64 room; /* at first */
	/* The thread's own until it has ended: bytes, bytes a second, and a monotonic time. */
	guint64 used, rate;
	gint64 asked;
	gboolean gave_up;
	GThread *thread;
	GMutex lock; /* guards what follows */
	GCond stop_cond;
	gboolean stop;
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

guint64 vk_scratch_reserve(guint64 room, guint64 rate)
{
	guint64 until_end = rate < G_MAXUINT64 / END_SEC ? rate * END_SEC : G_MAXUINT64;

	return MAX(CLAMP(room / 8, RESERVE_MIN, RESERVE_MAX), until_end);
}

static void note_used(VkScratchWatch *watch)
{
	gint64 now = g_get_monotonic_time();
	guint64 used = 0;

	if (!vk_backup_scratch_used(watch->guest, &used))
		return;
	watch->rate = used > watch->used ? (used - watch->used) * G_TIME_SPAN_SECOND /
						   (guint64)MAX(now - watch->asked, 1)
					 : 0;
	watch->used = MAX(watch->used, used);
	watch->asked = now;
}

static gboolean is_short(VkScratchWatch *watch)
{
	guint64 room = G_MAXUINT64;

	if (get_room(watch->directory, &room, NULL) &&
	    room < vk_scratch_reserve(watch->room, watch->rate))
		return TRUE;
	if (g_get_monotonic_time() - watch->asked < ASK_USEC)
		return FALSE;
	note_used(watch);
	/* A quota may be met before the file system is full. */
	return !watch->was_stopped && vk_backup_has_stopped_guest(watch->guest);
}

static void give_up(VkScratchWatch *watch)
{
	g_autofree char *socket = NULL;

	if (!vk_backup_running(watch->guest, &socket, NULL) ||
	    g_strcmp0(socket, watch->socket) != 0)
		return;
	note_used(watch);
	watch->gave_up = TRUE;
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

	while (!wait_period(watch)) {
		if (is_short(watch))
			give_up(watch);
	}
	return NULL;
}

VkScratchWatch *vk_scratch_watch_start(VkGuest *guest, const char *directory, const char *socket,
				       gboolean was_stopped)
{
	VkScratchWatch *watch = g_new0(VkScratchWatch, 1);

	watch->guest = guest;
	watch->directory = directory;
	watch->socket = socket;
	watch->was_stopped = was_stopped;
	watch->asked = g_get_monotonic_time();
	get_room(directory, &watch->room, NULL);
	g_mutex_init(&watch->lock);
	g_cond_init(&watch->stop_cond);
	watch->thread = g_thread_new("scratch", run_watch, watch);
	return watch;
}

gboolean vk_scratch_watch_stop(VkScratchWatch *watch, guint64 *ret_used, GError **error)
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
	if (!gave_up)
		note_used(watch);
	*ret_used = watch->used;
	if (gave_up)
		vk_fail(error, VK_ERROR_FAILED,
			"the backup of guest '%s' was stopped: the scratch directory '%s' is "
			"nearly full, %" G_GUINT64_FORMAT
			" MiB of it used by this backup; make room, or set [backup] scratch_dir to "
			"another place",
			vk_guest_name(watch->guest), watch->directory, watch->used / MIB);
	g_mutex_clear(&watch->lock);
	g_cond_clear(&watch->stop_cond);
	g_free(watch);
	return !gave_up;
}
