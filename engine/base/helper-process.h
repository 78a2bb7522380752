/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a forked process does first that serves another one over a channel, without exec. */
#pragma once

/*
 * Leaves the session and the working directory of the parent, and all of its descriptors but
 * CHANNEL, so that what ends with them ends with the parent. NAME is what ps(1) shows: the kernel
 * takes 15 bytes. Returns where the channel is now. If it fails, the process exits with 1.
 */
int vk_helper_process_detach(const char *name, int channel);
