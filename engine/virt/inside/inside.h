/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkInside: a running guest whose agent runs shell scripts for us, as root of the guest. What they
 * print is the guest's word. Errors call the guest "it". While another program has frozen the
 * guest, each call waits for a minute at most. Threads: one at a time.
 */
#pragma once

#include "guest.h"

#include <glib.h>

/*
 * Bytes that a script gets at most. libvirt's message, in base 64, must fit into the buffer of a
 * socket, of 208 KiB: what does not fit has been seen to stay there.
 */
#define VK_INSIDE_INPUT_MAX ((gsize)128 << 10)

typedef struct VkInside VkInside;

/*
 * GUEST is borrowed until the free. Each answer of the agent takes at most TIMEOUT_SEC.
 * VK_ERROR_FAILED says why its agent runs nothing, and what to do: it is not there, the guest is
 * off or frozen, or its settings forbid it.
 */
VkInside *vk_inside_open(VkGuest *guest, guint timeout_sec, GError **error);
void vk_inside_free(VkInside *inside); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkInside, vk_inside_free)

/* What is run. */
typedef struct VkScript {
	const char *text;         /* for /bin/sh */
	const char *const *words; /* "$1" and so on, ended by NULL: UTF-8 */
	const guint8 *input;      /* its standard input */
	gsize length;             /* of INPUT: at most VK_INSIDE_INPUT_MAX */
} VkScript;

/* What came of it. */
typedef struct VkOutcome {
	int status; /* of its exit; -1: a signal has ended it */
	char *out;  /* at most LENGTH bytes, and a 0 behind them */
	gsize length;
	char *errors; /* what it printed as such, without the newline at the end */
} VkOutcome;

void vk_outcome_clear(VkOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkOutcome, vk_outcome_clear)

/* Starts SCRIPT. *RET_PID names it for the wait, which has to follow. */
gboolean vk_inside_start(VkInside *inside, const VkScript *script, gint64 *ret_pid, GError **error);

/* Waits for its end, at most TIMEOUT_SEC. *RET is to be cleared. */
gboolean vk_inside_wait(VkInside *inside, gint64 pid, guint timeout_sec, VkOutcome *ret,
			GError **error);

/* Both. */
gboolean vk_inside_run(VkInside *inside, const VkScript *script, guint timeout_sec, VkOutcome *ret,
		       GError **error);
