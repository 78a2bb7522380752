/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a restore in place says that it takes away, and the question before it does. */
#include "errors.h"
#include "loss.h"
#include "plan-bed.h"
#include "report-plan.h"

#include <check.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* 20261122T201405Z, which the bed's snapshot is of. */
#define THEN ((gint64)1795378445)

static void assert_ends(const VkRestorePlan *made, gint64 now, const char *end)
{
	g_autofree char *text = vk_loss_text(made, now);

	ck_assert_msg(g_str_has_prefix(text, "what the guest wrote since 2026-11-22 ") &&
			      g_str_has_suffix(text, end),
		      "no '%s' in: %s", end, text);
}

START_TEST(the_lost_time_is_told)
{
	g_autoptr(VkRestorePlan) made = plan_in_place();
	g_autofree char *text = vk_report_plan_text(made);

	assert_ends(made, THEN + 1, ", in 1 second is lost");
	assert_ends(made, THEN + 61, ", in 1 minute 1 second is lost");
	assert_ends(made, THEN + 7200, ", in 2 hours is lost");
	assert_ends(made, THEN + 86400 + 7200 + 59, ", in 1 day 2 hours is lost");
	assert_ends(made, THEN + 2 * 86400 + 59, ", in 2 days is lost");
	/* A clock that was set back. */
	assert_ends(made, THEN - 5, "5 +0000 is lost");
	ck_assert_int_eq(vk_loss_seconds(made, THEN - 5), 0);
	ck_assert(strstr(text, "\n  what the guest wrote since 2026-11-22 ") != NULL);
}
END_TEST

START_TEST(a_new_guest_loses_nothing)
{
	g_autoptr(VkRestorePlan) made = must_plan();

	ck_assert_ptr_null(vk_loss_text(made, THEN + 1));
}
END_TEST

/* The code with which a process ends that is asked at a terminal, where ANSWER is typed. */
static int ask(const VkRestorePlan *made, const char *answer)
{
	int terminal, status;
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		g_autoptr(GError) error = NULL;

		_exit(vk_loss_confirm(made, &error) ? 0 : error->code);
	}
	ck_assert_int_eq(write(terminal, answer, strlen(answer)), strlen(answer));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	close(terminal);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(the_name_has_to_be_typed)
{
	g_autoptr(VkRestorePlan) made = plan_in_place();

	ck_assert_int_eq(ask(made, "web 1\n"), 0);
	ck_assert_int_eq(ask(made, "web\n"), VK_ERROR_FAILED);
	ck_assert_int_eq(ask(made, "\n"), VK_ERROR_FAILED);
	ck_assert_int_eq(ask(made, "y\n"), VK_ERROR_FAILED);
	ck_assert_int_eq(ask(made, "\004"), VK_ERROR_FAILED);
}
END_TEST

START_TEST(nobody_at_a_terminal_is_not_asked)
{
	g_autoptr(VkRestorePlan) made = plan_in_place();
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	ck_assert(vk_loss_confirm(made, &bed.error));
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(what_is_replaced_can_be_kept)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *kept = NULL;
	g_autofree char *prefix = path_in("web.qcow2.old-20");
	g_autofree char *text = NULL;

	touch("web.qcow2");
	bed.options.keep_old = TRUE;
	made = plan_in_place();
	kept = vk_restore_plan_kept_path(made, item_at(made, 0));
	ck_assert_msg(kept && g_str_has_prefix(kept, prefix), "%s", kept);
	text = vk_report_plan_text(made);
	ck_assert(strstr(text, kept) != NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_lost_time_is_told,        a_new_guest_loses_nothing,
		the_name_has_to_be_typed,     nobody_at_a_terminal_is_not_asked,
		what_is_replaced_can_be_kept,
	};

	g_setenv("TZ", "UTC", TRUE);
	return run_plan_tests("loss", tests, G_N_ELEMENTS(tests));
}
