/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "appliance.h"

#include "disk-server.h"
#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "machine.h"
#include "overlay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define SANDBOX_SEC 30
#define SILENCE_SEC 60

/* Until it says hello. User-mode Linux takes a second, QEMU four, and a busy host thirty times
 * that. */
#define START_SEC 120

/* With only signs of life: the agent gives an action 10 minutes. */
#define ANSWER_SEC (11 * 60)

/* What is kept of a disk's writes: more than any journal. */
#define OVERLAY_MAX ((guint64)1 << 30)

/* The end of the console's text, for messages. */
#define CONSOLE_MAX 4096

/* In front of why the kernel gives up. */
#define PANIC "Kernel panic - not syncing: "

/* When the agent has ended it. */
#define POWER_OFF "] reboot: "

struct VkAppliance {
	GPtrArray *overlays;
	VkSandboxed *sandboxed;
	VkDiskServer *disks;
	GString *console;
	guint8 *body;
	guint8 *input; /* what was read of the channel, from TAKEN to FILLED not yet looked at */
	gsize taken, filled;
	guint silence_sec;
};

#define INPUT_BYTES ((gsize)1 << 20)

static void read_console(VkAppliance *appliance)
{
	char text[1024];
	ssize_t length = read(appliance->sandboxed->console, text, sizeof(text));

	if (length <= 0)
		return;
	g_string_append_len(appliance->console, text, length);
	if (appliance->console->len > CONSOLE_MAX)
		g_string_erase(appliance->console, 0,
			       (gssize)(appliance->console->len - CONSOLE_MAX));
}

/* Fails by WHAT, and by the last line that the kernel printed. */
static gboolean fail_with_words(VkAppliance *appliance, const char *what, GError **error)
{
	g_auto(GStrv) lines = NULL;
	const char *words = "", *crash;

	for (guint i = 0; i < CONSOLE_MAX / 1024 * 4; i++)
		read_console(appliance);
	lines = g_strsplit(appliance->console->str, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		crash = strstr(g_strstrip(lines[i]), PANIC);
		if (crash)
			return vk_fail(error, VK_ERROR_FAILED,
				       "the kernel of the appliance has crashed, by what it read "
				       "of the disks or by a fault of its own: %s",
				       crash + strlen(PANIC));
		/* That it goes off is no reason. */
		if (*lines[i] && !strstr(lines[i], POWER_OFF))
			words = lines[i];
	}
	return vk_fail(error, VK_ERROR_FAILED, "%s%s%s", what, *words ? "; its last words: " : "",
		       words);
}

static gboolean fail_ended(VkAppliance *appliance, GError **error)
{
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	return fail_with_words(appliance, "the appliance ended unexpectedly", error);
}

static gboolean fail_silent(VkAppliance *appliance, guint seconds, GError **error)
{
	g_autofree char *what = g_strdup_printf("the appliance gave no answer for %u s", seconds);

	return fail_with_words(appliance, what, error);
}

/* Waits until there is something to read. */
static gboolean wait_input(VkAppliance *appliance, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + appliance->silence_sec * G_TIME_SPAN_SECOND;
	struct pollfd ready[] = {
		{.fd = appliance->sandboxed->from, .events = POLLIN},
		{.fd = appliance->sandboxed->console, .events = POLLIN},
	};

	for (;;) {
		/* Before the deadline: this process may have been stopped until then. */
		int count = poll(ready, G_N_ELEMENTS(ready), 1000);

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (count > 0 && ready[1].revents & POLLIN)
			read_console(appliance);
		else if (count > 0 && ready[1].revents)
			ready[1].fd = -1;
		if (count > 0 && ready[0].revents)
			return TRUE;
		if (g_get_monotonic_time() > deadline)
			return fail_silent(appliance, appliance->silence_sec, error);
	}
}

static gboolean fill(VkAppliance *appliance, GError **error)
{
	for (;;) {
		ssize_t length;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		length = read(appliance->sandboxed->from, appliance->input, INPUT_BYTES);
		if (length > 0) {
			appliance->taken = 0;
			appliance->filled = (gsize)length;
			return TRUE;
		}
		if (length == 0 || (errno != EAGAIN && errno != EINTR))
			return fail_ended(appliance, error);
		if (!wait_input(appliance, error))
			return FALSE;
	}
}

