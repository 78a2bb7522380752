/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file with metrics that [metrics] textfile names. Threads: one at a time. */
#pragma once

#include "settings.h"

/*
 * Has 'virtkeep metrics' write it anew, if there is one, and waits for that, but not for long, and
 * not when it is interrupted. It is a process of its own: the vault is closed here, and its trouble
 * is nobody's failure. Trouble is a warning.
 */
void vk_metrics_file_update(const VkSettings *settings);
