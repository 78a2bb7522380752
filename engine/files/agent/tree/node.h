/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers about one node of a tree, asked for by its path. Nothing is kept for the host: what is
 * open here only saves time. Threads: one.
 */
#pragma once

#include "message.h"

/*
 * Answers VK_MESSAGE_ASK_NODE and those behind it. A symbolic link on the way is followed as the
 * guest does it, but not one at the end. FALSE when the question is none.
 */
bool agent_answer_node(VkMessageType type, VkBody *body);