static gboolean take(VkAppliance *appliance, guint8 *bytes, gsize length, GError **error)
{
	while (length > 0) {
		gsize part = MIN(length, appliance->filled - appliance->taken);

		if (part == 0) {
			if (!fill(appliance, error))
				return FALSE;
			continue;
		}
		memcpy(bytes, appliance->input + appliance->taken, part);
		appliance->taken += part;
		bytes += part;
		length -= part;
	}
	return TRUE;
}

static gboolean receive(VkAppliance *appliance, VkMessageType *ret_type, VkBody *ret_body,
			GError **error)
{
	guint8 head[VK_MESSAGE_HEAD];
	gsize length;

	if (!take(appliance, head, sizeof(head), error))
		return FALSE;
	if (!vk_message_parse_head(head, &length, ret_type))
		return vk_fail(error, VK_ERROR_FAILED, "the appliance sends nonsense");
	if (!take(appliance, appliance->body, length, error))
		return FALSE;
	*ret_body = (VkBody){.at = appliance->body, .left = length};
	return TRUE;
}

gboolean vk_appliance_receive(VkAppliance *appliance, VkMessageType *ret_type, VkBody *ret_body,
			      GError **error)
{
	gint64 waited = 0, before = g_get_monotonic_time();

	while (waited <= (gint64)ANSWER_SEC * G_TIME_SPAN_SECOND) {
		gint64 now;

		if (!receive(appliance, ret_type, ret_body, error))
			return FALSE;
		if (*ret_type != VK_MESSAGE_ALIVE)
			return TRUE;
		now = g_get_monotonic_time();
		/* While this process was stopped, the appliance may have been as well. */
		waited += MIN(now - before, SILENCE_SEC * G_TIME_SPAN_SECOND);
		before = now;
	}
	return fail_silent(appliance, ANSWER_SEC, error);
}

static gboolean write_bytes(VkAppliance *appliance, const guint8 *bytes, gsize length,
			    GError **error)
{
	while (length > 0) {
		struct pollfd ready = {.fd = appliance->sandboxed->to, .events = POLLOUT};
		ssize_t sent = write(appliance->sandboxed->to, bytes, length);

		if (sent > 0)
			bytes += sent, length -= (gsize)sent;
		else if (errno != EAGAIN && errno != EINTR)
			return fail_ended(appliance, error);
		else if (vk_interrupted())
			return vk_fail_interrupted(error);
		else if (poll(&ready, 1, SILENCE_SEC * 1000) == 0)
			return vk_fail(error, VK_ERROR_FAILED, "the appliance takes no orders");
	}
	return TRUE;
}

/* Waits for a message of TYPE. */
static gboolean expect(VkAppliance *appliance, VkMessageType type, VkBody *ret_body, GError **error)
{
	VkMessageType got;

	if (!vk_appliance_receive(appliance, &got, ret_body, error))
		return FALSE;
	return got == type || vk_fail(error, VK_ERROR_FAILED, "the appliance sends nonsense");
}

static gboolean write_piece(VkAppliance *appliance, const guint8 *bytes, gsize length,
			    gboolean is_last, GError **error)
{
	VkMessage piece = {0};
	VkBody body;
	gboolean ok;

	vk_message_begin(&piece, VK_MESSAGE_PIECE);
	vk_message_put_bytes(&piece, bytes, length);
	vk_message_end(&piece);
	ok = write_bytes(appliance, piece.bytes, piece.length, error) &&
	     (is_last || expect(appliance, VK_MESSAGE_DONE, &body, error));
	/* It may be a key. */
	explicit_bzero(piece.bytes, piece.room);
	vk_message_clear(&piece);
	return ok;
}

