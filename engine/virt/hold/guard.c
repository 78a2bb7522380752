/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard.h"

#include "errors.h"
#include "guard-socket.h"
#include "io.h"
#include "json.h"
#include "polling.h"
#include "file-limit.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_SEC 30
#define END_TIMEOUT_SEC    30

struct VkGuard {
	GPid pid;
	GMutex mutex; /* one question at a time */
	int socket;
	guint owed; /* answers to come: also to its start, to what it was told without waiting, and
		       to what it was asked when its answer was late */
};

/* In the child, between fork and exec: what ends the engine's terminal or group spares it. */
static void leave_group(gpointer data)
{
	setsid();
	vk_file_limit_lower(NULL);
}

static gboolean spawn(VkGuard *guard, const char *uri, guint timeout_sec, int socket,
		      GError **error)
{
	g_autofree char *timeout = g_strdup_printf("%u", timeout_sec);
	/* The file, and what it is called. */
	const char *argv[] = {"/proc/self/exe", "virtkeep", VK_GUARD_COMMAND, uri, timeout, NULL};
	g_autoptr(GError) trouble = NULL;

	if (g_spawn_async_with_pipes_and_fds("/", argv, NULL,
					     G_SPAWN_DO_NOT_REAP_CHILD |
						     G_SPAWN_FILE_AND_ARGV_ZERO |
						     G_SPAWN_STDOUT_TO_DEV_NULL,
					     leave_group, NULL, socket, -1, -1, NULL, NULL, 0,
					     &guard->pid, NULL, NULL, NULL, &trouble))
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED, "cannot start the guard: %s", trouble->message);
}

static gboolean fail_dead(GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "the guard has died; start again");
}

/* The next answer as a new string. */
static char *receive_answer(VkGuard *guard, gint64 deadline, GError **error)
{
	struct pollfd poll_fd = {.fd = guard->socket, .events = POLLIN};
	int ready, descriptor;
	char *text;

	do {
		gint64 left = (deadline - g_get_monotonic_time()) / G_TIME_SPAN_MILLISECOND;

		ready = poll(&poll_fd, 1, (int)MAX(left, 0));
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0) {
		vk_fail(error, VK_ERROR_FAILED, "the guard does not answer");
		return NULL;
	}
	text = vk_guard_receive(guard->socket, &descriptor, NULL);
	if (!text)
		fail_dead(error);
	return text;
}

/* Waits for the answer to what was sent last: at least one is owed. */
static gboolean take_answer(VkGuard *guard, GError **error)
{
	gint64 deadline = vk_deadline(ANSWER_TIMEOUT_SEC);
	g_autofree char *text = NULL;

	do {
		g_free(text);
		text = receive_answer(guard, deadline, error);
		if (!text)
			return FALSE;
	} while (--guard->owed > 0);
	return g_str_equal(text, "ok") || vk_fail(error, VK_ERROR_FAILED, "the guard: %s", text);
}

VkGuard *vk_guard_start(const char *uri, guint timeout_sec, GError **error)
{
	g_autoptr(VkGuard) guard = g_new0(VkGuard, 1);
	int pair[2];
	gboolean spawned;

	guard->socket = -1;
	guard->owed = 1;
	g_mutex_init(&guard->mutex);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		vk_fail_errno(error, errno, "cannot make the guard's socket");
		return NULL;
	}
	guard->socket = pair[0];
	spawned = spawn(guard, uri, timeout_sec, pair[1], error);
	close(pair[1]);
	return spawned ? g_steal_pointer(&guard) : NULL;
}

/*
 * Tells it to end, and waits until it has: its end of the socket closes. One that still has to fix
 * something is left alone with it.
 */
static void reap(VkGuard *guard)
{
	gint64 deadline = vk_deadline(END_TIMEOUT_SEC);
	struct pollfd poll_fd = {.fd = guard->socket};

	shutdown(guard->socket, SHUT_WR);
	while (poll_fd.revents == 0 && !vk_deadline_passed(deadline)) {
		gint64 left = deadline - g_get_monotonic_time();

		poll(&poll_fd, 1, (int)(left / G_TIME_SPAN_MILLISECOND) + 1);
	}
	if (poll_fd.revents != 0)
		waitpid(guard->pid, NULL, 0);
}

void vk_guard_free(VkGuard *guard)
{
	if (!guard)
		return;
	if (guard->pid > 0)
		reap(guard);
	vk_io_clear_fd(&guard->socket);
	g_mutex_clear(&guard->mutex);
	g_free(guard);
}

/* Under the mutex. */
static gboolean post_locked(VkGuard *guard, VkGuest *guest, json_t *message, int descriptor,
			    GError **error)
{
	char *text;
	gboolean sent;

	json_object_set_new(message, "uuid", vk_json_new_string(vk_guest_uuid(guest)));
	text = json_dumps(message, JSON_COMPACT);
	sent = vk_guard_send(guard->socket, text, descriptor, NULL) || fail_dead(error);
	free(text);
	guard->owed += sent;
	return sent;
}

/* Takes MESSAGE over. */
static gboolean tell(VkGuard *guard, VkGuest *guest, json_t *message, GError **error)
{
	g_autoptr(json_t) owned = message;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guard->mutex);

	if (post_locked(guard, guest, message, -1, error) && take_answer(guard, error))
		return TRUE;
	g_prefix_error(error, "guest '%s': ", vk_guest_name(guest));
	return FALSE;
}

gboolean vk_guard_add(VkGuard *guard, VkGuest *guest, int lock_fd, GError **error)
{
	g_autoptr(json_t) message = json_pack("{s:s}", "do", VK_GUARD_ADD);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guard->mutex);

	if (post_locked(guard, guest, message, lock_fd, error))
		return TRUE;
	g_prefix_error(error, "guest '%s': ", vk_guest_name(guest));
	return FALSE;
}

/* What the guard need not know any more: it learns it, or it is dead. */
static void tell_end(VkGuard *guard, VkGuest *guest, const char *what)
{
	tell(guard, guest, json_pack("{s:s}", "do", what), NULL);
}

void vk_guard_remove(VkGuard *guard, VkGuest *guest)
{
	tell_end(guard, guest, VK_GUARD_REMOVE);
}

gboolean vk_guard_hold(VkGuard *guard, VkGuest *guest, VkHold hold, gint64 deadline, GError **error)
{
	return tell(guard, guest,
		    json_pack("{s:s, s:i, s:I}", "do", VK_GUARD_HOLD, "hold", (int)hold, "deadline",
			      (json_int_t)deadline),
		    error);
}

void vk_guard_released(VkGuard *guard, VkGuest *guest)
{
	tell_end(guard, guest, VK_GUARD_RELEASED);
}

gboolean vk_guard_job(VkGuard *guard, VkGuest *guest, const char *socket, const GPtrArray *files,
		      gboolean was_stopped, GError **error)
{
	json_t *list = json_array();

	for (guint i = 0; i < files->len; i++)
		json_array_append_new(list, vk_json_new_string(g_ptr_array_index(files, i)));
	return tell(guard, guest,
		    json_pack("{s:s, s:o, s:o, s:b}", "do", VK_GUARD_JOB, "socket",
			      vk_json_new_string(socket), "files", list, "stopped", was_stopped),
		    error);
}

void vk_guard_job_ended(VkGuard *guard, VkGuest *guest)
{
	tell_end(guard, guest, VK_GUARD_JOB_ENDED);
}
