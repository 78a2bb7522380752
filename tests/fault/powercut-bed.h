/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vault whose power fails at any call that changes it: what was flushed is there after it, and of
 * the rest any part may be. Each such vault is built beside it, to be checked. Paths are as the
 * calls name them: within a vault.
 */
#pragma once

#include <glib.h>

extern char *top;       /* holds all */
extern char *directory; /* the vault's */
extern GRand *chance;   /* of the run's seed */

/* What to do, once, when a snapshot appears. */
extern void (*on_snapshot)(void);

/* Before and after each test. */
void power_cut_setup(void);
void power_cut_teardown(void);

/* A commit has returned: its snapshot is to be listed from now on. */
void note_commit(void);

/* The calling thread is to stop before it flushes a folder. */
void hold_this_thread(void);
/* Waits until it has stopped. */
void wait_for_held(void);
/* Adds what a power failure would leave now if it lost all that was not flushed. The thread goes
 * on. */
void cut_and_let_go(void);

/* No name is known any more, as before the first call. */
void forget_names(void);

/* Whether the name stays whenever the power fails. */
gboolean is_durable(const char *path);

/* Each vault is whole, and lists at least what was committed. Ends the watching. */
void check_cuts(void);
