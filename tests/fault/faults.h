/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the N-th I/O call of a test fail, or the process die at it. Not for threads, but for those
 * of what is tested.
 */
#pragma once

#include <glib.h>

typedef enum {
	FAIL_ONCE,
	FAIL_FROM_THEN_ON,
	CUT_SHORT, /* once, if it reads or writes: it does half and says so, which is no failure */
	KILL,
} Fault;

/* From now on CALL I/O calls succeed, and the next meets the fault. Until disarm(). */
void arm(Fault kind, int call, int errno_value);
void disarm(void);

/* Whether there were so many calls. */
gboolean fault_happened(void);

/*
 * Runs ACT in a child process, whose I/O call number CALL meets the fault. *RET_DONE: it succeeded.
 * Returns whether there were so many calls; if not, it has succeeded.
 */
gboolean meets_fault(Fault kind, int call, int errno_value, gboolean (*act)(gpointer data),
		     gpointer data, gboolean *ret_done);
