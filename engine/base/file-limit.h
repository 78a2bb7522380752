/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many files this process may have open. Threads: one at a time. */
#pragma once

#include <glib.h>

/* Raises the limit as far as the system lets us, up to what a group of guests needs. */
void vk_file_limit_raise(void);

/*
 * Before an exec, as a GSpawnChildSetupFunc: gives other programs the limit of open files that we
 * were started with. Those that use select() cannot do with more.
 */
void vk_file_limit_lower(gpointer unused);
