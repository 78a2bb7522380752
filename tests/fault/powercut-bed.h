/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vault whose power fails at any call that changes it: what was flushed is there after it, and of
 * the rest any part may be. Each such vault is built beside it, to be checked, with what the ledger
 * said then. Paths are as the calls name them: within a vault.
 */
#pragma once

#include "ledger.h"

#include <glib.h>

extern char *top;       /* holds all */
extern char *directory; /* the vault's */
extern GRand *chance;   /* of the run's seed */
extern Ledger ledger;

/* Nullable; what to do when an object has got its name. */
extern void (*on_put)(const char *name);

/* Before and after each test. There is no vault yet. */
void power_cut_setup(void);
void power_cut_teardown(void);

/* All that is in the vault is flushed. From now on it is watched. */
void power_cut_watch(void);

/*
 * Whoever is at work dies before it flushes a folder, at the flush that is number CALL from now on:
 * no call does anything then. The power fails only after power_cut_revive(), by which another
 * process goes on with what it sees. That returns whether anybody died.
 */
void power_cut_kill_at_flush(guint call);
gboolean power_cut_revive(void);

/* The calling thread is to stop before it flushes a folder. */
void hold_this_thread(void);
/* Waits until it has stopped. */
void wait_for_held(void);
/* Adds what a power failure would leave now if it lost all that was not flushed. The thread goes
 * on. */
void cut_and_let_go(void);

/* Whether the name stays whenever the power fails. */
gboolean is_durable(const char *path);

/* Ends the watching, and has each vault checked, which is removed then. */
void check_cuts(void (*check)(const Ledger *ledger, const char *directory));