gboolean vk_appliance_send(VkAppliance *appliance, VkMessage *message, GError **error)
{
	gsize length;

	vk_message_end(message);
	if (message->failed)
		return vk_fail(error, VK_ERROR_USAGE, "the path is too long");
	if (message->length <= VK_MESSAGE_PIECE_MAX)
		return write_bytes(appliance, message->bytes, message->length, error);
	for (gsize at = 0; at < message->length; at += length) {
		length = MIN(VK_MESSAGE_PIECE_MAX, message->length - at);
		if (!write_piece(appliance, message->bytes + at, length,
				 at + length == message->length, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean greet(VkAppliance *appliance, GError **error)
{
	g_autofree char *release = NULL;
	VkBytes bytes;
	VkBody body;

	if (!expect(appliance, VK_MESSAGE_HELLO, &body, error))
		return FALSE;
	if (vk_body_u32(&body) != VK_MESSAGE_VERSION)
		return vk_fail(error, VK_ERROR_FAILED,
			       "virtkeep-agent is not of this version: install virtkeep again");
	bytes = vk_body_bytes(&body);
	release = g_strndup((const char *)bytes.at, bytes.length);
	vk_log_debug("the appliance runs Linux %s", release);
	appliance->silence_sec = SILENCE_SEC;
	return TRUE;
}

static gboolean set_up(VkAppliance *appliance, const GPtrArray *names, GError **error)
{
	VkMessage message = {0};
	VkBody body;
	gboolean ok;

	vk_message_begin(&message, VK_MESSAGE_SETUP);
	vk_message_put_u32(&message, names->len);
	for (guint i = 0; i < names->len; i++)
		vk_message_put_text(&message, g_ptr_array_index(names, i));
	ok = vk_appliance_send(appliance, &message, error) &&
	     expect(appliance, VK_MESSAGE_DONE, &body, error);
	vk_message_clear(&message);
	return ok;
}

/* Takes the images, of which none is left in IMAGES then. */
static gboolean lay_overlays(VkAppliance *appliance, GPtrArray *images, GError **error)
{
	while (images->len > 0) {
		VkOverlay *overlay =
			vk_overlay_new(g_ptr_array_steal_index(images, 0), OVERLAY_MAX, error);

		if (!overlay)
			return FALSE;
		g_ptr_array_add(appliance->overlays, overlay);
	}
	return TRUE;
}

static gboolean launch(VkAppliance *appliance, const VkMachineKind *kind, guint64 memory,
		       GError **error)
{
	g_autoptr(GError) trouble = NULL;
	int fd;

	appliance->sandboxed = vk_machine_start(kind, appliance->overlays->len, memory, error);
	if (!appliance->sandboxed)
		return FALSE;
	fd = vk_sandboxed_take_disks(appliance->sandboxed, SANDBOX_SEC, &trouble);
	if (fd < 0)
		return trouble ? (g_propagate_error(error, g_steal_pointer(&trouble)), FALSE)
			       : fail_ended(appliance, error);
	appliance->disks = vk_disk_server_new(fd, appliance->overlays, error);
	return appliance->disks && vk_sandboxed_go(appliance->sandboxed, error);
}

VkAppliance *vk_appliance_start(const VkMachineKind *kind, GPtrArray *images,
				const GPtrArray *names, guint64 memory, GError **error)
{
	g_autoptr(VkAppliance) appliance = g_new0(VkAppliance, 1);

	appliance->overlays = g_ptr_array_new_with_free_func((GDestroyNotify)vk_overlay_free);
	appliance->silence_sec = START_SEC;
	appliance->console = g_string_new(NULL);
	appliance->body = g_malloc(VK_MESSAGE_MAX);
	appliance->input = g_malloc(INPUT_BYTES);
	g_assert(names->len <= VK_APPLIANCE_DISKS_MAX);
	if (!lay_overlays(appliance, images, error) || !launch(appliance, kind, memory, error) ||
	    !greet(appliance, error) || !set_up(appliance, names, error))
		return NULL;
	return g_steal_pointer(&appliance);
}

const GError *vk_appliance_disk_trouble(VkAppliance *appliance)
{
	return vk_disk_server_trouble(appliance->disks);
}

void vk_appliance_free(VkAppliance *appliance)
{
	if (!appliance)
		return;
	/* The kernel of the appliance may wait for the disks: they are served until it is dead. */
	if (appliance->sandboxed)
		vk_sandboxed_kill(appliance->sandboxed);
	vk_disk_server_free(appliance->disks);
	vk_sandboxed_free(appliance->sandboxed);
	g_ptr_array_unref(appliance->overlays);
	g_string_free(appliance->console, TRUE);
	g_free(appliance->body);
	g_free(appliance->input);
	g_free(appliance);
}
