/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the N-th I/O call of a test fail, or the process die at it. Not for threads, but for those
 * of what is tested.
 */
#pragma once

#include <glib.h>

typedef enum { FAIL_ONCE, FAIL_FROM_THEN_ON, KILL } Fault;

/* From now on CALL I/O calls succeed, and the next meets the fault. Until disarm(). */
void arm(Fault kind, int call, int errno_value);
void disarm(void);

/* Whether there were so many calls. */
gboolean fault_happened(void);

/*
 * Runs ACT in a child that is killed at its I/O call number CALL, and says whether it was. If not,
 * ACT must have succeeded.
 */
gboolean killed_at(int call, gboolean (*act)(gpointer data), gpointer data);
