/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program that knows a vault's secret, like that of a password store. Threads: free. */
#pragma once

#include "secret.h"

#include <glib.h>

/*
 * Runs COMMAND, words as in a shell but without one, for at most a minute, and returns what it
 * prints on its standard output. New.
 */
VkSecret *vk_key_command_run(const char *command, GError **error);
