/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel.h"

#include "platform.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

static int channel = -1;
static uint8_t received[VK_MESSAGE_MAX];
static uint8_t joined[VK_MESSAGE_HEAD + VK_MESSAGE_MAX];
static size_t joined_length;

/* What was sent: each write to the host costs more than what it says. */
static uint8_t waiting[65536];
static size_t waiting_length;
static int64_t waiting_since; /* milliseconds of a clock */

/* The host takes silence for death. */
#define WAIT_MSEC 500

void agent_power_off(void)
{
	reboot(RB_POWER_OFF);
	_exit(1);
}

bool agent_channel_open(void)
{
	channel = agent_platform_open_channel();
	joined_length = 0;
	waiting_length = 0;
	return channel >= 0;
}

static void write_all(const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = write(channel, bytes, length);

		if (sent <= 0 && errno != EINTR)
			agent_power_off();
		if (sent > 0)
			bytes += sent, length -= (size_t)sent;
	}
}

static void flush(void)
{
	write_all(waiting, waiting_length);
	waiting_length = 0;
}

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void agent_send(VkMessage *message)
{
	int64_t now = now_msec();

	vk_message_end(message);
	if (message->failed)
		agent_power_off();
	if (message->length > sizeof(waiting) - waiting_length)
		flush();
	if (message->length > sizeof(waiting)) {
		write_all(message->bytes, message->length);
		return;
	}
	if (waiting_length == 0)
		waiting_since = now;
	memcpy(waiting + waiting_length, message->bytes, message->length);
	waiting_length += message->length;
	if (now - waiting_since >= WAIT_MSEC)
		flush();
}

static void receive(uint8_t *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t count = read(channel, bytes + done, length - done);

		if (count == 0 || (count < 0 && errno != EINTR))
			agent_power_off();
		if (count > 0)
			done += (size_t)count;
	}
}

/* Receives a message as it is sent. */
static VkMessageType receive_one(VkBody *ret_body)
{
	uint8_t head[VK_MESSAGE_HEAD];
	VkMessageType type;
	size_t length;

	/* The host waits for that before it asks for more. */
	flush();
	receive(head, sizeof(head));
	if (!vk_message_parse_head(head, &length, &type))
		agent_power_off();
	receive(received, length);
	*ret_body = (VkBody){.at = received, .left = length};
	return type;
}

/* Adds a piece. Whether the message is there: then it is *RET_TYPE and its body. */
static bool join_piece(VkBody *body, VkMessageType *ret_type, VkBody *ret_body)
{
	VkBytes piece = vk_body_bytes(body);
	size_t length;

	if (!vk_body_ended(body) || piece.length > sizeof(joined) - joined_length)
		agent_power_off();
	memcpy(joined + joined_length, piece.at, piece.length);
	joined_length += piece.length;
	if (joined_length < VK_MESSAGE_HEAD || !vk_message_parse_head(joined, &length, ret_type))
		agent_power_off();
	if (joined_length < VK_MESSAGE_HEAD + length)
		return false;
	joined_length = 0;
	*ret_body = (VkBody){.at = joined + VK_MESSAGE_HEAD, .left = length};
	return true;
}

VkMessageType agent_receive(VkBody *ret_body)
{
	VkMessageType type = receive_one(ret_body);

	while (type == VK_MESSAGE_PIECE && !join_piece(ret_body, &type, ret_body)) {
		agent_send_done();
		type = receive_one(ret_body);
	}
	return type;
}

void agent_forget_received(void)
{
	explicit_bzero(received, sizeof(received));
	explicit_bzero(joined, sizeof(joined));
}

char *agent_take_text(VkBody *body)
{
	VkBytes bytes = vk_body_bytes(body);
	char *text = strndup((const char *)bytes.at, bytes.length);

	if (!text)
		agent_power_off();
	return text;
}

void agent_send_note(const char *path, const char *reason)
{
	VkMessage message = {0};

	vk_message_begin(&message, VK_MESSAGE_NOTE);
	vk_message_put_text(&message, path);
	vk_message_put_text(&message, reason);
	agent_send(&message);
	vk_message_clear(&message);
}

void agent_send_failure(int code, const char *format, ...)
{
	VkMessage message = {0};
	char text[1024];
	va_list args;

	va_start(args, format);
	/* clang-tidy 14 errs in a file that is built for two programs. */
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vk_message_begin(&message, VK_MESSAGE_FAILED);
	vk_message_put_u32(&message, (uint32_t)code);
	vk_message_put_text(&message, text);
	agent_send(&message);
	vk_message_clear(&message);
}

void agent_send_locked(const char *volume)
{
	VkMessage message = {0};

	vk_message_begin(&message, VK_MESSAGE_LOCKED);
	vk_message_put_text(&message, volume);
	agent_send(&message);
	vk_message_clear(&message);
}

static void send_bare(VkMessageType type)
{
	VkMessage message = {0};

	vk_message_begin(&message, type);
	agent_send(&message);
	vk_message_clear(&message);
}

void agent_send_done(void)
{
	send_bare(VK_MESSAGE_DONE);
}

void agent_send_alive(void)
{
	send_bare(VK_MESSAGE_ALIVE);
	flush();
}
