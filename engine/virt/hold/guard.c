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

/* More on their way would fill the socket, and both sides would wait for each other. */
#define OWED_MAX 64u

struct VkGuard {
	GPid pid;
	GMutex mutex; /* one question at a time; guards what follows */
	int socket;
	GQueue owed; /* of each answer to come, char*: the uuid of the guest that was added, else
			"". Also that to its start, and those that were late */
	GHashTable *refused; /* uuid of a guest that could not be added -> why */
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
static char *receive_answer(VkGuard *guard, GError **error)
{
	gint64 deadline = vk_deadline(ANSWER_TIMEOUT_SEC);
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

/* Under the mutex. The oldest answer that is owed, as a new string. */
static char *take_owed_locked(VkGuard *guard, GError **error)
{
	g_autofree char *text = receive_answer(guard, error);
	g_autofree char *uuid = NULL;

	if (!text)
		return NULL;
	uuid = g_queue_pop_head(&guard->owed);
	if (g_str_equal(text, "ok"))
		g_hash_table_remove(guard->refused, uuid);
	else if (*uuid)
		g_hash_table_insert(guard->refused, g_steal_pointer(&uuid), g_strdup(text));
	return g_steal_pointer(&text);
}

/* Under the mutex. Until COUNT answers are owed, or fewer. */
static gboolean await_locked(VkGuard *guard, guint count, GError **error)
{
	while (guard->owed.length > count) {
		g_autofree char *text = take_owed_locked(guard, error);

		if (!text)
			return FALSE;
	}
	return TRUE;
}

static gboolean check_answer(const char *text, GError **error)
{
	return g_str_equal(text, "ok") || vk_fail(error, VK_ERROR_FAILED, "the guard: %s", text);
}

/* Under the mutex. Why the guest is not under watch says more than that it is not. */
static gboolean check_watched_locked(VkGuard *guard, VkGuest *guest, GError **error)
{
	const char *why = g_hash_table_lookup(guard->refused, vk_guest_uuid(guest));

	return !why || check_answer(why, error);
}

VkGuard *vk_guard_start(const char *uri, guint timeout_sec, GError **error)
{
	g_autoptr(VkGuard) guard = g_new0(VkGuard, 1);
	int pair[2];
	gboolean spawned;

	guard->socket = -1;
	g_mutex_init(&guard->mutex);
	g_queue_init(&guard->owed);
	guard->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_push_tail(&guard->owed, g_strdup(""));
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
	g_queue_clear_full(&guard->owed, g_free);
	g_hash_table_unref(guard->refused);
	g_mutex_clear(&guard->mutex);
	g_free(guard);
}

/* Under the mutex. ADDED: the uuid, if this puts it under watch; else "". */
static gboolean post_locked(VkGuard *guard, VkGuest *guest, json_t *message, int descriptor,
			    const char *added, GError **error)
{
	char *text;
	gboolean sent;

	json_object_set_new(message, "uuid", vk_json_new_string(vk_guest_uuid(guest)));
	text = json_dumps(message, JSON_COMPACT);
	sent = vk_guard_send(guard->socket, text, descriptor, NULL) || fail_dead(error);
	free(text);
	if (sent)
		g_queue_push_tail(&guard->owed, g_strdup(added));
	return sent;
}

/*
 * Under the mutex. Says it before it waits for what is owed: what has ended must get there, however
 * slow the guard is.
 */
static gboolean ask_locked(VkGuard *guard, VkGuest *guest, json_t *message, GError **error)
{
	g_autofree char *answer = NULL;

	if (!post_locked(guard, guest, message, -1, "", error) || !await_locked(guard, 1, error))
		return FALSE;
	answer = take_owed_locked(guard, error);
	return answer && check_watched_locked(guard, guest, error) && check_answer(answer, error);
}

static gboolean name_guest(gboolean ok, VkGuest *guest, GError **error)
{
	if (!ok)
		g_prefix_error(error, "guest '%s': ", vk_guest_name(guest));
	return ok;
}

/* Takes MESSAGE over. */
static gboolean tell(VkGuard *guard, VkGuest *guest, json_t *message, GError **error)
{
	g_autoptr(json_t) owned = message;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guard->mutex);

	return name_guest(ask_locked(guard, guest, message, error), guest, error);
}

gboolean vk_guard_add(VkGuard *guard, VkGuest *guest, int lock_fd, GError **error)
{
	g_autoptr(json_t) message = json_pack("{s:s}", "do", VK_GUARD_ADD);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guard->mutex);

	return name_guest(
		await_locked(guard, OWED_MAX - 1, error) &&
			post_locked(guard, guest, message, lock_fd, vk_guest_uuid(guest), error),
		guest, error);
}

gboolean vk_guard_await(VkGuard *guard, VkGuest *guest, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guard->mutex);

	return name_guest(await_locked(guard, 0, error) &&
				  check_watched_locked(guard, guest, error),
			  guest, error);
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
