/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's end of the talk. When the other end is gone, the appliance ends. Threads: one. */
#pragma once

#include "message.h"

/* Opens it. FALSE: there is none. */
bool agent_channel_open(void);

/*
 * Sends MESSAGE after writing its length: together with those that follow soon, and when this end
 * waits for the host at the latest. Ends the appliance if that fails.
 */
void agent_send(VkMessage *message);

/* Waits for a message. Its body is valid until the next call. Ends the appliance at the end. */
VkMessageType agent_receive(VkBody *ret_body);

/* Wipes what was received: it was secret. */
void agent_forget_received(void);

/* A text of a body, with an end. New string. */
char *agent_take_text(VkBody *body);

/* What could not be read: the walk goes on. */
void agent_send_note(const char *path, const char *reason);

/* Instead of an answer. CODE is an errno, or VK_MESSAGE_NO_PLACE. */
void agent_send_failure(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Instead of an answer: the volume is locked. */
void agent_send_locked(const char *volume);

/* The end of an answer. */
void agent_send_done(void);

/* A sign of life: what was asked for takes long. */
void agent_send_alive(void);

/* Turns the appliance off. */
void agent_power_off(void) __attribute__((noreturn));
