/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard takes notes until the socket ends. Then it fixes what the engine left, each guest in a
 * thread of its own (guard-watch-priv.h). A call of the dead engine may still be on its way through
 * libvirtd, and take effect after the guard has looked. So the guard fixes a guest again and again,
 * until it has found nothing for a while.
 */
#include "guard-process.h"

#include "guest-backup.h"
#include "errors.h"
#include "guard-socket.h"
#include "guard-watch-priv.h"
#include "guard.h"
#include "guest-lock.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "polling.h"
#include "quiesce.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often a job is looked for, and for how long it is tried to end it. */
#define PERIOD_USEC     (150 * G_TIME_SPAN_MILLISECOND)
#define FIX_TIMEOUT_SEC 600

/* A guest under watch, as the engine has last said. */
typedef struct {
	VkHost *host; /* its own connection: guests do not wait for each other */
	VkGuest *guest;
	guint timeout_sec;
	VkGuestLock *lock;
	char *socket;     /* of the backup job; NULL: none */
	GPtrArray *files; /* char* */
	gboolean was_stopped;
} Watched;

typedef struct {
	const char *uri;
	guint timeout_sec;
	VkHost *first;       /* the connection that was made at the start, until a guest has it */
	GError *trouble;     /* why there is none: then nothing can be done; NULL: there was one */
	VkWatchlist *guests; /* of Watched */
} Guard;

static void watched_free(gpointer data)
{
	Watched *watched = data;

	vk_guest_free(watched->guest);
	vk_host_free(watched->host);
	vk_guest_lock_free(watched->lock);
	g_free(watched->socket);
	g_clear_pointer(&watched->files, g_ptr_array_unref);
	g_free(watched);
}

static gboolean add_guest(Guard *guard, const char *uuid, int *descriptor, GError **error)
{
	Watched *watched = g_new0(Watched, 1);

	watched->timeout_sec = guard->timeout_sec;
	watched->lock = vk_guest_lock_adopt(*descriptor);
	*descriptor = -1;
	watched->host =
		guard->first ? g_steal_pointer(&guard->first) : vk_host_open(guard->uri, error);
	if (watched->host)
		watched->guest = vk_host_find(watched->host, uuid, error);
	if (!watched->guest) {
		watched_free(watched);
		return FALSE;
	}
	vk_watchlist_add(guard->guests, uuid, watched);
	return TRUE;
}

static gboolean note_hold(Guard *guard, const char *uuid, const json_t *message, GError **error)
{
	json_t *deadline = json_object_get(message, "deadline");
	guint64 hold = 0;

	if (!json_is_integer(deadline) || !vk_json_uint(message, "hold", &hold, error))
		return vk_fail(error, VK_ERROR_USAGE, "not understood");
	vk_watchlist_hold(guard->guests, uuid, (VkHold)hold, json_integer_value(deadline));
	return TRUE;
}

static gboolean note_job(Watched *watched, const json_t *message, GError **error)
{
	const char *socket = NULL;
	json_t *files = NULL, *file;
	gsize i;

	if (!vk_json_string(message, "socket", &socket, error) ||
	    !vk_json_array(message, "files", &files, error) ||
	    !vk_json_bool(message, "stopped", &watched->was_stopped, error))
		return FALSE;
	g_free(watched->socket);
	watched->socket = g_strdup(socket);
	g_clear_pointer(&watched->files, g_ptr_array_unref);
	watched->files = g_ptr_array_new_with_free_func(g_free);
	json_array_foreach (files, i, file)
		if (json_is_string(file))
			g_ptr_array_add(watched->files, g_strdup(json_string_value(file)));
	return TRUE;
}

static void note_job_ended(Watched *watched)
{
	g_clear_pointer(&watched->socket, g_free);
	g_clear_pointer(&watched->files, g_ptr_array_unref);
}

/* *DESCRIPTOR came with the message; -1 when it was taken. */
static gboolean take_note(Guard *guard, const char *text, int *descriptor, GError **error)
{
	g_autoptr(json_t) message = vk_json_parse(text, strlen(text), "message", error);
	const char *what = NULL, *uuid = NULL;
	Watched *watched;

	if (guard->trouble)
		return vk_fail(error, VK_ERROR_FAILED, "%s", guard->trouble->message);
	if (!message || !vk_json_string(message, "do", &what, error) ||
	    !vk_json_string(message, "uuid", &uuid, error))
		return FALSE;
	if (g_str_equal(what, VK_GUARD_ADD))
		return add_guest(guard, uuid, descriptor, error);
	watched = vk_watchlist_find(guard->guests, uuid);
	if (!watched)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "the guest is not under watch");
	if (g_str_equal(what, VK_GUARD_HOLD))
		return note_hold(guard, uuid, message, error);
	if (g_str_equal(what, VK_GUARD_JOB))
		return note_job(watched, message, error);
	if (g_str_equal(what, VK_GUARD_RELEASED))
		vk_watchlist_released(guard->guests, uuid);
	else if (g_str_equal(what, VK_GUARD_JOB_ENDED))
		note_job_ended(watched);
	else if (g_str_equal(what, VK_GUARD_REMOVE) && watched->socket)
		return TRUE; /* its job has not ended yet, as far as is known: there is something to
				fix */
	else if (g_str_equal(what, VK_GUARD_REMOVE))
		vk_watchlist_remove(guard->guests, uuid);
	else
		return vk_fail(error, VK_ERROR_USAGE, "not understood");
	return TRUE;
}

