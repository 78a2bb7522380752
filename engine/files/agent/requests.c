/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "requests.h"

#include "action.h"
#include "channel.h"
#include "crypt.h"
#include "disks.h"
#include "mounting.h"
#include "node.h"
#include "place.h"
#include "system.h"
#include "volumes.h"
#include "walk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void take_disks(VkBody *body)
{
	char *names[AGENT_DISKS_MAX];
	uint32_t count = vk_body_u32(body);

	if (count > AGENT_DISKS_MAX)
		agent_power_off();
	for (uint32_t i = 0; i < count; i++)
		names[i] = agent_take_text(body);
	agent_disks_find(names, count);
	for (uint32_t i = 0; i < count; i++)
		free(names[i]);
	agent_send_done();
}

static VkBytes view(const char *text)
{
	return (VkBytes){(const uint8_t *)text, strlen(text)};
}

static void send_volume(AgentVolume *volume)
{
	VkMessage message = {0};
	VkVolumeReport report;
	int top = agent_mount(volume, NULL);

	if (top >= 0)
		close(top);
	agent_mount_release(volume);
	report = (VkVolumeReport){
		.name = view(volume->name),
		.type = view(volume->type),
		.label = view(volume->label),
		.uuid = view(volume->uuid),
		.state = view(top >= 0 ? "" : volume->state),
		.note = view(top >= 0 ? volume->note : ""),
		.points = view(volume->points),
		.size = volume->size,
		.incomplete = volume->incomplete,
	};
	vk_message_begin(&message, VK_MESSAGE_VOLUME);
	vk_message_put_volume(&message, &report);
	agent_send(&message);
	vk_message_clear(&message);
}

static void answer_volumes(void)
{
	agent_systems_find();
	for (size_t i = 0; i < agent_volume_count(); i++)
		send_volume(agent_volume(i));
	if (agent_volumes_left_out())
		agent_send_note("", AGENT_VOLUMES_LEFT_OUT);
	agent_send_done();
}

static void answer_walk(VkBody *body)
{
	char *volume = agent_take_text(body);
	char *path = agent_take_text(body);
	bool system = vk_body_u32(body) != 0;
	uint32_t flags = vk_body_u32(body);
	int root;

	if (!vk_body_ended(body))
		agent_power_off();
	root = agent_place_open(volume, system);
	if (root >= 0) {
		if (system)
			agent_system_note_gaps(path);
		agent_walk(root, path, flags);
		close(root);
	}
	free(volume);
	free(path);
}

static void answer_unlock(VkBody *body)
{
	char *volume = agent_take_text(body);
	VkBytes secret = vk_body_bytes(body);

	if (!vk_body_ended(body) || secret.length > AGENT_INPUT_MAX)
		agent_power_off();
	agent_crypt_unlock(volume, secret);
	agent_forget_received();
	free(volume);
}

void agent_answer(VkMessageType type, VkBody *body)
{
	if (type == VK_MESSAGE_SETUP)
		take_disks(body);
	else if (type == VK_MESSAGE_UNLOCK)
		answer_unlock(body);
	else if (type == VK_MESSAGE_ASK_VOLUMES)
		answer_volumes();
	else if (type == VK_MESSAGE_ASK_WALK)
		answer_walk(body);
	else if (!agent_answer_node(type, body))
		agent_power_off();
}
