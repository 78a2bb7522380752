/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interrupt.h"

#include "errors.h"

#include <signal.h>

static volatile sig_atomic_t interrupted, seen_int, seen_term;
static gint shields;      /* atomic */
static GMutex keys_mutex; /* the keys are ignored exactly while there are shields */
static void (*stop_handler)(int), (*quit_handler)(int); /* without shields */

static gboolean is_seen(int number)
{
	return number == SIGINT ? seen_int : seen_term;
}

/*
 * A second SIGINT or SIGTERM ends the program at once, but not while a guest depends on it. A
 * second SIGHUP is no wish of anybody's: the shell and the kernel both send one.
 */
static void note_signal(int number)
{
	if (number != SIGHUP && is_seen(number) && g_atomic_int_get(&shields) == 0) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	if (number == SIGINT)
		seen_int = 1;
	else if (number == SIGTERM)
		seen_term = 1;
	interrupted = 1;
}

void vk_interrupt_arm(void)
{
	struct sigaction action = {.sa_handler = note_signal};
	struct sigaction before;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* Under nohup it stays ignored. */
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Keys that would stop or kill the program on the spot. A command may ignore them all the time. */
void vk_shield_begin(void)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&keys_mutex);

	if (g_atomic_int_add(&shields, 1) > 0)
		return;
	stop_handler = signal(SIGTSTP, SIG_IGN);
	quit_handler = signal(SIGQUIT, SIG_IGN);
}

void vk_shield_end(void)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&keys_mutex);

	if (!g_atomic_int_dec_and_test(&shields))
		return;
	signal(SIGTSTP, stop_handler);
	signal(SIGQUIT, quit_handler);
}

gboolean vk_interrupted(void)
{
	return interrupted != 0;
}

gboolean vk_fail_interrupted(GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "interrupted");
}

void vk_set_interrupted(gboolean value)
{
	interrupted = value;
}
