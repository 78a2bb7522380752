/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may take long: it is done by a process of its own. Meanwhile the host gets signs of life, so
 * that it does not take the appliance for dead. After ten minutes it gets none. Threads: one.
 */
#pragma once

#include "message.h"

/* More than LVM needs for all volumes that are read. */
#define AGENT_OUTPUT_MAX (1u << 20)
#define AGENT_INPUT_MAX  4096

/* What a program left. */
typedef struct AgentOutput {
	char text[AGENT_OUTPUT_MAX]; /* on its standard output */
	char words[256];             /* the last line of its error output; "": none */
	bool full;                   /* it was more, or as much as there is room for */
} AgentOutput;

#define AGENT_CRASHED 255
/* The kernel has ended it, because there was no memory for it: nothing else kills here. */
#define AGENT_STARVED 254

/*
 * Calls FUNCTION in another process. Returns what it returned, 0 to 253, or AGENT_CRASHED, or
 * AGENT_STARVED.
 */
int agent_act(int (*function)(void *data), void *data);

/*
 * Runs a program with its arguments, ended by NULL, and with INPUT, at most AGENT_INPUT_MAX bytes,
 * on its standard input. Returns its exit status. OUTPUT may be NULL.
 */
int agent_run(const char *const *argv, VkBytes input, AgentOutput *output);
