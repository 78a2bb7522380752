/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The right to run an appliance. Only a few run at a time, because each takes memory and a
 * processor of the host. The right ends with the descriptor, and so with the process. Threads:
 * free.
 */
#pragma once

#include <glib.h>

/* At most that many at a time, of all processes with the same directory. */
#define VK_APPLIANCE_SLOTS 4

/*
 * Waits up to a minute until one is free, and says so. RUN_DIR is made if it is missing. Returns a
 * descriptor, or -1: VK_ERROR_BUSY when none was free.
 */
int vk_appliance_slot_take(const char *run_dir, GError **error);

/*
 * Who takes a slot, and then another one without giving the first back, holds this meanwhile: no
 * two then wait for each other. Waits and returns as vk_appliance_slot_take() does.
 */
int vk_appliance_pair_take(const char *run_dir, GError **error);
