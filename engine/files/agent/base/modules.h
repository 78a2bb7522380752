/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The modules of the appliance's kernel, from the host's folder of them. Threads: free. */
#pragma once

#include <stdbool.h>

/* Loads the module with this name or alias, and those that it needs. FALSE: there is none. */
bool agent_modules_load(const char *name);
