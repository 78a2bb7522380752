/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the appliance's kernel says of its troubles. Threads: one. */
#pragma once

#include <stddef.h>

/* Forgets what it has said until now. */
void agent_kernel_log_clear(void);

/* The first line of trouble since then, without its time; "" when there is none. */
void agent_kernel_log_trouble(char *ret, size_t size);
