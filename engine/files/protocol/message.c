/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "message.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 4096

uint8_t *vk_message_reserve(VkMessage *message, size_t length)
{
	size_t room = message->room ? message->room : ROOM_FIRST;
	uint8_t *place;

	if (message->failed || length > VK_MESSAGE_HEAD + VK_MESSAGE_MAX - message->length) {
		message->failed = true;
		return NULL;
	}
	while (room < message->length + length)
		room *= 2;
	if (room != message->room) {
		uint8_t *bytes = realloc(message->bytes, room);

		if (!bytes) {
			message->failed = true;
			return NULL;
		}
		message->bytes = bytes;
		message->room = room;
	}
	place = message->bytes + message->length;
	message->length += length;
	return place;
}

void vk_message_begin(VkMessage *message, VkMessageType type)
{
	uint8_t *head;

	message->length = 0;
	message->failed = false;
	head = vk_message_reserve(message, VK_MESSAGE_HEAD);
	if (!head)
		return;
	memset(head, 0, VK_MESSAGE_HEAD);
	head[4] = (uint8_t)type;
}

static void put(VkMessage *message, const void *bytes, size_t length)
{
	uint8_t *place = vk_message_reserve(message, length);

	if (place && length)
		memcpy(place, bytes, length);
}

void vk_message_put_u32(VkMessage *message, uint32_t value)
{
	uint32_t stored = htole32(value);

	put(message, &stored, sizeof(stored));
}

void vk_message_put_u64(VkMessage *message, uint64_t value)
{
	uint64_t stored = htole64(value);

	put(message, &stored, sizeof(stored));
}

void vk_message_put_bytes(VkMessage *message, const void *bytes, size_t length)
{
	if (length > VK_MESSAGE_MAX) {
		message->failed = true;
		return;
	}
	vk_message_put_u32(message, (uint32_t)length);
	put(message, bytes, length);
}

void vk_message_put_text(VkMessage *message, const char *text)
{
	vk_message_put_bytes(message, text, strlen(text));
}

static void put_view(VkMessage *message, VkBytes bytes)
{
	vk_message_put_bytes(message, bytes.at, bytes.length);
}

void vk_message_put_volume(VkMessage *message, const VkVolumeReport *volume)
{
	put_view(message, volume->name);
	put_view(message, volume->type);
	put_view(message, volume->label);
	put_view(message, volume->uuid);
	put_view(message, volume->state);
	put_view(message, volume->note);
	put_view(message, volume->points);
	vk_message_put_u64(message, volume->size);
	vk_message_put_u32(message, volume->incomplete);
}

void vk_message_put_entry(VkMessage *message, const VkEntryReport *entry)
{
	put_view(message, entry->path);
	put_view(message, entry->target);
	vk_message_put_u32(message, entry->mode);
	vk_message_put_u32(message, entry->uid);
	vk_message_put_u32(message, entry->gid);
	vk_message_put_u32(message, entry->rdev_major);
	vk_message_put_u32(message, entry->rdev_minor);
	vk_message_put_u32(message, entry->links);
	vk_message_put_u64(message, entry->device);
	vk_message_put_u64(message, entry->inode);
	vk_message_put_u64(message, entry->size);
	vk_message_put_u64(message, entry->blocks);
	vk_message_put_u64(message, (uint64_t)entry->mtime_sec);
	vk_message_put_u32(message, entry->mtime_nsec);
}

void vk_message_end(VkMessage *message)
{
	uint32_t length;

	if (message->failed)
		return;
	length = htole32((uint32_t)(message->length - VK_MESSAGE_HEAD));
	memcpy(message->bytes, &length, sizeof(length));
}

void vk_message_clear(VkMessage *message)
{
	free(message->bytes);
	*message = (VkMessage){0};
}

bool vk_message_parse_head(const uint8_t head[VK_MESSAGE_HEAD], size_t *ret_length,
			   VkMessageType *ret_type)
{
	uint32_t length;

	memcpy(&length, head, sizeof(length));
	*ret_length = le32toh(length);
	*ret_type = (VkMessageType)head[4];
	return *ret_length <= VK_MESSAGE_MAX;
}

/* LENGTH bytes of the body, or NULL. */
static const uint8_t *take(VkBody *body, size_t length)
{
	const uint8_t *at = body->at;

	if (body->bad || length > body->left) {
		body->bad = true;
		return NULL;
	}
	body->at += length;
	body->left -= length;
	return at;
}

/* A number of SIZE bytes, the lowest first; 0: there are not so many. */
static uint64_t take_number(VkBody *body, size_t size)
{
	uint64_t value = 0;
	const uint8_t *at = take(body, size);

	if (at)
		memcpy(&value, at, size);
	return le64toh(value);
}

uint32_t vk_body_u32(VkBody *body)
{
	return (uint32_t)take_number(body, sizeof(uint32_t));
}

uint64_t vk_body_u64(VkBody *body)
{
	return take_number(body, sizeof(uint64_t));
}

VkBytes vk_body_bytes(VkBody *body)
{
	size_t length = vk_body_u32(body);
	const uint8_t *at = take(body, length);

	return at ? (VkBytes){.at = at, .length = length} : (VkBytes){.at = (const uint8_t *)""};
}

VkVolumeReport vk_body_volume(VkBody *body)
{
	VkVolumeReport volume;

	volume.name = vk_body_bytes(body);
	volume.type = vk_body_bytes(body);
	volume.label = vk_body_bytes(body);
	volume.uuid = vk_body_bytes(body);
	volume.state = vk_body_bytes(body);
	volume.note = vk_body_bytes(body);
	volume.points = vk_body_bytes(body);
	volume.size = vk_body_u64(body);
	volume.incomplete = vk_body_u32(body);
	return volume;
}

VkEntryReport vk_body_entry(VkBody *body)
{
	VkEntryReport entry;

	entry.path = vk_body_bytes(body);
	entry.target = vk_body_bytes(body);
	entry.mode = vk_body_u32(body);
	entry.uid = vk_body_u32(body);
	entry.gid = vk_body_u32(body);
	entry.rdev_major = vk_body_u32(body);
	entry.rdev_minor = vk_body_u32(body);
	entry.links = vk_body_u32(body);
	entry.device = vk_body_u64(body);
	entry.inode = vk_body_u64(body);
	entry.size = vk_body_u64(body);
	entry.blocks = vk_body_u64(body);
	entry.mtime_sec = (int64_t)vk_body_u64(body);
	entry.mtime_nsec = vk_body_u32(body);
	return entry;
}

bool vk_body_ended(const VkBody *body)
{
	return !body->bad && body->left == 0;
}
