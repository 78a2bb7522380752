/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host asks for, taken apart and answered. Threads: one. */
#pragma once

#include "message.h"

/* Answers a message. One that is no question, or is not whole, ends the appliance. */
void agent_answer(VkMessageType type, VkBody *body);
