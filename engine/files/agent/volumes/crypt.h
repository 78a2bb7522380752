/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Volumes that are encrypted with LUKS, by the host's cryptsetup. An opened one keeps its name, and
 * has the type of what is in it. Threads: one.
 */
#pragma once

#include "message.h"
#include "volumes.h"

/*
 * Whether it is encrypted, was not opened, and could be. Its state says so then, and also if it is
 * encrypted and cannot be opened here.
 */
bool agent_crypt_is_locked(AgentVolume *volume);

/*
 * Opens the volume NAME with SECRET, or with "" all that it opens. Sends the answer: a failure if
 * it opens none of those that are locked.
 */
void agent_crypt_unlock(const char *name, VkBytes secret);
