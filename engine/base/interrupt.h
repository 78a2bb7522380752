/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interruption. SIGINT, SIGTERM and SIGHUP ask a running job to stop: loops over bytes and waits
 * test it and end with vk_fail_interrupted(), so that everything is cleaned up on the way out.
 * Threads: free, but for vk_interrupt_arm().
 */
#pragma once

#include <glib.h>

/* From now on these signals interrupt instead of killing. Broken pipes give errors. */
void vk_interrupt_arm(void);

gboolean vk_interrupted(void);
gboolean vk_fail_interrupted(GError **error);

/*
 * Between these a second signal does not end the program, nor do the keys that stop or kill it: a
 * guest is held or has a backup job, and every wait in there is bounded. They nest.
 */
void vk_shield_begin(void);
void vk_shield_end(void);

/* For tests: acts as if a signal had come, or takes it back. */
void vk_set_interrupted(gboolean interrupted);
