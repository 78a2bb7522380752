/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Suites of acts on a vault: each act is tried with each kind of fault at its N-th I/O call, for
 * every N.
 */
#pragma once

#include "faults.h"

#include <check.h>

typedef struct FaultActs {
	guint count;
	/* Tries the act number ACT, of which the call number CALL meets the fault. Returns whether
	   there were so many calls. */
	gboolean (*try)(guint act, Fault kind, int call, int errno_value);
	/* The act makes CALLS calls. So many are enough to say that it goes to its end. */
	void (*check_calls)(guint act, int calls);
} FaultActs;

/*
 * Runs all this, with ACTS, and what ADD (nullable) adds: fixtures, other tests. Returns the exit
 * status.
 */
int run_fault_tests(const char *name, const FaultActs *acts, void (*add)(TCase *tcase));