/* FALSE when the engine is gone. */
static gboolean serve_one(Guard *guard)
{
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD descriptor = -1;
	g_autofree char *text = vk_guard_receive(STDIN_FILENO, &descriptor, NULL);
	gboolean ok;

	if (!text)
		return FALSE;
	ok = take_note(guard, text, &descriptor, &trouble);
	return vk_guard_send(STDIN_FILENO, ok ? "ok" : trouble->message, -1, NULL);
}

static gboolean release(Watched *watched, VkHold hold, GError **error)
{
	return vk_quiesce_recover(watched->guest, hold, watched->timeout_sec, error);
}

/* WHAT follows the guest's name. */
static void tell_release(const char *guest, const char *what)
{
	g_autofree char *text = g_strdup_printf("guest '%s' %s", guest, what);

	vk_log_event(&(VkEvent){.kind = VK_EVENT_RELEASED, .text = text, .guest = guest});
}

static void release_overdue(gpointer data, VkHold held)
{
	Watched *watched = data;
	g_autoptr(GError) trouble = NULL;

	tell_release(vk_guest_name(watched->guest),
		     "is held longer than it should be: the guard releases it");
	if (!release(watched, held, &trouble) ||
	    !vk_quiesce_check_here(watched->guest, held, &trouble))
		vk_log_event(&(VkEvent){.kind = VK_EVENT_ERROR,
					.text = trouble->message,
					.guest = vk_guest_name(watched->guest)});
}

static void remove_files(const Watched *watched)
{
	for (guint i = 0; watched->files && i < watched->files->len; i++)
		g_unlink(g_ptr_array_index(watched->files, i));
	if (watched->socket)
		g_unlink(watched->socket);
}

/* *RET_FOUND is set when virtkeep's job was there, or may soon begin. */
static gboolean end_job(Watched *watched, gboolean *ret_found, GError **error)
{
	g_autofree char *socket = NULL;

	if (!watched->socket)
		return TRUE;
	if (!vk_backup_running(watched->guest, &socket, error))
		return FALSE;
	if (g_strcmp0(socket, watched->socket) == 0) {
		*ret_found = TRUE;
		if (!vk_backup_abort(watched->guest, NULL, error))
			return FALSE;
	} else if (!socket && vk_backup_is_beginning(watched->guest)) {
		*ret_found = TRUE;
		return TRUE;
	}
	remove_files(watched);
	return watched->was_stopped || vk_backup_resume_guest(watched->guest, error);
}

/* The guest goes on first; what it may be held by afterwards is found by the next round. */
static gboolean fix_once(Watched *watched, VkHold held, gboolean *ret_found, GError **error)
{
	gboolean released = !held || release(watched, held, error);

	*ret_found = FALSE;
	return end_job(watched, ret_found, released ? error : NULL) && released;
}

static void fix(gpointer data, VkHold held)
{
	Watched *watched = data;
	const char *name = vk_guest_name(watched->guest);
	gint64 deadline = vk_deadline(FIX_TIMEOUT_SEC), quiet_since = g_get_monotonic_time();
	g_autoptr(GError) gone = NULL;
	gboolean found = FALSE;

	if (!held && !watched->socket)
		return;
	tell_release(name, "was left by a backup that ended early: the guard cleans up");
	while (g_get_monotonic_time() - quiet_since < VK_BACKUP_SETTLE_USEC) {
		g_autoptr(GError) trouble = NULL;
		gboolean well = fix_once(watched, held, &found, &trouble) ||
				g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND);

		if (!(well && !found) && vk_deadline_passed(deadline)) {
			vk_log_error("guest '%s' could not be released: %s; run 'virtkeep doctor "
				     "--fix'",
				     name, trouble ? trouble->message : "a job does not end");
			return;
		}
		if (!well || found)
			quiet_since = g_get_monotonic_time();
		g_usleep(PERIOD_USEC);
	}
	remove_files(watched);
	if (!vk_quiesce_check_here(watched->guest, held, &gone))
		vk_log_error("%s", gone->message);
	/* A later hold is another program's. */
	vk_guest_lock_set_hold(watched->lock, VK_HOLD_NONE, NULL);
}

/* Nothing but the end of the engine ends the guard. */
static void ignore_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static gboolean is_ours(void)
{
	int type = 0;
	socklen_t length = sizeof(type);

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
	       type == SOCK_SEQPACKET;
}

int vk_guard_main(int argc, char **argv)
{
	Guard guard = {0};
	if (argc != 3 || !is_ours()) {
		vk_log_error("'%s' is for virtkeep's own use", VK_GUARD_COMMAND);
		return 2;
	}
	ignore_signals();
	g_set_prgname("virtkeep guard");
	guard.uri = argv[1];
	guard.timeout_sec = (guint)g_ascii_strtoull(argv[2], NULL, 10);
	guard.guests = vk_watchlist_new(release_overdue, watched_free);
	/* What is slow at the first connection is done by then. */
	guard.first = vk_host_open(guard.uri, &guard.trouble);
	if (vk_guard_send(STDIN_FILENO, guard.first ? "ok" : guard.trouble->message, -1, NULL))
		while (serve_one(&guard))
			;
	vk_watchlist_end(guard.guests, fix);
	vk_host_free(guard.first);
	g_clear_error(&guard.trouble);
	return 0;
}
