/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deadlines of guests, whatever the release of another one takes. */
#include "guard-watch-priv.h"

#include <check.h>
#include <stdlib.h>

/* A guest whose release takes until it is allowed to end. */
typedef struct {
	gboolean is_slow;
	gboolean is_released, is_fixed, is_freed;
	VkHold released, fixed;
} Guest;

static GMutex mutex;
static GCond changed;
static gboolean may_end; /* slow releases */
static VkWatchlist *list;
static Guest slow = {.is_slow = TRUE}, quick;

static void note(gboolean *what)
{
	g_mutex_lock(&mutex);
	*what = TRUE;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&mutex);
}

/* FALSE: it did not happen. */
static gboolean await(const gboolean *what)
{
	gint64 deadline = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
	gboolean happened;

	g_mutex_lock(&mutex);
	while (!*what && g_cond_wait_until(&changed, &mutex, deadline))
		;
	happened = *what;
	g_mutex_unlock(&mutex);
	return happened;
}

static void release(gpointer data, VkHold held)
{
	Guest *guest = data;

	guest->released = held;
	note(&guest->is_released);
	if (guest->is_slow)
		await(&may_end);
}

static void fix(gpointer data, VkHold held)
{
	Guest *guest = data;

	guest->fixed = held;
	note(&guest->is_fixed);
}

static void free_guest(gpointer data)
{
	note(&((Guest *)data)->is_freed);
}

static void hold_overdue(const char *uuid, VkHold hold)
{
	vk_watchlist_hold(list, uuid, hold, g_get_monotonic_time());
}

/* The slow one is being released. */
static void set_up(void)
{
	list = vk_watchlist_new(release, free_guest);
	vk_watchlist_add(list, "slow", &slow);
	vk_watchlist_add(list, "quick", &quick);
	hold_overdue("slow", VK_HOLD_FROZEN);
	ck_assert(await(&slow.is_released));
	ck_assert_int_eq(slow.released, VK_HOLD_FROZEN);
}

START_TEST(a_slow_release_delays_no_other)
{
	hold_overdue("quick", VK_HOLD_SUSPENDED);
	ck_assert(await(&quick.is_released));
	ck_assert_int_eq(quick.released, VK_HOLD_SUSPENDED);
	note(&may_end);
	vk_watchlist_end(list, fix);
	ck_assert_int_eq(slow.fixed, VK_HOLD_FROZEN);
	ck_assert(slow.is_freed && quick.is_freed);
}
END_TEST

/* As of an engine that has released its guest itself meanwhile. */
START_TEST(who_is_being_released_can_be_removed)
{
	vk_watchlist_released(list, "slow");
	vk_watchlist_remove(list, "slow");
	ck_assert_ptr_null(vk_watchlist_find(list, "slow"));
	ck_assert(!slow.is_freed);
	hold_overdue("quick", VK_HOLD_FROZEN);
	ck_assert(await(&quick.is_released));
	note(&may_end);
	ck_assert(await(&slow.is_freed));
	vk_watchlist_end(list, fix);
	ck_assert(!slow.is_fixed);
	ck_assert(quick.is_fixed);
}
END_TEST

START_TEST(who_is_being_released_can_be_added_again)
{
	Guest again = {0};

	vk_watchlist_released(list, "slow");
	vk_watchlist_add(list, "slow", &again);
	ck_assert_ptr_eq(vk_watchlist_find(list, "slow"), &again);
	hold_overdue("slow", VK_HOLD_FROZEN);
	ck_assert(await(&again.is_released));
	note(&may_end);
	vk_watchlist_end(list, fix);
	ck_assert(slow.is_freed && !slow.is_fixed && again.is_freed);
}
END_TEST

START_TEST(who_is_held_stays)
{
	note(&may_end);
	vk_watchlist_remove(list, "slow");
	ck_assert_ptr_eq(vk_watchlist_find(list, "slow"), &slow);
	vk_watchlist_released(list, "slow");
	vk_watchlist_remove(list, "slow");
	ck_assert_ptr_null(vk_watchlist_find(list, "slow"));
	vk_watchlist_end(list, fix);
	ck_assert(slow.is_freed && !slow.is_fixed);
}
END_TEST

/* Once released it may be held again, with another deadline. */
START_TEST(each_hold_has_its_deadline)
{
	for (int i = 0; i < 3; i++) {
		quick.is_released = FALSE;
		hold_overdue("quick", VK_HOLD_FROZEN);
		ck_assert(await(&quick.is_released));
		vk_watchlist_released(list, "quick");
	}
	quick.is_released = FALSE;
	vk_watchlist_hold(list, "quick", VK_HOLD_FROZEN, g_get_monotonic_time() + G_TIME_SPAN_HOUR);
	note(&may_end);
	vk_watchlist_end(list, fix);
	ck_assert(!quick.is_released);
	ck_assert_int_eq(quick.fixed, VK_HOLD_FROZEN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guard-watch");
	TCase *cases = tcase_create("guard-watch");
	SRunner *runner;
	int failed;

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, set_up, NULL);
	tcase_add_test(cases, a_slow_release_delays_no_other);
	tcase_add_test(cases, who_is_being_released_can_be_removed);
	tcase_add_test(cases, who_is_being_released_can_be_added_again);
	tcase_add_test(cases, who_is_held_stays);
	tcase_add_test(cases, each_hold_has_its_deadline);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
